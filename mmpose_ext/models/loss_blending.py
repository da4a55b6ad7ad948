"""Weights of losses by how they generalise."""

from __future__ import annotations

import torch
from torch import Tensor


def blending_weights(
    train: Tensor, held_out: Tensor, *, min_overfitting: float = 1e-3
) -> Tensor:
    """Weights ``G / O ** 2``, normalised (Wang et al., Gradient Blending, CVPR 2020).

    G is what the loss on held-out data falls between two checkpoints, O what its
    distance from the training loss grows. Losses are means over samples: sums, as in
    a public implementation, depend on the sizes of the two sets.

    Args:
        train: Losses on training data before and after ``(2, L)``, metres.
        held_out: The same on other data.
        min_overfitting: Smallest size of O that counts, metres; nearer to 0, the
            weights would be decided by noise.

    Returns:
        ``(L,)``, at least 0, summing to 1. A loss that does not fall on held-out data
        gets 0; if none falls (or a value is not finite), all are equal.
    """
    gain = (held_out[0] - held_out[1]).clamp(min=0)
    gap = held_out - train
    overfitting = (gap[1] - gap[0]).abs().clamp(min=min_overfitting)
    weights = gain / overfitting.square()
    total = weights.sum()
    if not (total.isfinite() and total > 0):
        return torch.full_like(weights, 1 / len(weights))
    return weights / total
