"""Parameters that belong to a window length: slicing and interpolation along time."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.nn.functional import interpolate


def first_frames(parameter: Tensor, num_frames: int) -> Tensor:
    """The first T frames of a parameter of shape ``(1, seq_len, ...)``.

    Raises:
        ValueError: If the clip is longer than the parameter.
    """
    if num_frames > parameter.shape[1]:
        raise ValueError(
            f'the clip has {num_frames} frames, the model was built for windows of at '
            f'most {parameter.shape[1]}: cut the clip into windows, or set seq_len of '
            'the model and load the checkpoint, which is then interpolated'
        )
    return parameter[:, :num_frames]


def resize_frames(value: Tensor, num_frames: int) -> Tensor:
    """Slice (shorter) or linearly interpolate (longer) along axis 1.

    Args:
        value: Tensor of shape ``(1, T0, ...)``.
        num_frames: New length T.

    Returns:
        Tensor of shape ``(1, T, ...)``; sliced where ``T <= T0``.
    """
    if num_frames <= value.shape[1]:
        return value[:, :num_frames].clone()
    flat = value.flatten(2).transpose(1, 2)
    longer = interpolate(flat.float(), num_frames, mode='linear', align_corners=True)
    return longer.to(value.dtype).transpose(1, 2).unflatten(2, value.shape[2:])


def resize_on_load(module: nn.Module, *names: str) -> None:
    """Let checkpoints of another window length load into ``module``.

    Args:
        module: Owner of the parameters.
        names: Parameters of shape ``(1, seq_len, ...)`` to slice or interpolate when a
            checkpoint holds another ``seq_len``. A warning says what was done.
    """

    def hook(
        owner: nn.Module, state_dict: dict[str, Tensor], prefix: str, *_: Any
    ) -> None:
        for name in names:
            key, own = prefix + name, getattr(owner, name, None)
            value = state_dict.get(key)
            if own is None or value is None or value.dim() != own.dim():
                continue
            if value.shape[1] == own.shape[1] or value.shape[2:] != own.shape[2:]:
                continue
            how = 'sliced' if own.shape[1] < value.shape[1] else 'interpolated'
            print_log(
                f'{key}: checkpoint of T={value.shape[1]} {how} to T={own.shape[1]}',
                logger='current',
                level=30,
            )
            with torch.no_grad():
                state_dict[key] = resize_frames(value, own.shape[1])

    module.register_load_state_dict_pre_hook(hook)
