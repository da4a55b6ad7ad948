"""What stands where pixels are cut out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Fill = Literal['mean'] | float


def check_fill(fill: Fill) -> Fill:
    """Refuse what is neither ``'mean'`` nor a grey value.

    Raises:
        ValueError: If it is something else.
    """
    if fill != 'mean' and not (isinstance(fill, (int, float)) and 0 <= fill <= 255):
        raise ValueError(f"fill={fill!r}: expected 'mean' or a number from 0 to 255")
    return fill


def paint(images: Tensor, mask: Tensor, fill: Fill, mean: Tensor) -> Tensor:
    """Copies of images with some pixels in one colour.

    Args:
        images: ``(B, 3, H, W)``.
        mask: ``(B, 1, H, W)``, bool.
        fill: A grey value, or ``'mean'``.
        mean: ``(3,)``, the mean colour.
    """
    if fill == 'mean':
        return torch.where(mask, mean.to(images.dtype).view(3, 1, 1), images)
    return images.masked_fill(mask, float(fill))
