"""Make the random numbers of a step a matter of the step."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.models.step_generator import step_seed


@HOOKS.register_module()
class StepSeedHook(Hook):
    """Seed torch before each training step from the run's seed, the step and the rank.

    Dropout and stochastic depth draw from torch's own generators, whose state is not in
    checkpoints. With this hook a resumed run drops what an uninterrupted one would have
    dropped. Nothing waits for the device.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Any) -> None:
        """Remember the seed that the run began with."""
        runner.message_hub.update_info('run_seed', torch.initial_seed())

    def before_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed this step."""
        seed = runner.message_hub.get_info('run_seed')
        torch.manual_seed(step_seed(seed, runner.iter))
