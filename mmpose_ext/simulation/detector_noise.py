"""What a 2D keypoint detector would have seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.signal import lfilter

from mmpose_ext.geometry import FLIP_INDICES, H36M17

REFERENCE_BOX_PX = 400.0
"""Size of the person, in pixels, at which the table below holds: about that of
somebody standing five metres away from a Human3.6M camera."""

SIGMA_PX: dict[str, float] = {
    'root': 4.0,
    'hip': 4.5,
    'knee': 5.0,
    'foot': 6.5,
    'spine': 4.5,
    'thorax': 3.5,
    'neck_base': 3.5,
    'head': 4.0,
    'shoulder': 4.5,
    'elbow': 6.0,
    'wrist': 7.5,
}
"""Standard deviation per axis by joint, both sides alike, in pixels."""

LIMBS: tuple[tuple[int, ...], ...] = ((1, 2, 3, 4, 5, 6), (11, 12, 13, 14, 15, 16))
"""Joints that swap together: the legs, the arms."""


def detect_keypoints(
    keypoints_px: np.ndarray,
    generator: np.random.Generator,
    *,
    image_size: tuple[int, int] | None = None,
    sigma_px: Mapping[str, float] = SIGMA_PX,
    correlation: float = 0.85,
    swap_rate: float = 0.0015,
    swap_length: float = 8.0,
    miss_rate: float = 0.0015,
    miss_length: float = 6.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Add detector-like errors to true keypoints.

    Four things happen, in this order: every joint gets Gaussian noise that follows an
    AR(1) process in time and grows with the person's size in the image; now and then
    left and right of the arms or legs are swapped for a few frames; now and then a
    joint is missed, its keypoint lies far off for a few frames; what falls outside
    the image is moved to its border. The score falls with the true error of a joint,
    with noise of its own; a swapped joint looks nearly as good as a right one, as with
    real detectors.

    Args:
        keypoints_px: True keypoints ``(T, 17, 2)`` in Human3.6M-17 order, pixels.
        generator: Source of randomness; the same state gives the same result.
        image_size: ``(width, height)``; ``None`` leaves points outside where they are.
        sigma_px: Standard deviation by joint, see :data:`SIGMA_PX`.
        correlation: Coefficient of the AR(1) process, in [0, 1).
        swap_rate: Probability, per frame, that a swap of arms, or of legs, begins.
        swap_length: Mean number of frames of a swap, at least 1.
        miss_rate: Probability, per frame and joint, that a miss begins.
        miss_length: Mean number of frames of a miss, at least 1.

    Returns:
        Keypoints ``(T, 17, 2)``, pixels, and scores ``(T, 17)`` in [0, 1], float32.

    Raises:
        ValueError: If the shape, a rate or a length is out of range, or a keypoint is
            not finite.
    """
    truth = np.asarray(keypoints_px, dtype=np.float64)
    _check(truth, correlation, (swap_rate, miss_rate), (swap_length, miss_length))
    size = np.ptp(truth, axis=1).max(axis=-1) / REFERENCE_BOX_PX
    scale = size[:, None] * _sigma_of_joints(sigma_px)
    jitter = scale[..., None] * _ar1(generator, truth.shape, correlation)
    keypoints = truth + jitter

    swapped = _swap(keypoints, generator, swap_rate, swap_length)
    missed, offsets = _misses(generator, truth.shape[:2], miss_rate, miss_length)
    far = offsets * (size * REFERENCE_BOX_PX)[:, None, None]
    keypoints = np.where(missed[..., None], keypoints + far, keypoints)
    if image_size is not None:
        keypoints = np.clip(keypoints, 0, np.asarray(image_size) - 1.0)

    error = np.linalg.norm(keypoints - truth, axis=-1)
    # A swapped joint is scored by how well it sits on the wrong one.
    seen_error = np.where(swapped & ~missed, np.linalg.norm(jitter, axis=-1), error)
    scores = _scores(seen_error / np.maximum(size[:, None], 1e-6), generator)
    scores = np.where(swapped, 0.85 * scores, scores)
    return keypoints.astype(np.float32), scores.astype(np.float32)


