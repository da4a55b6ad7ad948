"""A teacher that follows its student slowly."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


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
            self.network.load_state_dict(student.state_dict())
            return
        weights = dict(student.named_parameters())
        learned = [name for name, weight in weights.items() if weight.requires_grad]
        own: list[Tensor] = [self.network.get_parameter(name) for name in learned]
        new: list[Tensor] = [weights[name] for name in learned]
        torch._foreach_lerp_(own, new, self.momentum)
        buffers = zip(self.network.buffers(), student.buffers(), strict=True)
        for kept, current in buffers:
            kept.copy_(current)
