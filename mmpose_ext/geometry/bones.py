"""Change poses as a whole: the lengths of their bones, the direction they face."""

from __future__ import annotations

import torch
from torch import Tensor

from mmpose_ext.geometry.skeletons import H36M17, Skeleton


def symmetric_bones(skeleton: Skeleton = H36M17) -> tuple[tuple[int, ...], ...]:
    """Bones that have one length: a left one and the right one, or one alone.

    Returns:
        Groups of bones, each bone named by the joint at its end; 10 groups of the 16
        bones of Human3.6M.
    """
    opposite = skeleton.flip_indices
    groups = {tuple(sorted({joint, opposite[joint]})) for _, joint in skeleton.edges}
    return tuple(sorted(groups))


def scale_bones(pose: Tensor, ratios: Tensor, skeleton: Skeleton = H36M17) -> Tensor:
    """Make bones longer or shorter and keep their directions.

    Each joint moves by what the bones between it and the root gain. So a ratio of 1
    changes nothing, not even by rounding, and a smooth motion stays smooth.

    Args:
        pose: Poses ``(..., T, K, 3)``; the root keeps its place.
        ratios: New by old length of each group of :func:`symmetric_bones`
            ``(..., G)``, one set for all frames of a window.
        skeleton: Of the poses.

    Returns:
        Poses ``(..., T, K, 3)``.

    Raises:
        ValueError: If the shapes do not fit.
    """
    groups = symmetric_bones(skeleton)
    if pose.ndim < 3 or pose.shape[-2:] != (skeleton.num_joints, 3):
        raise ValueError(
            f'pose must be (..., T, {skeleton.num_joints}, 3) for {skeleton.name}, got '
            f'{tuple(pose.shape)}'
        )
    _check_one_a_window(ratios, pose, len(groups), 'ratios')
    gain = (ratios - 1)[..., None, None, :]
    group_of = {joint: i for i, group in enumerate(groups) for joint in group}
    shifts = {skeleton.root: torch.zeros_like(pose[..., 0, :])}
    for parent, joint in _outwards(skeleton):
        bone = pose[..., joint, :] - pose[..., parent, :]
        shifts[joint] = shifts[parent] + gain[..., group_of[joint]] * bone
    return pose + torch.stack([shifts[j] for j in sorted(shifts)], dim=-2)


def rotate_poses(pose: Tensor, rotation: Tensor, *, root: int = 0) -> Tensor:
    """Turn poses about their root; equally, move the camera around them.

    Rodrigues' formula, written so that no rotation changes nothing, not even by
    rounding, and without products of matrices, which mixed precision would coarsen.

    Args:
        pose: Poses ``(..., T, K, 3)``; the root keeps its place.
        rotation: Axis times angle in radians ``(..., 3)``, axes of the poses, one for
            all frames of a window.
        root: Index of the root joint.

    Returns:
        Poses ``(..., T, K, 3)``.

    Raises:
        ValueError: If the shapes do not fit.
    """
    if pose.ndim < 3 or pose.shape[-1] != 3:
        raise ValueError(f'pose must be (..., T, K, 3), got {tuple(pose.shape)}')
    _check_one_a_window(rotation, pose, 3, 'rotation')
    relative = pose - pose[..., root : root + 1, :]
    axis = rotation[..., None, None, :].expand_as(pose)
    angle = torch.linalg.vector_norm(rotation, dim=-1)[..., None, None, None]
    # sin(a) / a and (1 - cos(a)) / a^2 = (sin(a / 2) / (a / 2))^2 / 2; sinc has pi.
    first = torch.sinc(angle / torch.pi)
    second = 0.5 * torch.sinc(angle / (2 * torch.pi)).square()
    once = torch.linalg.cross(axis, relative)
    return pose + first * once + second * torch.linalg.cross(axis, once)


def _outwards(skeleton: Skeleton) -> list[tuple[int, int]]:
    """Bones ``(parent, joint)``, those near the root first."""
    bones = []
    reached = [skeleton.root]
    for start in reached:
        further = [edge for edge in skeleton.edges if edge[0] == start]
        bones += further
        reached += [joint for _, joint in further]
    return bones


def _check_one_a_window(value: Tensor, pose: Tensor, length: int, name: str) -> None:
    expected = (*pose.shape[:-3], length)
    if value.shape != expected:
        raise ValueError(
            f'{name} has shape {tuple(value.shape)}; pose {tuple(pose.shape)} needs '
            f'{expected}, one row a window'
        )
