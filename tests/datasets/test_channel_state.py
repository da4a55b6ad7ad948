"""Cleaning of channel state: against a loop over packets, and where that fails."""

import numpy as np
import pytest

from mmpose_ext.datasets.channel_state import clean_csi, min_max, wrap_angle

SHAPE = (3, 114, 10)


def measured(frames=4, seed=0):
    return np.random.default_rng(seed).uniform(20, 60, (frames, *SHAPE))


def clean_packet_by_packet(frame):
    """One amplitude frame as the data set's toolbox cleans and scales it."""
    frame = frame.copy()
    frame[np.isinf(frame)] = np.nan
    for packet in range(SHAPE[2]):
        values = frame[:, :, packet]
        holes = np.isnan(values)
        if holes.any():
            values[holes] = values[~holes].mean()
    return frame, (frame - frame.min()) / (frame.max() - frame.min())


def test_values():
    amplitude = measured()
    amplitude[0, 0, 3, 2] = -np.inf
    amplitude[0, 1, 4, 2] = np.nan
    amplitude[2, :, 50:60, 9] = np.inf
    cleaned, bad = clean_csi(amplitude)
    assert cleaned.dtype == np.float32 and not bad.any()
    for frame, result in zip(amplitude, cleaned, strict=True):
        expected, scaled = clean_packet_by_packet(frame)
        np.testing.assert_allclose(result, expected, rtol=1e-6)
        np.testing.assert_allclose(min_max(result), scaled, atol=1e-6)
    np.testing.assert_array_equal(cleaned[1], amplitude[1].astype(np.float32))


def test_shapes():
    cleaned, bad = clean_csi(measured(2)[:0])
    assert cleaned.shape == (0, *SHAPE) and bad.shape == (0, 10)
    assert min_max(measured(2)).shape == (2, *SHAPE)


def test_wholly_invalid_packet():
    """It takes the mean of the others, entry by entry, after these are filled."""
    amplitude = measured(2)
    amplitude[0, ..., 4] = -np.inf
    amplitude[0, 0, 0, 5] = np.nan
    cleaned, bad = clean_csi(amplitude)
    assert np.argwhere(bad).tolist() == [[0, 4]]
    filled = clean_packet_by_packet(np.delete(amplitude[0], 4, axis=2)[..., [0] * 10])
    assert np.isfinite(cleaned).all() and np.isfinite(filled[0]).all()
    rest = np.delete(cleaned[0], 4, axis=2)
    np.testing.assert_allclose(cleaned[0, ..., 4], rest.mean(axis=2), rtol=1e-6)
    np.testing.assert_allclose(rest[0, 0, 4], np.nanmean(amplitude[0, ..., 5]))


def test_wholly_invalid_frame():
    amplitude = measured(2)
    amplitude[1] = np.nan
    cleaned, bad = clean_csi(amplitude)
    assert bad[1].all() and not bad[0].any()
    assert not cleaned[1].any()
    assert not min_max(cleaned[1]).any()


def test_too_large_for_float32():
    amplitude = measured(1)
    amplitude[0, 0, 0, 0] = 1e300
    assert clean_csi(amplitude)[0].max() < 61


def test_phase_is_filled_around_the_circle():
    """The mean of 3.1 and -3.1 is pi, not 0."""
    phase = np.where(np.arange(114)[:, None] % 2, 3.1, -3.1) * np.ones(SHAPE)
    phase = phase[None].copy()
    phase[0, 0, :2, 7] = np.nan
    phase[0, ..., 3] = np.inf
    cleaned, bad = clean_csi(phase, circular=True)
    np.testing.assert_allclose(abs(cleaned[0, 0, :2, 7]), np.pi, rtol=1e-6)
    assert np.argwhere(bad).tolist() == [[0, 3]]
    np.testing.assert_allclose(cleaned[0, 2, :, 3], phase[0, 2, :, 0], rtol=1e-6)
    phase[:] = np.nan
    assert not clean_csi(phase, circular=True)[0].any()


def test_constant_frame():
    assert not min_max(np.full((2, *SHAPE), 7, np.float32)).any()
    assert not min_max(np.full(SHAPE, 7, np.float32)).any()


def test_frames_one_by_one():
    amplitude = measured().astype(np.float32)
    together = min_max(amplitude)
    assert together.dtype == min_max(amplitude[0]).dtype == np.float32
    np.testing.assert_array_equal(together, [min_max(frame) for frame in amplitude])


def test_source_is_left_alone():
    amplitude = measured(1)
    amplitude[0, 0, 0, 0] = np.nan
    amplitude.flags.writeable = False
    clean_csi(amplitude)
    assert np.isnan(amplitude[0, 0, 0, 0])


@pytest.mark.parametrize(
    ('angle', 'wrapped'),
    [(0, 0), (4, 4 - 2 * np.pi), (-9, -9 + 4 * np.pi + -2 * np.pi)],
)
def test_wrap_angle(angle, wrapped):
    assert wrap_angle(np.array(angle)) == pytest.approx(wrapped)
    assert wrap_angle(np.array(np.pi)) == pytest.approx(-np.pi)
