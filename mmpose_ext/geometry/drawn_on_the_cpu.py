"""Random numbers on their way to the device."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(drawn: Tensor, device: torch.device) -> Tensor:
    """Move what was drawn on the CPU, without waiting for the device.

    A copy to a GPU runs beside the program only from pinned memory.

    Args:
        drawn: Any tensor on the CPU.
        device: Where it is needed.
    """
    if device.type == 'cuda':
        drawn = drawn.pin_memory()
    return drawn.to(device, non_blocking=True)
