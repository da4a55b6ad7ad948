"""Errors on the test part of each task."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from mmpose_ext.engine.side_trip import bare_model
from mmpose_ext.models.evaluation_mode import evaluating


class TaskEvaluation:
    """Scores a model on tasks, with the loader and the metric of validation.

    All loaders are made at once, so that what does not fit shows before anything is
    learnt; they have no workers until they are used.

    Args:
        runner: Its config has ``val_dataloader`` and ``val_evaluator``.
        tasks: Actions of each task.
        protocol: Of the training data.

    Raises:
        ValueError: If loader or metric are missing or several, the protocol is another
            one, or a task has no sample to test with.
    """

    def __init__(
        self, runner: Any, tasks: Sequence[Sequence[str]], protocol: int
    ) -> None:
        loader, evaluator = (
            runner.cfg.get(name) for name in ('val_dataloader', 'val_evaluator')
        )
        if not isinstance(loader, Mapping) or not isinstance(evaluator, Mapping):
            raise ValueError(
                'TaskIncrementalTrainLoop scores every task itself: it needs '
                'val_dataloader and a single val_evaluator, got '
                f'{type(loader).__name__} and {type(evaluator).__name__}; leave out '
                '--no-validate, and name one metric'
            )
        other = loader['dataset'].get('protocol', 1)
        if other != protocol:
            raise ValueError(
                f'train_dataloader has protocol {protocol}, val_dataloader {other}; '
                'set {train,val,test}_dataloader.dataset.protocol alike'
            )
        self.loaders = [
            self._loader_of(runner, loader, number, actions)
            for number, actions in enumerate(tasks)
        ]
        # The loop writes the summary of all tasks there.
        options = {k: v for k, v in evaluator.items() if k != 'outfile'}
        self.evaluator = runner.build_evaluator(options)

    @torch.no_grad()
    def score(self, model: nn.Module, task: int) -> dict[str, float]:
        """All metrics on a task.

        Args:
            model: With or without a parallel wrapper.
            task: Number of the task, from 0.
        """
        loader = self.loaders[task]
        self.evaluator.dataset_meta = loader.dataset.metainfo
        with evaluating(bare_model(model)):
            for batch in loader:
                outputs = model.val_step(batch)  # type: ignore[operator]
                self.evaluator.process(data_samples=outputs, data_batch=batch)
        return self.evaluator.evaluate(len(loader.dataset))

    @staticmethod
    def _loader_of(
        runner: Any, loader: Mapping[str, Any], number: int, actions: Sequence[str]
    ) -> Any:
        config = copy.deepcopy(dict(loader))
        config['dataset']['actions'] = list(actions)
        config['persistent_workers'] = False
        try:
            return runner.build_dataloader(config, seed=runner.seed)
        except ValueError as error:
            raise ValueError(
                f'val_dataloader, task {number + 1} ({", ".join(actions)}): {error}'
            ) from error
