"""Follow what each modality contributes during training."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.choices import check_choice
from mmpose_ext.engine.contribution_meter import (
    ABSENT,
    ESTIMATORS,
    POOLS,
    PROFITS,
    ContributionMeter,
    Contributions,
    make_plan,
)
from mmpose_ext.engine.hooks.run_summary_hook import register_picture
from mmpose_ext.engine.side_trip import bare_model
from mmpose_ext.visualization.contributions import (
    ContributionHistory,
    draw_contributions,
)
from mmpose_ext.visualization.curves import new_figure

SCORES = 'contribution_scores'
"""Where the latest scores are in the message hub: modality to number."""

_HISTORY = 'contribution_history'
_DEFAULT_SAMPLES = 64


@HOOKS.register_module()
class ShapleyContributionHook(Hook):
    """Score the modalities of each epoch by Shapley values of Pearson's correlation.

    Peng et al. (CVPR 2026), Eq. 1 to 3, on the batches that are trained: the features
    which the model has just computed go through fusion and head once more for all
    subsets of the modalities, without gradient and in evaluation mode. The paper scores
    each batch and does not say how batches become a score of an epoch; here the
    correlation is over all samples of the epoch by default, which does not depend on
    which samples meet in a batch. The weights change in the meantime: predictions of an
    epoch drift, which ``pool='centred'`` leaves out, and the head has taken its step
    when features are scored.

    After an epoch, the scores are in the message hub (``contribution_scores``, and the
    scalars ``contribution/<modality>`` and ``prediction_std/<modality>``), in
    ``contributions.json`` in the work dir, and at the end in ``contributions.png``
    (Fig. 4). ``prediction_std`` is the standard deviation of what a modality alone
    predicts, over the samples of a batch, mean over the coordinates, millimetres: near
    0 where a modality has been suppressed. The history is in checkpoints.

    Args:
        interval: Batches between those that count.
        profit: ``'pearson'`` or ``'mse'``, see
            :class:`~mmpose_ext.engine.contribution_meter.ContributionMeter`.
        pool: ``'epoch'``, ``'centred'`` or ``'batch'``, alike.
        absent: What stands in for an absent modality: ``'zero'`` (the papers),
            ``'mean'`` of the batch, or ``None`` for what the model does.
        estimator: ``'exact'`` for up to six modalities, ``'permutation'`` or
            ``'kernel'`` for any number; these report standard errors.
        num_samples: Permutations, or subsets, drawn an epoch by the latter two.
        name: Name of the two files, without suffix.

    Raises:
        ValueError: If an option is unknown; before training, if the model has too many
            modalities for the estimator.
    """

    # After LoggerHook (60), before ModalityRelearningHook (75), which takes the scores,
    # and CheckpointHook (90), which saves them.
    priority = 70

    def __init__(
        self,
        interval: int = 1,
        *,
        profit: Literal['pearson', 'mse'] = 'pearson',
        pool: Literal['epoch', 'centred', 'batch'] = 'epoch',
        absent: Literal['zero', 'mean'] | None = None,
        estimator: Literal['exact', 'permutation', 'kernel'] = 'exact',
        num_samples: int = _DEFAULT_SAMPLES,
        name: str = 'contributions',
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval must be positive, got {interval}')
        check_choice('profit', profit, PROFITS)
        check_choice('pool', pool, POOLS)
        check_choice('absent', absent, ABSENT)
        check_choice('estimator', estimator, ESTIMATORS)
        self.interval, self.name = interval, name
        self.estimator, self.num_samples = estimator, num_samples
        self.options: dict[str, Any] = dict(profit=profit, pool=pool, absent=absent)
        self.history: dict[str, Any] = {}
        self.meter: ContributionMeter | None = None

    def before_train(self, runner: Any) -> None:
        """Check the model, and go on with the history of the run that is resumed."""
        self.meter = self._new_meter(runner)
        known = runner.message_hub.get_info(_HISTORY) if runner.iter > 0 else None
        if known:
            self.history = copy.deepcopy(known)
            return
        self.history = dict(
            **self.options,
            estimator=self.estimator,
            modalities=list(self.meter.modalities),
            epochs=[],
        )
        for column in ('scores', 'errors', 'deviations_mm'):
            self.history[column] = {name: [] for name in self.meter.modalities}
        runner.message_hub.pop_info(SCORES)

    def before_train_epoch(self, runner: Any) -> None:
        """Begin anew."""
        self.meter = self._new_meter(runner)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Take in the features of this step."""
        if batch_idx % self.interval or self.meter is None:
            return
        model = bare_model(runner.model)
        self.meter.add(model, model.last_features, model.last_present, model.last_pose)

    def after_train_epoch(self, runner: Any) -> None:
        """Report the scores."""
        found = None if self.meter is None else self.meter.compute()
        if found is None:
            runner.logger.warning(
                f'no contributions in epoch {runner.epoch + 1}: no batch could be '
                "scored. With pool='batch', one needs two samples or more on a process "
                "(train_dataloader.batch_size); pool='epoch' does not"
            )
            return
        if not all(map(_finite, (found.scores, found.deviations_mm))):
            runner.logger.warning(
                f'contributions of epoch {runner.epoch + 1} are not finite and do not '
                'count: a prediction was NaN or infinite in this epoch'
            )
            return
        self._keep(runner, found)
        self._write(runner)
        runner.logger.info(f'contributions in epoch {runner.epoch + 1}: {_text(found)}')

    def after_train(self, runner: Any) -> None:
        """Draw."""
        if self.history.get('epochs'):
            self._draw(runner)

    def _new_meter(self, runner: Any) -> ContributionMeter:
        modalities = bare_model(runner.model).modalities
        # Other subsets in each epoch, the same on all processes.
        plan = make_plan(
            self.estimator, len(modalities), self.num_samples, seed=runner.epoch
        )
        return ContributionMeter(modalities, plan, **self.options)

    def _keep(self, runner: Any, found: Contributions) -> None:
        self.history['epochs'].append(runner.epoch + 1)
        for column in ('scores', 'errors', 'deviations_mm'):
            for name, value in getattr(found, column).items():
                self.history[column][name].append(value)
        hub = runner.message_hub
        hub.update_info(SCORES, dict(found.scores))
        hub.update_info(_HISTORY, copy.deepcopy(self.history))
        scalars = {f'contribution/{n}': v for n, v in found.scores.items()}
        scalars |= {f'prediction_std/{n}': v for n, v in found.deviations_mm.items()}
        for key, value in scalars.items():
            hub.update_scalar(key, value)
        runner.visualizer.add_scalars(scalars, step=runner.iter)

    @master_only
    def _write(self, runner: Any) -> None:
        write_json(Path(runner.work_dir) / f'{self.name}.json', self.history)

    @master_only
    def _draw(self, runner: Any) -> None:
        path = Path(runner.work_dir) / f'{self.name}.png'
        figure = new_figure()
        draw_contributions(figure, ContributionHistory.of(self.history))
        with atomic_path(path) as temporary:
            figure.savefig(temporary)
        register_picture(runner, path)


def _finite(values: Mapping[str, float]) -> bool:
    return bool(torch.tensor(list(values.values())).isfinite().all())


def _text(found: Contributions) -> str:
    parts = []
    for name, score in found.scores.items():
        error = found.errors[name]
        margin = f' +- {error:.2f}' if error else ''
        alone = f'{found.deviations_mm[name]:.0f} mm'
        parts.append(f'{name} {score:.2f}{margin} (alone {alone})')
    return ', '.join(parts)
