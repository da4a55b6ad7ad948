"""Photometric operators as tables of the 256 levels of a channel.

Each gives what Pillow's operator gives for the same 8-bit image. Levels are whole
numbers from 0 to 255 in float tensors; a table ``(B, 3, 256)`` says what becomes of
each level in each channel of each image. Channels are red, green, blue.
"""

from __future__ import annotations

import torch
from torch import Tensor

HIGHEST = 255


def identity_table(device: torch.device) -> Tensor:
    """Changes nothing ``(256,)``."""
    return torch.arange(HIGHEST + 1, device=device, dtype=torch.float32)


def histograms(levels: Tensor) -> Tensor:
    """How often each level occurs.

    Args:
        levels: ``(B, 3, N)``, int64.

    Returns:
        ``(B, 3, 256)``, int64.
    """
    counts = levels.new_zeros(*levels.shape[:2], HIGHEST + 1)
    ones = levels.new_ones(()).expand_as(levels)
    return counts.scatter_add_(2, levels, ones)


def luminance(levels: Tensor) -> Tensor:
    """Grey level ``(B, 1, H, W)`` of images ``(B, 3, H, W)``."""
    red, green, blue = levels.unbind(1)
    # Whole numbers up to 2^24, which float32 holds exactly.
    mixed = (19595 * red).add_(green, alpha=38470).add_(blue, alpha=7471)
    return mixed.add_(32768).mul_(1 / 65536).floor_()[:, None]


def blend(other: Tensor, levels: Tensor, factor: Tensor) -> Tensor:
    """``other + factor * (levels - other)``, cut to 0 to 255 and to whole levels."""
    mixed = other + factor * (levels - other)
    return mixed.clamp_(0, HIGHEST).floor_()


def auto_contrast_table(counts: Tensor) -> Tensor:
    """Stretch each channel so that it reaches from 0 to 255.

    Args:
        counts: Histograms ``(B, 3, 256)``.
    """
    table = identity_table(counts.device)
    low, high = _lowest(counts), _highest(counts)
    stretch = HIGHEST / (high - low).double()
    stretched = (table * stretch - low * stretch).clamp(0, HIGHEST).floor()
    return torch.where(high > low, stretched.to(table.dtype), table)


def equalize_table(counts: Tensor) -> Tensor:
    """Spread the levels of each channel so that all occur about as often.

    Args:
        counts: Histograms ``(B, 3, 256)``.
    """
    below = counts.cumsum(-1) - counts
    step = below.gather(2, _highest(counts)) // HIGHEST
    spread = (step // 2 + below) // step.clamp(min=1)
    table = identity_table(counts.device)
    return torch.where(step > 0, spread.clamp(max=HIGHEST).to(table.dtype), table)


def contrast_table(grey: Tensor, factor: Tensor) -> Tensor:
    """Blend with the mean grey level.

    Args:
        grey: :func:`luminance` of the images ``(B, 1, H, W)``.
        factor: ``(B,)``, 1 changes nothing.

    Returns:
        ``(B, 1, 256)``.
    """
    mean = (grey.mean((1, 2, 3)) + 0.5).floor()[:, None, None]
    return blend(mean, identity_table(grey.device), factor[:, None, None])


def invert(levels: Tensor) -> Tensor:
    """Negative."""
    return HIGHEST - levels


def posterize(levels: Tensor, bits: int) -> Tensor:
    """Keep the leading bits of levels."""
    width = 2 ** (8 - bits)
    return torch.div(levels, width, rounding_mode='floor') * width


def solarize(levels: Tensor, threshold: float) -> Tensor:
    """Invert levels from a threshold on."""
    return torch.where(levels < threshold, levels, HIGHEST - levels)


def solarize_add(levels: Tensor, addition: float) -> Tensor:
    """Add to all levels, then invert those from 128 on."""
    return solarize((levels + addition).clamp(0, HIGHEST), 128)


def _lowest(counts: Tensor) -> Tensor:
    """Least level that occurs ``(B, 3, 1)``."""
    return (counts > 0).int().argmax(-1, keepdim=True)


def _highest(counts: Tensor) -> Tensor:
    """Greatest level that occurs ``(B, 3, 1)``."""
    return HIGHEST - _lowest(counts.flip(-1))
