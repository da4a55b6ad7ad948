"""Networks of images with their channels last in memory."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.engine.side_trip import bare_model


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lay out a network's weights with the channels last in memory.

    Its feature maps are then laid out so, too, whatever the images are: tensor cores
    and the CPU's convolutions, normalisations and poolings want it. Nothing but
    rounding changes; the checkpoints are as ever.
    """

    def before_run(self, runner: Any) -> None:
        """Lay them out, before weights are loaded."""
        bare_model(runner.model).to(memory_format=torch.channels_last)
