"""Mixed precision in bfloat16 on any device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """Run forward passes under bfloat16 autocast.

    MMEngine's ``AmpOptimWrapper`` refuses a machine without an accelerator. bfloat16
    needs no loss scaling, so the ordinary step remains. ``tools/train.py --amp`` takes
    this class on a CPU; on a GPU it is an alternative to float16.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast inside the ordinary context (gradient accumulation)."""
        with (
            super().optim_context(model),
            torch.autocast(get_device(), dtype=torch.bfloat16),
        ):
            yield
