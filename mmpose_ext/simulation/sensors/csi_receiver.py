"""What a receiver of channel state reports: gains, offsets, noise, lost packets."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.sensors.multipath import SUBCARRIERS
from mmpose_ext.simulation.sensors.parameters import WifiParameters


def report_csi(
    response: np.ndarray,
    *,
    parameters: WifiParameters,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure a channel packet by packet.

    The gain is set once for the sequence and jitters a little; noise is added; real and
    imaginary part become whole numbers, as the Atheros tool gives them. Amplitudes are
    in decibels, so an entry whose two numbers are 0 is -inf. The phase of a packet is
    off by a constant, as its oscillators are not locked, and by a line across the
    sub-carriers, as its start is not known exactly. Now and then entries, packets or
    all packets of a frame are lost: their amplitude is -inf and their phase 0.

    Args:
        response: Field that arrives against the one sent ``(F, packets, A, 114)``.
        parameters: The receiver.
        generator: Source of randomness.

    Returns:
        Amplitude in decibels and phase in radians, ``(F, A, 114, packets)`` each.
    """
    frames, packets = response.shape[:2]
    level = np.sqrt((np.abs(response) ** 2).mean())
    target = 10 ** (parameters.level_db / 20)
    jitter_db = parameters.gain_jitter_db * generator.standard_normal((frames, packets))
    gain = target / level * 10 ** (jitter_db / 20)
    turn = generator.uniform(0, 2 * np.pi, (frames, packets))
    delay = parameters.delay_jitter_s * generator.uniform(-1, 1, (frames, packets))
    offset = parameters.spacing_hz * SUBCARRIERS
    phase = turn[..., None] - 2 * np.pi * delay[..., None] * offset
    measured = (gain[..., None] * np.exp(1j * phase))[:, :, None] * response
    noise = target * 10 ** (parameters.noise_db / 20) / np.sqrt(2)
    measured += (
        noise * generator.standard_normal((*measured.shape, 2)).view(complex)[..., 0]
    )
    measured = np.round(measured)
    measured[_lost(measured.shape, parameters, generator)] = 0

    measured = np.moveaxis(measured, 1, -1)
    with np.errstate(divide='ignore'):
        amplitude = 20 * np.log10(np.abs(measured))
    return amplitude, np.angle(measured)


def _lost(
    shape: tuple[int, ...], parameters: WifiParameters, generator: np.random.Generator
) -> np.ndarray:
    """Which entries are lost."""
    frames = generator.random(shape[0]) < parameters.bad_frame_rate
    packets = generator.random(shape[:2]) < parameters.bad_packet_rate
    entries = generator.random(shape) < parameters.lost_entry_rate
    return entries | packets[..., None, None] | frames[:, None, None, None]
