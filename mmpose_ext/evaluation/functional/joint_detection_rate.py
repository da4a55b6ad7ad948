"""Joint detection rate: how often each 2D joint is found, by the size of the head."""

from __future__ import annotations

import torch
from torch import Tensor


def joint_detection_rate(
    pred: Tensor,
    gt: Tensor,
    head_size: Tensor,
    *,
    threshold: float = 0.5,
    seen: Tensor | None = None,
) -> Tensor:
    """JDR: share of the samples in which a joint lies near its true place.

    A joint is detected if its error is below ``threshold`` times the size of the head.
    Unlike :func:`~mmpose_ext.evaluation.functional.pckh`, which gives a share a sample,
    this gives one a joint.

    Args:
        pred: Predicted keypoints ``(..., K, 2)``, pixels.
        gt: True keypoints of the same shape.
        head_size: Size of the head ``(...)``, pixels. Samples where it is NaN do not
            count.
        threshold: In head sizes.
        seen: Joints with a truth ``(..., K)``, bool; all of them if ``None``.

    Returns:
        Shares ``(K,)`` in [0, 1]; NaN for a joint that no sample has.

    Raises:
        ValueError: If the shapes do not fit or the threshold is not positive.
    """
    if pred.shape != gt.shape or gt.ndim < 2 or head_size.shape != gt.shape[:-2]:
        raise ValueError(
            f'pred has shape {tuple(pred.shape)}, gt {tuple(gt.shape)} and head_size '
            f'{tuple(head_size.shape)}; expected (..., K, 2) twice and (...)'
        )
    if not threshold > 0:
        raise ValueError(f'threshold={threshold}; expected a positive share of a head')
    errors = torch.linalg.vector_norm(pred - gt, dim=-1)
    counted = head_size.isfinite()[..., None].expand_as(errors)
    if seen is not None:
        counted = counted & seen
    detected = (errors < threshold * head_size[..., None]) & counted
    samples = tuple(range(errors.ndim - 1))
    if not samples:
        detected, counted, samples = detected[None], counted[None], (0,)
    return detected.sum(samples) / counted.sum(samples)