def _check(
    truth: np.ndarray,
    correlation: float,
    rates: tuple[float, ...],
    lengths: tuple[float, ...],
) -> None:
    if truth.ndim != 3 or truth.shape[1:] != (H36M17.num_joints, 2):
        raise ValueError(f'keypoints have shape {truth.shape}, expected (T, 17, 2)')
    if not np.isfinite(truth).all():
        raise ValueError('keypoints hold NaN or infinity')
    if not 0 <= correlation < 1:
        raise ValueError(f'correlation is {correlation}, expected [0, 1)')
    if not all(0 <= rate <= 1 for rate in rates):
        raise ValueError(f'rates are {rates}, expected [0, 1]')
    if not all(length >= 1 for length in lengths):
        raise ValueError(f'mean lengths are {lengths}, expected at least one frame')


def _sigma_of_joints(sigma_px: Mapping[str, float]) -> np.ndarray:
    names = [
        name.removeprefix('left_').removeprefix('right_') for name in H36M17.joint_names
    ]
    missing = sorted(set(names) - set(sigma_px))
    if missing:
        raise ValueError(f'sigma_px says nothing about {missing}')
    return np.array([sigma_px[name] for name in names])


def _ar1(
    generator: np.random.Generator, shape: tuple[int, ...], correlation: float
) -> np.ndarray:
    """Unit-variance AR(1) noise along axis 0, stationary from the first frame."""
    innovations = generator.standard_normal(shape)
    innovations[1:] *= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], innovations, axis=0)


def _stretches(
    generator: np.random.Generator,
    shape: tuple[int, int],
    rate: float,
    mean_length: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Random stretches of frames: flags ``(T, N)`` and the frame where each began."""
    frame = np.arange(shape[0])[:, None]
    begins = generator.random(shape) < rate
    ends = frame + generator.geometric(1 / mean_length, shape)
    last_end = np.maximum.accumulate(np.where(begins, ends, 0), axis=0)
    last_begin = np.maximum.accumulate(np.where(begins, frame, 0), axis=0)
    return frame < last_end, last_begin


def _swap(
    keypoints: np.ndarray,
    generator: np.random.Generator,
    rate: float,
    mean_length: float,
) -> np.ndarray:
    """Exchange left and right in place; return the flags ``(T, 17)``."""
    flags, _ = _stretches(generator, (len(keypoints), len(LIMBS)), rate, mean_length)
    swapped = np.zeros(keypoints.shape[:2], dtype=bool)
    for limb, on in zip(LIMBS, flags.T, strict=True):
        swapped[:, limb] = on[:, None]
    mirrored = keypoints[:, FLIP_INDICES]
    keypoints[swapped] = mirrored[swapped]
    return swapped


def _misses(
    generator: np.random.Generator,
    shape: tuple[int, int],
    rate: float,
    mean_length: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Flags ``(T, K)`` and offsets ``(T, K, 2)`` in units of the person's size."""
    flags, began = _stretches(generator, shape, rate, mean_length)
    angle = generator.uniform(0, 2 * np.pi, shape)
    radius = generator.uniform(0.1, 0.4, shape)
    offset = radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return flags, np.take_along_axis(offset, began[..., None], axis=0)


def _scores(error_px: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Scores from errors at the reference size: 0.9 when right, falling to 0.1.

    A detector does not know its error: it guesses it within a factor of two or so.
    """
    guess = error_px * np.exp(0.8 * generator.standard_normal(error_px.shape))
    score = 0.1 + 0.8 / (1 + (guess / 15.0) ** 2)
    return np.clip(score + 0.05 * generator.standard_normal(score.shape), 0, 1)
