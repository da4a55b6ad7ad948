"""One pose from several hypotheses of it, as D3DP (Shan et al., ICCV 2023) reports.

Leading dimensions may be missing or many: with none, hypotheses are ``(H, T, K, 3)``.
:func:`mean_pose` needs nothing else. :func:`best_pose` and :func:`best_joints` read the
truth: they are oracles, which say what the hypotheses contain, not what a method finds.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mean_pose(hypotheses: Tensor) -> Tensor:
    """Average over the hypotheses (P-Agg).

    Args:
        hypotheses: Poses ``(..., H, T, K, 3)``.

    Returns:
        Poses ``(..., T, K, 3)``.

    Raises:
        ValueError: If there is no hypothesis or no such axis.
    """
    _check(hypotheses)
    return hypotheses.mean(-4)


def best_pose(hypotheses: Tensor, truth: Tensor, seen: Tensor | None = None) -> Tensor:
    """Take in each frame the hypothesis with the least MPJPE (P-Best, an oracle).

    D3DP's code chooses one hypothesis for all poses of a mini-batch, so that its number
    depends on the size of the batch; here each pose chooses.

    Args:
        hypotheses: Poses ``(..., H, T, K, 3)``.
        truth: True poses ``(..., T, K, 3)``.
        seen: Joints that count ``(..., T, K)``, bool; all of them if ``None``. The
            truth of the others is not read.

    Returns:
        Poses ``(..., T, K, 3)``; the first hypothesis among equals.

    Raises:
        ValueError: If the shapes do not fit.
    """
    errors = _errors(hypotheses, truth)
    if seen is not None:
        errors = errors.masked_fill(~seen.unsqueeze(-3), 0)
    index = _or_infinite(errors.sum(-1)).argmin(-2, keepdim=True)
    return _take(hypotheses, index[..., None, None])


def best_joints(hypotheses: Tensor, truth: Tensor) -> Tensor:
    """Take each joint from the hypothesis in which it is nearest (J-Best, an oracle).

    Args:
        hypotheses: Poses ``(..., H, T, K, 3)``.
        truth: True poses ``(..., T, K, 3)``.

    Returns:
        Poses ``(..., T, K, 3)``; where the truth is NaN, those of the first hypothesis.

    Raises:
        ValueError: If the shapes do not fit.
    """
    index = _or_infinite(_errors(hypotheses, truth)).argmin(-3, keepdim=True)
    return _take(hypotheses, index[..., None])


def _errors(hypotheses: Tensor, truth: Tensor) -> Tensor:
    """Distances of the joints ``(..., H, T, K)``."""
    _check(hypotheses)
    if truth.shape != hypotheses.shape[:-4] + hypotheses.shape[-3:]:
        raise ValueError(
            f'hypotheses {tuple(hypotheses.shape)} and truth {tuple(truth.shape)} do '
            'not fit; expected (..., H, T, K, 3) and (..., T, K, 3)'
        )
    return torch.linalg.vector_norm(hypotheses - truth.unsqueeze(-4), dim=-1)


def _or_infinite(errors: Tensor) -> Tensor:
    """What is NaN must not win: it counts as infinite."""
    return errors.masked_fill(errors.isnan(), torch.inf)


def _take(hypotheses: Tensor, index: Tensor) -> Tensor:
    return torch.take_along_dim(hypotheses, index, dim=-4).squeeze(-4)


def _check(hypotheses: Tensor) -> None:
    if hypotheses.ndim < 4 or not hypotheses.shape[-4]:
        raise ValueError(
            f'hypotheses have shape {tuple(hypotheses.shape)}; expected (..., H, T, K, '
            '3) with H of 1 or more'
        )
