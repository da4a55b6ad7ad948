"""One number a frame for each metric of lifted poses, over the joints that count."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from mmpose_ext.evaluation.functional import (
    auc,
    axis_errors,
    joint_errors,
    n_mpjpe,
    p_mpjpe,
    pck,
    velocity_errors,
)

PCK_THRESHOLD_M = 0.150


def frame_values(
    pred: Tensor,
    truth: Tensor,
    seen: Tensor,
    wanted: Collection[str],
    *,
    follows: Tensor,
    joints: Sequence[int] | None = None,
    pck_joints: Sequence[int] | None = None,
) -> dict[str, Tensor]:
    """Score frames.

    Args:
        pred: Root-relative poses ``(N, K, 3)``, metres.
        truth: True poses of the same shape.
        seen: Joints with ground truth ``(N, K)``, bool.
        wanted: Names of metrics.
        follows: Whether a frame comes right after the one before it ``(N,)``, bool.
        joints: Joints that count; all of them if ``None``.
        pck_joints: Those of PCK and AUC; the same as ``joints`` if ``None``.

    Returns:
        For each wanted metric ``(N,)``: millimetres, per cent, or for MPJVE millimetres
        a frame; NaN where a frame has none.
    """
    counted = _among(seen, joints)
    errors = joint_errors(pred, truth)
    values: dict[str, Tensor] = {}
    if 'MPJPE' in wanted:
        values['MPJPE'] = mean_of_joints(errors, counted) * 1000
    if 'P-MPJPE' in wanted:
        values['P-MPJPE'] = by_joint_set(p_mpjpe, pred, truth, counted) * 1000
    if 'N-MPJPE' in wanted:
        values['N-MPJPE'] = by_joint_set(n_mpjpe, pred, truth, counted) * 1000
    if 'MPJVE' in wanted:
        step = torch.full_like(errors[:, 0], torch.nan)
        speeds = velocity_errors(pred, truth)
        step[1:] = mean_of_joints(speeds, counted[1:] & counted[:-1]) * 1000
        values['MPJVE'] = step.masked_fill(~follows, torch.nan)
    if not {'PCK@150', 'AUC'}.isdisjoint(wanted):
        counted_by_pck = counted if pck_joints is None else _among(seen, pck_joints)
        correct, area = pck(errors[..., None], PCK_THRESHOLD_M), auc(errors[..., None])
        values['PCK@150'] = mean_of_joints(correct, counted_by_pck) * 100
        values['AUC'] = mean_of_joints(area, counted_by_pck) * 100
    if not {'MPJPE_xy', 'MPJPE_depth'}.isdisjoint(wanted):
        in_plane, depth = axis_errors(pred, truth)
        values['MPJPE_xy'] = mean_of_joints(in_plane, counted) * 1000
        values['MPJPE_depth'] = mean_of_joints(depth, counted) * 1000
    return values


def mean_of_joints(values: Tensor, counted: Tensor) -> Tensor:
    """Mean over the joints that count, NaN where none does.

    Args:
        values: ``(N, K)``.
        counted: ``(N, K)``, bool.
    """
    return (values * counted).sum(-1) / counted.sum(-1)


def by_joint_set(
    function: Callable[[Tensor, Tensor], Tensor],
    pred: Tensor,
    truth: Tensor,
    counted: Tensor,
) -> Tensor:
    """A metric that needs whole poses, once for each set of joints that occurs.

    Args:
        function: From two tensors of poses ``(n, k, 3)`` to ``(n,)``.
        pred: Poses ``(N, K, 3)``.
        truth: Poses of the same shape.
        counted: Joints that count ``(N, K)``, bool.

    Returns:
        Values ``(N,)``, NaN where no joint counts.
    """
    values = torch.full_like(pred[:, 0, 0], torch.nan)
    same = (counted == counted[:1]).all()
    sets, index = (
        (counted[:1], torch.zeros(len(pred), dtype=torch.int64))
        if same
        else counted.unique(dim=0, return_inverse=True)
    )
    for number, joints in enumerate(sets):
        if joints.any():
            rows = index == number
            values[rows] = function(pred[rows][:, joints], truth[rows][:, joints])
    return values


def _among(seen: Tensor, joints: Sequence[int] | None) -> Tensor:
    if joints is None:
        return seen
    chosen = torch.zeros_like(seen)
    chosen[:, list(joints)] = True
    return seen & chosen
