"""Share of correct joints, and its area under the curve, for 3D poses.

The protocol is that of MPI-INF-3DHP (Mehta et al., 3DV 2017): a joint is correct if
its error lies *strictly* below the threshold, and the curve has the 31 thresholds 0,
5, ..., 150 mm. Nothing is below 0 mm, so a perfect prediction has an AUC of 30/31,
96.77 %.
"""

from __future__ import annotations

import torch
from torch import Tensor


def pck(errors: Tensor, threshold: float) -> Tensor:
    """Share of joints whose error is strictly below a threshold.

    Args:
        errors: Joint errors ``(..., K)``.
        threshold: In the unit of the errors.

    Returns:
        Shares ``(...)`` in [0, 1].
    """
    return (errors < threshold).to(_float_type(errors)).mean(-1)


def auc(errors: Tensor, thresholds: Tensor | None = None) -> Tensor:
    """Mean of :func:`pck` over thresholds.

    Args:
        errors: Joint errors ``(..., K)``; metres, unless thresholds are given.
        thresholds: Ascending thresholds ``(N,)``; the 31 of :func:`auc_thresholds`
            if left out.

    Returns:
        Areas ``(...)`` in [0, 1].

    Raises:
        ValueError: If the thresholds are not an ascending vector.
    """
    dtype = _float_type(errors)
    if thresholds is None:
        thresholds = auc_thresholds()
    if thresholds.ndim != 1 or not len(thresholds) or (thresholds.diff() < 0).any():
        raise ValueError(
            'thresholds must be a vector in ascending order, got shape '
            f'{tuple(thresholds.shape)}'
        )
    limits = thresholds.to(device=errors.device, dtype=dtype)
    # One search instead of a comparison a threshold: those not above the error fail.
    failed = torch.bucketize(errors.detach().to(dtype), limits, right=True)
    return 1 - failed.to(dtype).mean(-1) / len(limits)


def auc_thresholds() -> Tensor:
    """The thresholds 0, 5, ..., 150 mm in metres, ``(31,)`` of double precision."""
    return torch.arange(31, dtype=torch.float64) * 5 / 1000


def _float_type(errors: Tensor) -> torch.dtype:
    return torch.promote_types(errors.dtype, torch.float32)
