"""Similarity alignment of poses, and the error that remains after it."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpose_ext.evaluation.functional.mpjpe import mpjpe


def similarity_align(pred: Tensor, gt: Tensor) -> Tensor:
    """Move each prediction onto its truth by scale, rotation and translation.

    The least-squares similarity of Umeyama, PAMI 1991, for all poses in one batched
    SVD. Rotations are proper: a mirrored prediction stays mirrored. A pose without
    extent (all joints in one point, predicted or true) is moved to the centre of the
    truth, so the result is always finite for finite input.

    Args:
        pred: Predicted poses ``(..., K, 3)``, any unit.
        gt: True poses of the same shape.

    Returns:
        Aligned predictions ``(..., K, 3)``, in the type of ``pred``; half precision
        is computed in single.

    Raises:
        ValueError: If the shapes differ or do not end in ``(K, 3)``.
    """
    if pred.shape != gt.shape or pred.ndim < 2 or pred.shape[-1] != 3:
        raise ValueError(
            'alignment needs two tensors of the same shape (..., K, 3), got '
            f'{tuple(pred.shape)} and {tuple(gt.shape)}'
        )
    dtype = torch.promote_types(pred.dtype, torch.float32)
    source, target = pred.to(dtype), gt.to(dtype)
    source_mean = source.mean(-2, keepdim=True)
    target_mean = target.mean(-2, keepdim=True)
    centred = source - source_mean
    rotation, gain = _rotation_and_gain(centred, target - target_mean)
    scale = gain / _spread(centred, source_mean)
    aligned = scale[..., None, None] * (centred @ rotation) + target_mean
    return aligned.to(pred.dtype)


def p_mpjpe(pred: Tensor, gt: Tensor) -> Tensor:
    """MPJPE of each frame after :func:`similarity_align`.

    Args:
        pred: Predicted poses ``(..., K, 3)``.
        gt: True poses of the same shape.

    Returns:
        Errors ``(...)`` in the unit of the poses.

    Raises:
        ValueError: If the shapes differ or do not end in ``(K, 3)``.
    """
    return mpjpe(similarity_align(pred, gt), gt)


def _rotation_and_gain(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Best rotation ``(..., 3, 3)`` for row vectors and trace of what it gains."""
    left, gains, right = torch.linalg.svd(source.mT @ target)
    sign = torch.linalg.det(left @ right).sign()
    # The weakest direction pays for a reflection; gains are sorted.
    flip = torch.ones_like(gains)
    flip[..., -1] = sign
    return (left * flip[..., None, :]) @ right, (gains * flip).sum(-1)


def _spread(centred: Tensor, mean: Tensor) -> Tensor:
    """Sum of squares ``(...)``; infinite where it is no more than rounding error."""
    spread = centred.square().sum((-2, -1))
    rounding = 4 * torch.finfo(centred.dtype).eps * mean.abs().amax((-2, -1))
    floor = centred.shape[-2] * rounding.square()
    return spread.masked_fill(spread <= floor, torch.inf)
