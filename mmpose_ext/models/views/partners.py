"""Which other image of a batch an image takes patches from."""

from __future__ import annotations

import torch
from torch import Tensor


def draw_partners(number: int, generator: torch.Generator) -> Tensor:
    """Give each image of a batch another one.

    Args:
        number: Images in the batch.
        generator: On the CPU.

    Returns:
        Indices ``(number,)``: a permutation in one random cycle, so that no image has
        itself, unless it is alone.
    """
    order = torch.randperm(number, generator=generator)
    return torch.empty_like(order).scatter_(0, order, order.roll(1))
