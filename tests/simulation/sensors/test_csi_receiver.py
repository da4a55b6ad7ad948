"""What the receiver makes of a channel."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.sensors.csi_receiver import report_csi
from mmpose_ext.simulation.sensors.multipath import SUBCARRIERS, path_response

FRAMES = 40


@pytest.fixture
def plain(parameters):
    return replace(
        parameters.wifi,
        gain_jitter_db=0.0,
        noise_db=-300.0,
        lost_entry_rate=0.0,
        bad_packet_rate=0.0,
        bad_frame_rate=0.0,
        level_db=60.0,
    )


@pytest.fixture
def channel():
    lengths = np.array([[6.0, 9.0], [6.1, 9.2], [6.2, 9.3]])
    band = 5.31e9 + 312_500.0 * SUBCARRIERS
    one = path_response(lengths, np.array([1e-3, 4e-4]), band)
    return np.broadcast_to(one, (FRAMES, 10, 3, 114)).copy()


def report(channel, parameters, seed=0):
    return report_csi(
        channel, parameters=parameters, generator=np.random.default_rng(seed)
    )


def test_shapes_and_level(channel, parameters):
    amplitude, phase = report(channel, parameters.wifi)
    assert amplitude.shape == phase.shape == (FRAMES, 3, 114, 10)
    finite = amplitude[np.isfinite(amplitude)]
    rms_db = 10 * np.log10((10 ** (finite / 10)).mean())
    assert abs(rms_db - parameters.wifi.level_db) < 0.3
    assert np.isfinite(phase).all() and np.abs(phase).max() <= np.pi
    assert not np.isnan(amplitude).any() and not np.isposinf(amplitude).any()


def test_amplitudes_are_those_of_the_channel(channel, plain):
    amplitude, _ = report(channel, plain)
    truth = 20 * np.log10(np.abs(np.moveaxis(channel, 1, -1)))
    offset = amplitude - truth
    np.testing.assert_allclose(offset, offset.mean(), atol=0.05)


def test_numbers_are_whole(channel, parameters):
    amplitude, phase = report(channel, parameters.wifi)
    level = np.where(np.isfinite(amplitude), 10 ** (amplitude / 20), 0)
    parts = np.stack([level * np.cos(phase), level * np.sin(phase)])
    np.testing.assert_allclose(parts, np.round(parts), atol=1e-6)


def test_a_packets_phase_is_off_by_a_line(channel, plain):
    """Constant and slope differ from packet to packet, but not between antennas."""
    _, phase = report(channel, plain)
    truth = np.angle(np.moveaxis(channel, 1, -1))
    off = np.unwrap(phase - truth, axis=2)
    slope = np.polyfit(SUBCARRIERS, off[3, 0], 1)[0]
    line = np.polyval(np.polyfit(SUBCARRIERS, off[3, 0, :, 4], 1), SUBCARRIERS)
    np.testing.assert_allclose(off[3, 0, :, 4], line, atol=0.02)
    bound = 2 * np.pi * plain.delay_jitter_s * plain.spacing_hz
    assert np.abs(slope).max() < bound and slope.std() > 0.3 * bound
    between = np.exp(1j * (off[:, 1] - off[:, 0]))
    np.testing.assert_allclose(between, 1, atol=0.03)
    assert np.abs(np.exp(1j * off[:, 0, 0]).mean()) < 0.2


def test_losses_are_as_frequent_as_said(channel, plain):
    lossy = replace(plain, lost_entry_rate=0.02, bad_packet_rate=0.1)
    amplitude, phase = report(channel, lossy)
    lost = np.isneginf(amplitude)
    whole = lost.all(axis=(1, 2))
    assert 0.05 < whole.mean() < 0.15
    inside = lost.transpose(0, 3, 1, 2)[~whole]
    assert 0.017 < inside.mean() < 0.023
    assert (phase[lost] == 0).all()
    frames = replace(plain, bad_frame_rate=0.3)
    dead = np.isneginf(report(channel, frames)[0]).all(axis=(1, 2, 3))
    assert 0.1 < dead.mean() < 0.5


def test_deep_fades_become_minus_infinity(channel, plain):
    channel[:, :, 1, 30] *= 1e-6
    amplitude, _ = report(channel, plain)
    assert np.isneginf(amplitude[:, 1, 30]).all()
    assert np.isfinite(np.delete(amplitude[:, 1], 30, axis=1)).all()
