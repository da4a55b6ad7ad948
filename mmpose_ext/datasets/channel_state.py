"""Channel state of WiFi (CSI) without holes.

A frame is ``(3, 114, 10)``: receiving antennas, sub-carriers, packets. In measured
amplitudes single entries are infinite or NaN, and at times a whole packet. The toolbox
of MM-Fi (Yang et al., NeurIPS 2023) fills entries by the mean of their packet, and a
whole packet makes the frame NaN; here nothing is left undefined.
"""

from __future__ import annotations

import numpy as np

CLEANING = (
    'entries that are not finite take the mean of their packet (phase: the circular '
    "mean), packets without a finite entry the mean of the frame's other packets entry "
    'by entry, frames without one are 0; the phase of an entry without finite '
    'amplitude counts as not finite'
)
"""What becomes of amplitude and phase, for the header of a store."""


def clean_csi(
    values: np.ndarray, *, circular: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Fill what is not finite; see :data:`CLEANING`.

    Args:
        values: ``(F, A, C, P)`` frames, antennas, sub-carriers, packets: amplitudes or,
            if ``circular``, phases in radians. What float32 cannot hold counts as
            infinite.
        circular: Whether values are angles, whose mean is that of unit vectors.

    Returns:
        The cleaned values ``(F, A, C, P)``, float32 and finite, and which packets had
        no finite entry, ``(F, P)`` bool.
    """
    values = np.asarray(values)
    with np.errstate(over='ignore', invalid='ignore'):
        cleaned = values.astype(np.float32)
    finite = np.isfinite(cleaned)
    if finite.all():
        return cleaned, np.zeros((len(values), values.shape[3]), dtype=bool)
    known = np.where(finite, values, 0.0).astype(np.float64)
    bad = np.logical_not(finite.any(axis=(1, 2)))
    packet_mean = _mean(known, finite, circular, axis=(1, 2))
    cleaned = np.where(finite, known, packet_mean)
    good = np.broadcast_to(~bad[:, None, None, :], values.shape)
    frame_mean = _mean(cleaned, good, circular, axis=(3,))
    cleaned = np.where(good, cleaned, frame_mean)
    return cleaned.astype(np.float32), bad


def min_max(amplitude: np.ndarray) -> np.ndarray:
    """Stretch each frame to [0, 1] over antennas, sub-carriers and packets.

    Args:
        amplitude: ``(..., A, C, P)``, finite.

    Returns:
        The same shape and type; a constant frame becomes 0.
    """
    if amplitude.ndim == 3:  # of one frame, without the cost of axes
        low = amplitude.min()
        spread = amplitude.max() - low
        stretched = amplitude - low
        return np.divide(stretched, spread, out=stretched) if spread else stretched
    axes = (-3, -2, -1)
    low = amplitude.min(axis=axes, keepdims=True)
    spread = amplitude.max(axis=axes, keepdims=True) - low
    return (amplitude - low) / np.where(spread, spread, 1)


def wrap_angle(phase: np.ndarray) -> np.ndarray:
    """The same angles in [-pi, pi), radians."""
    return (phase + np.pi) % (2 * np.pi) - np.pi


def _mean(
    values: np.ndarray, used: np.ndarray, circular: bool, axis: tuple[int, ...]
) -> np.ndarray:
    """Mean of the used values along axes, which stay; 0 where none is used."""
    if circular:
        vectors = np.where(used, np.exp(1j * values), 0)
        return np.angle(vectors.sum(axis=axis, keepdims=True))
    total = np.where(used, values, 0).sum(axis=axis, keepdims=True)
    return total / np.maximum(used.sum(axis=axis, keepdims=True), 1)
