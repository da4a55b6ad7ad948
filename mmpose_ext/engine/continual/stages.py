"""The epochs of a sequence of tasks, in one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal['fit', 'train']


@dataclass(frozen=True)
class Stage:
    """One epoch of a run over tasks.

    Attributes:
        task: Number of the task, from 0.
        phase: ``'fit'``: on all data of a new task, to find out which are noisy;
            ``'train'``: on what is clean.
        epoch: Number of the epoch in its phase, from 0.
        num_epochs: Epochs of the phase.
    """

    task: int
    phase: Phase
    epoch: int
    num_epochs: int

    @property
    def begins(self) -> bool:
        """Whether this is the first epoch of its phase."""
        return self.epoch == 0

    @property
    def ends(self) -> bool:
        """Whether this is the last epoch of its phase."""
        return self.epoch == self.num_epochs - 1

    def __str__(self) -> str:
        """For people, counted from 1."""
        return (
            f'task {self.task + 1}, {self.phase} epoch {self.epoch + 1} of '
            f'{self.num_epochs}'
        )


def plan_stages(
    num_tasks: int, *, train_epochs: int, fit_epochs: int = 0
) -> list[Stage]:
    """All epochs of a run: the first task is taken as clean, so it has no fitting.

    Args:
        num_tasks: Tasks.
        train_epochs: Epochs of training on each.
        fit_epochs: Epochs of fitting before the training on each task but the first.

    Raises:
        ValueError: If a number is out of range.
    """
    if num_tasks < 1 or train_epochs < 1 or fit_epochs < 0:
        raise ValueError(
            f'num_tasks={num_tasks} and train_epochs={train_epochs} must be positive, '
            f'fit_epochs={fit_epochs} not negative'
        )
    stages = []
    for task in range(num_tasks):
        fit = fit_epochs if task else 0
        stages += [Stage(task, 'fit', epoch, fit) for epoch in range(fit)]
        stages += [
            Stage(task, 'train', epoch, train_epochs) for epoch in range(train_epochs)
        ]
    return stages
