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
    best: np.ndarray | None = None,
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
        best: Mean error of each sequence for the best that can be had, ``(S,)``; 0 if
            nothing is known.
        draws: Bootstrap samples.
        seed: Seed of the draws.

    Returns:
        ``(mean(reference) - mean(errors)) / (mean(reference) - mean(best))`` and its
        interval: the relative gain, or with ``best`` the share of the gap that is
        closed.

    Raises:
        ValueError: If shapes differ or there is nothing to compare.
    """
    best = np.zeros_like(reference) if best is None else best
    errors, reference, frames, best = (
        np.asarray(values, dtype=np.float64)
        for values in (errors, reference, frames, best)
    )
    shapes = [np.shape(v) for v in (errors, reference, best, frames, clusters)]
    if len(set(shapes)) > 1:
        raise ValueError(
            'errors, reference, best, frames and clusters need one entry a sequence, '
            f'got {", ".join(map(str, shapes))}'
        )
    if errors.size == 0:
        raise ValueError('there is no sequence to compare')
    _, cluster = np.unique(clusters, return_inverse=True)
    gained, gap = (
        np.bincount(cluster, weights=(reference - values) * frames)
        for values in (errors, best)
    )
    drawn = np.random.default_rng(seed).integers(0, len(gap), (draws, len(gap)))
    gains = gained[drawn].sum(1) / gap[drawn].sum(1)
    low, high = np.quantile(gains, [0.025, 0.975])
    return Interval(float(gained.sum() / gap.sum()), float(low), float(high))
