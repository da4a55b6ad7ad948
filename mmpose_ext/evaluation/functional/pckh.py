"""Share of correct 2D joints, measured by the size of the head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pckh(
    pred: Tensor,
    gt: Tensor,
    *,
    head: tuple[int, int] = (9, 10),
    ratio: float = 0.5,
    joints: Sequence[int] | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    """PCKh: joints whose error is at most a share of the head's length.

    As in MPII (Andriluka et al., CVPR 2014) an error that equals the threshold counts
    as correct. MPII takes 0.6 times the diagonal of an annotated head box for the
    length; skeletons have none, so it is the distance of two true joints here. In
    Human3.6M's order these are 9 and 10 (neck base, head), or 8 and 10 (thorax, head)
    for a longer one.

    Args:
        pred: Predicted keypoints ``(..., K, 2)``, pixels.
        gt: True keypoints of the same shape.
        head: The two joints whose distance is the length of the head.
        ratio: Threshold in head lengths.
        joints: Joints that count; all of them if ``None``.
        seen: Joints with a truth ``(..., K)``, bool; all of them if ``None``.

    Returns:
        Shares ``(...)`` in [0, 1]; NaN where the head or every joint is unseen.

    Raises:
        ValueError: If the shapes differ, a joint does not exist, the head joints are
            the same, the ratio is not positive or no joint would count.
    """
    if pred.shape != gt.shape or gt.ndim < 2:
        raise ValueError(
            'expected two tensors of the same shape (..., K, 2), got '
            f'{tuple(pred.shape)} and {tuple(gt.shape)}'
        )
    num_joints = gt.shape[-2]
    chosen = list(range(num_joints) if joints is None else joints)
    unknown = [j for j in (*head, *chosen) if not 0 <= j < num_joints]
    if unknown or head[0] == head[1] or not chosen:
        raise ValueError(
            f'head={head} must be two joints and joints={joints} at least one, all of '
            f'them from 0 to {num_joints - 1}'
        )
    if not ratio > 0:
        raise ValueError(f'ratio={ratio}; expected a positive share of the head')
    first, second = gt[..., head[0], :], gt[..., head[1], :]
    length = torch.linalg.vector_norm(first - second, dim=-1)
    errors = torch.linalg.vector_norm(pred - gt, dim=-1)
    correct = (errors <= ratio * length[..., None]).to(errors.dtype)
    counted = torch.ones_like(correct) if seen is None else seen.to(correct.dtype)
    head_seen = counted[..., head[0]] * counted[..., head[1]]
    counted = (counted * head_seen[..., None])[..., chosen]
    return (correct[..., chosen] * counted).sum(-1) / counted.sum(-1)
