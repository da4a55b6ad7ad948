"""The mean over the joints that count."""

from __future__ import annotations

from torch import Tensor


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of ``values`` with weights of the same shape; 0 where all weights are 0.

    Args:
        values: Any shape.
        weight: The same shape, or ``None`` for a plain mean.
    """
    if weight is None:
        return values.mean()
    return (values * weight).sum() / weight.sum().clamp(min=1e-8)
