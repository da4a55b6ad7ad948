"""Folding of pose tokens, so that attention runs along one axis."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Axis = Literal['temporal', 'spatial', 'joint']


def fold(x: Tensor, axis: Axis) -> Tensor:
    """Bring one axis of tokens into the sequence position.

    Args:
        x: Tokens of shape ``(B, T, K, C)``.
        axis: ``'temporal'`` gives ``(B K, T, C)``, ``'spatial'`` ``(B T, K, C)`` and
            ``'joint'`` (space and time together) ``(B, T K, C)``.

    Raises:
        ValueError: If the axis is unknown.
    """
    if axis == 'temporal':
        return x.transpose(1, 2).flatten(0, 1)
    if axis == 'spatial':
        return x.flatten(0, 1)
    if axis == 'joint':
        return x.flatten(1, 2)
    raise ValueError(f"axis must be 'temporal', 'spatial' or 'joint', got {axis!r}")


def unfold(x: Tensor, axis: Axis, num_frames: int, num_joints: int) -> Tensor:
    """Undo :func:`fold`; gives ``(B, T, K, C)``."""
    if axis == 'temporal':
        return x.unflatten(0, (-1, num_joints)).transpose(1, 2)
    if axis == 'spatial':
        return x.unflatten(0, (-1, num_frames))
    return x.unflatten(1, (num_frames, num_joints))
