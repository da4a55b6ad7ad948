"""Intervals for a comparison of two methods on the same clusters of frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


def relative_gain(
    errors: np.ndarray,
    reference: np.ndarray,
    frames: np.ndarray,
    clusters: np.ndarray,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> Interval:
    """How much smaller an error is than a reference, with a bootstrap interval.

    Whole clusters are resampled with replacement (percentile method), because
    sequences of the same motion seen by several cameras are not independent. Both
    methods see the same draw.

    Args:
        errors: Mean error of each sequence, ``(S,)``.
        reference: The same of the reference, ``(S,)``.
        frames: Scored frames of each sequence, the weights, ``(S,)``.
        clusters: Label of each sequence's cluster, ``(S,)``.
        draws: Bootstrap samples.
        seed: Seed of the draws.

    Returns:
        ``1 - mean(errors) / mean(reference)`` and its interval.

    Raises:
        ValueError: If shapes differ or there is nothing to compare.
    """
    errors, reference, frames = (
        np.asarray(values, dtype=np.float64) for values in (errors, reference, frames)
    )
    if not errors.shape == reference.shape == frames.shape == np.shape(clusters):
        raise ValueError(
            'errors, reference, frames and clusters need one entry a sequence, got '
            f'{errors.shape}, {reference.shape}, {frames.shape}, {np.shape(clusters)}'
        )
    if errors.size == 0:
        raise ValueError('there is no sequence to compare')
    _, cluster = np.unique(clusters, return_inverse=True)
    own = np.bincount(cluster, weights=errors * frames)
    other = np.bincount(cluster, weights=reference * frames)
    drawn = np.random.default_rng(seed).integers(0, len(own), (draws, len(own)))
    gains = 1 - own[drawn].sum(1) / other[drawn].sum(1)
    low, high = np.quantile(gains, [0.025, 0.975])
    return Interval(float(1 - own.sum() / other.sum()), float(low), float(high))
