"""Folding of pose tokens, so that attention runs along one axis."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

Axis = Literal['temporal', 'spatial', 'joint']


def checked_axis(axis: Axis) -> Axis:
    """The axis, for constructors of layers.

    Raises:
        ValueError: If the axis is unknown.
    """
    if axis not in get_args(Axis):
        raise ValueError(f'axis must be one of {get_args(Axis)}, got {axis!r}')
    return axis


def fold(x: Tensor, axis: Axis) -> Tensor:
    """Bring one axis of tokens into the sequence position.

    Args:
        x: Tokens of shape ``(B, T, K, C)``.
        axis: ``'temporal'`` gives ``(B K, T, C)``, ``'spatial'`` ``(B T, K, C)`` and
            ``'joint'`` (space and time together) ``(B, T K, C)``.
    """
    if axis == 'temporal':
        return x.transpose(1, 2).flatten(0, 1)
    if axis == 'spatial':
        return x.flatten(0, 1)
    return x.flatten(1, 2)


def unfold(x: Tensor, axis: Axis, num_frames: int, num_joints: int) -> Tensor:
    """Undo :func:`fold`; gives ``(B, T, K, C)``."""
    if axis == 'temporal':
        return x.unflatten(0, (-1, num_joints)).transpose(1, 2)
    if axis == 'spatial':
        return x.unflatten(0, (-1, num_frames))
    return x.unflatten(1, (num_frames, num_joints))
