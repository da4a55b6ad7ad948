"""Epochs over unlabelled people that can be resumed anywhere."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import LOOPS

from mmpose_ext.datasets.samplers import SourceTargetSampler


@LOOPS.register_module()
class DualStudentTrainLoop(EpochBasedTrainLoop):
    """Epochs as the paper counts them: once through the unlabelled people.

    With COCO TRAIN an epoch takes hours, so checkpoints are worth saving inside it
    (``CheckpointHook`` with ``by_epoch=False``). MMEngine's epoch loop would begin the
    epoch anew from such a checkpoint and so run longer than planned; this one goes on
    with the next batch, and hooks get the number that the batch has in its epoch. With
    ``SourceTargetSampler(draws=True)`` and ``StepSeedHook`` the resumed run ends where
    an uninterrupted one does.

    Args:
        runner: The runner.
        dataloader: Config of the data loader, whose sampler is
            ``dict(type='SourceTargetSampler', infinite=False)``.
        **options: ``max_epochs``, ``val_begin``, ``val_interval`` and
            ``dynamic_intervals`` as in MMEngine.

    Raises:
        ValueError: If the sampler is another one or has no end.
    """

    _epoch: int
    _iter: int

    def __init__(self, runner: Any, dataloader: Any, **options: Any) -> None:
        super().__init__(runner, dataloader, **options)
        sampler = self.dataloader.sampler
        if not isinstance(sampler, SourceTargetSampler) or sampler.infinite:
            raise ValueError(
                f'{type(self).__name__} needs sampler=dict(type="SourceTargetSampler", '
                f'infinite=False), got {type(sampler).__name__}'
                f'{" without end" if isinstance(sampler, SourceTargetSampler) else ""}'
            )

    def run_epoch(self) -> None:
        """Go through the epoch, or through what is left of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done = self._batches_done()
        loader = self.dataloader
        # After MMEngine's sampler hook, which sets the epoch and nothing else.
        start = min(done * loader.batch_size, len(loader.sampler))
        loader.sampler.set_epoch(self._epoch, start=start)
        for index, batch in enumerate(loader, start=done):
            self.run_iter(index, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _batches_done(self) -> int:
        """Batches of this epoch that the run has already seen."""
        in_epoch = len(self.dataloader)
        done = self._iter - self._epoch * in_epoch
        if 0 <= done <= in_epoch:
            return done
        print_log(
            f'resumed at iteration {self._iter}, which is not in epoch '
            f'{self._epoch + 1} of {in_epoch} iterations: the checkpoint is of another '
            'batch size, number of processes or dataset. The epoch begins anew, at '
            f'iteration {self._epoch * in_epoch}',
            logger='current',
            level=logging.WARNING,
        )
        self._iter = self._epoch * in_epoch
        return 0
