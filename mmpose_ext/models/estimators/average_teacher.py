"""A teacher that follows its student slowly."""

from __future__ import annotations

import copy

import torch
from torch import nn


class AverageTeacher(nn.Module):
    """A copy of a network whose weights follow those of the network.

    ``teacher <- teacher + momentum (student - teacher)`` every ``interval`` steps: an
    exponential moving average, or with momentum 1 a copy that lags behind. The state is
    part of a checkpoint.

    Args:
        student: The parts of the network, copied here.
        momentum: Share of the student, in (0, 1].
        interval: Steps between updates.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self, student: nn.ModuleDict, *, momentum: float = 0.001, interval: int = 1
    ) -> None:
        super().__init__()
        if not 0 < momentum <= 1 or interval < 1:
            raise ValueError(
                'momentum of the teacher must be in (0, 1] and its interval at least '
                f'1, got {momentum=}, {interval=}'
            )
        self.momentum, self.interval = momentum, interval
        self.network = copy.deepcopy(student).requires_grad_(False)

    @torch.no_grad()
    def follow(self, student: nn.Module, step: int) -> None:
        """Take over what the student has learned; all of it at step 0.

        Args:
            student: The network that the constructor got, at any time.
            step: Number of the training step.
        """
        if step % self.interval:
            return
        if step == 0:
            for mine, theirs in zip(
                self.network.parameters(), student.parameters(), strict=True
            ):
                mine.copy_(theirs)
        else:
            learned = [
                name for name, p in student.named_parameters() if p.requires_grad
            ]
            own = [self.network.get_parameter(name) for name in learned]
            new = [student.get_parameter(name).to(own[0].dtype) for name in learned]
            torch._foreach_lerp_(own, new, self.momentum)
        for mine, theirs in zip(self.network.buffers(), student.buffers(), strict=True):
            mine.copy_(theirs)
