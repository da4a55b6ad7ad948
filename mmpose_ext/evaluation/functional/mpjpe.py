"""Per-joint position errors.

Poses are ``(..., K, 3)``: any leading dimensions, K joints, camera axes (x right, y
down, z forward). Lengths keep their unit; the package feeds metres. Functions return
one value a joint or a frame and leave the averaging to the caller, because headline
numbers differ in how frames are weighted.
"""

from __future__ import annotations

import torch
from torch import Tensor


def joint_errors(pred: Tensor, gt: Tensor) -> Tensor:
    """Euclidean distance between predicted and true joints.

    Args:
        pred: Predicted poses ``(..., K, D)``.
        gt: True poses of the same shape.

    Returns:
        Distances ``(..., K)``.

    Raises:
        ValueError: If the shapes differ; nothing is broadcast.
    """
    _check_same_shape(pred, gt)
    return torch.linalg.vector_norm(pred - gt, dim=-1)


def mpjpe(pred: Tensor, gt: Tensor) -> Tensor:
    """Mean per-joint position error of each frame.

    Args:
        pred: Predicted poses ``(..., K, 3)``, root-relative.
        gt: True poses of the same shape.

    Returns:
        Errors ``(...)``, averaged over the joints, root included.

    Raises:
        ValueError: If the shapes differ.
    """
    return joint_errors(pred, gt).mean(-1)


def n_mpjpe(pred: Tensor, gt: Tensor) -> Tensor:
    """MPJPE after each frame's prediction is scaled to fit best.

    The scale is the least-squares optimum ``<pred, gt> / <pred, pred>``. Poses are
    used as they come (root-relative), without centring, as in Rhodin et al., CVPR
    2018. A prediction whose joints all lie in the root is left there.

    Args:
        pred: Predicted poses ``(..., K, 3)``, root-relative.
        gt: True poses of the same shape.

    Returns:
        Errors ``(...)``.

    Raises:
        ValueError: If the shapes differ.
    """
    _check_same_shape(pred, gt)
    power = pred.square().sum((-2, -1), keepdim=True)
    product = (pred * gt).sum((-2, -1), keepdim=True)
    scale = product / power.clamp_min(torch.finfo(pred.dtype).tiny)
    return mpjpe(scale * pred, gt)


def velocity_errors(pred: Tensor, gt: Tensor) -> Tensor:
    """Distance between predicted and true velocity of each joint.

    Velocity is the difference of consecutive frames (Pavllo et al., CVPR 2019).
    Whether two neighbours are consecutive in time is for the caller to know.

    Args:
        pred: Predicted poses ``(..., T, K, 3)``.
        gt: True poses of the same shape.

    Returns:
        Errors ``(..., T - 1, K)``, length a frame; entry t belongs to the step from
        frame t to frame t + 1.

    Raises:
        ValueError: If the shapes differ or there is no time axis.
    """
    _check_same_shape(pred, gt)
    if pred.ndim < 3:
        raise ValueError(
            f'velocities need poses (..., T, K, 3), got shape {tuple(pred.shape)}'
        )
    return joint_errors(pred.diff(dim=-3), gt.diff(dim=-3))


def mpjve(pred: Tensor, gt: Tensor) -> Tensor:
    """Mean per-joint velocity error between neighbouring frames.

    Args:
        pred: Predicted poses ``(..., T, K, 3)``.
        gt: True poses of the same shape.

    Returns:
        Means ``(..., T - 1)`` of :func:`velocity_errors` over the joints.

    Raises:
        ValueError: If the shapes differ or there is no time axis.
    """
    return velocity_errors(pred, gt).mean(-1)


def axis_errors(pred: Tensor, gt: Tensor) -> tuple[Tensor, Tensor]:
    """Errors in the image plane and along the optical axis, apart.

    Args:
        pred: Predicted poses ``(..., K, 3)``, camera axes.
        gt: True poses of the same shape.

    Returns:
        The norm of the x, y error and the absolute z error, both ``(..., K)``.

    Raises:
        ValueError: If the shapes differ.
    """
    _check_same_shape(pred, gt)
    difference = pred - gt
    in_plane = torch.linalg.vector_norm(difference[..., :2], dim=-1)
    return in_plane, difference[..., 2].abs()


def _check_same_shape(pred: Tensor, gt: Tensor) -> None:
    if pred.shape != gt.shape:
        raise ValueError(
            f'prediction {tuple(pred.shape)} and truth {tuple(gt.shape)} differ in '
            'shape; expand one of them explicitly if that is meant'
        )
