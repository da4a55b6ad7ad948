"""Learn one task after the other, under noise that is to be found out."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import LOOPS
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, Dataset

from mmpose_ext.atomic_write import write_json
from mmpose_ext.datasets.mmfi_tasks import read_tasks
from mmpose_ext.engine.continual.noise_separation import NoiseSeparation
from mmpose_ext.engine.continual.stages import Stage, plan_stages
from mmpose_ext.engine.continual.task_data import TaskData, remembered
from mmpose_ext.engine.continual.task_record import TaskRecord
from mmpose_ext.engine.continual.weight_consolidation import WeightConsolidation
from mmpose_ext.engine.initial_weights import blend_with
from mmpose_ext.engine.run_length import planned_steps
from mmpose_ext.engine.sample_passes import (
    contributions,
    losses_of_samples,
    prepared,
)
from mmpose_ext.engine.side_trip import bare_model, side_trip
from mmpose_ext.evaluation.functional.fisher import diagonal_fisher
from mmpose_ext.evaluation.functional.loss_mixture import separation_scores
from mmpose_ext.evaluation.functional.two_means import strengths_by_score
from mmpose_ext.models.estimators import MultiModalPoseEstimator
from mmpose_ext.models.evaluation_mode import evaluating
from mmpose_ext.models.sample_losses import dataset_losses

RECORD = 'continual.json'
"""File in the work dir with everything that the run found out."""

_CHECKPOINT_KEY = 'continual'


@LOOPS.register_module()
class TaskIncrementalTrainLoop(EpochBasedTrainLoop):
    """Tasks in a row, one network, no task labels (Peng et al., Algorithm 2).

    For each task but the first:

    1. *fit* for some epochs on all its samples, with the gradients of superior
       modalities stopped; name the modality whose score dropped most as noisy; split
       the samples by their losses (``separation``);
    2. *train* on the clean ones, with a pull of all weights to where they were
       (``consolidation``), and once part of the way back to the weights at the task's
       start, by each modality's score (``relearning``);
    3. estimate which weights the task needs, and score the network on the tasks seen so
       far and on the next one.

    Each part can be left out; without any this is naive fine-tuning. ``CoTeaching`` is
    told the true share of noisy samples. Optimiser and
    schedulers are built anew for every phase. Scores, losses, Fisher information and
    evaluations are functions of weights and data alone, made in evaluation mode, so
    that a run that is killed anywhere ends as an uninterrupted one: it resumes from the
    last epoch and makes again what was between epochs. ``work_dir/continual.json`` is
    rewritten after each task.

    Args:
        runner: The runner.
        dataloader: Config of the training data loader; its dataset takes ``actions``.
        epochs_per_task: Epochs of training on each task.
        tasks: Actions of each task; ``None`` for those of the dataset's protocol.
        data: ``'task'``, or ``'seen'``: all tasks so far together, which is what
            learning one by one can reach at most.
        noise: See :class:`TaskData`.
        separation: Options of :class:`NoiseSeparation`.
        consolidation: Options of :class:`WeightConsolidation`; the model needs a
            ``consolidation`` loss.
        relearning: ``epoch`` of the task's training at whose start it happens,
            ``alpha_superior`` (0.5) and ``alpha_inferior`` (0.7).
        rehearsal: ``per_task``, samples of each task that are kept and rehearsed.

    Raises:
        ValueError: If an option is unknown or does not fit the others; on resuming, if
            the tasks have changed.
    """

    _epoch: int
    _iter: int

    def __init__(
        self,
        runner: Any,
        dataloader: dict[str, Any],
        *,
        epochs_per_task: int,
        tasks: Sequence[Sequence[str]] | None = None,
        data: str = 'task',
        noise: dict[str, Any] | None = None,
        separation: dict[str, Any] | None = None,
        consolidation: dict[str, Any] | None = None,
        relearning: dict[str, Any] | None = None,
        rehearsal: dict[str, Any] | None = None,
    ) -> None:
        if not isinstance(dataloader, Mapping):
            raise ValueError(
                f'{type(self).__name__} builds a loader for each task, so it needs the '
                f'config of one, got {type(dataloader).__name__}'
            )
        if data not in ('task', 'seen'):
            raise ValueError(f"data must be 'task' or 'seen', got {data!r}")
        protocol = dataloader['dataset'].get('protocol', 1)
        self.tasks = read_tasks(tasks, protocol)
        self.task_data = TaskData(dataloader, self.tasks, noise)
        self.data = data
        self.separation = separation and NoiseSeparation(**separation)
        self.consolidation = consolidation and WeightConsolidation(**consolidation)
        self.relearning = relearning and _read_relearning(relearning, epochs_per_task)
        self.per_task = (rehearsal or {}).get('per_task', 0)
        self.stages = plan_stages(
            len(self.tasks),
            train_epochs=epochs_per_task,
            fit_epochs=self.separation.fit_epochs if self.separation else 0,
        )
        super().__init__(runner, dataloader, max_epochs=len(self.stages))
        if self.consolidation and any(n.consolidation is None for n in self.networks):
            raise ValueError(
                'consolidation needs the loss in the model: set '
                "model.consolidation=dict(type='WeightConstraintLoss')"
            )
        self.record = TaskRecord.of(self.tasks)
        self.scores: dict[str, float] | None = None
        self.clean: dict[int, list[int]] = {}
        self.memory: dict[int, list[int]] = {}
        self.start: dict[str, Tensor] | None = None
        self.fisher: list[dict[str, Tensor]] | None = None
        self.reference: list[dict[str, Tensor]] | None = None
        self.num_finished = 0
        runner.register_hook(_TaskStateHook(self))

    @property
    def model(self) -> Any:
        """The model without its wrapper."""
        return bare_model(self.runner.model)

    @property
    def networks(self) -> tuple[MultiModalPoseEstimator, ...]:
        """The networks of the model."""
        return self.model.networks

    def run(self) -> nn.Module:
        """Learn all tasks."""
        self.runner.call_hook('before_train')
        while self._epoch < self._max_epochs:
            stage = self.stages[self._epoch]
            self._finish_tasks(before=stage.task)
            self._enter(stage)
            begin = time.monotonic()
            self.run_epoch()
            self.record.seconds[stage.task] += time.monotonic() - begin
        self._finish_tasks(before=len(self.tasks))
        self._write_result()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """One epoch of a task."""
        stage = self.stages[self._epoch]
        print_log(f'{stage}', logger='current')
        if stage.phase == 'train' and hasattr(self.model, 'begin_epoch'):
            self.model.begin_epoch(self.dataloader, stage.epoch, stage.num_epochs)
        super().run_epoch()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the weights."""
        return {
            'tasks': [list(actions) for actions in self.tasks],
            'record': self.record.to_dict(),
            'scores': self.scores,
            'clean': self.clean,
            'memory': self.memory,
            'start': self.start,
            'fisher': self.fisher,
            'reference': self.reference,
            'num_finished': self.num_finished,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: If it is of other tasks.
        """
        tasks = [list(actions) for actions in self.tasks]
        if state['tasks'] != tasks:
            raise ValueError(
                f'the checkpoint was made with the tasks {state["tasks"]}, the config '
                f'has {tasks}; resume with the same list, or start anew without '
                '--resume'
            )
        self.record = TaskRecord.from_dict(state['record'])
        for name in ('scores', 'start', 'fisher', 'reference', 'num_finished'):
            setattr(self, name, state[name])
        self.clean, self.memory = dict(state['clean']), dict(state['memory'])

    def _enter(self, stage: Stage) -> None:
        """Make model, loader, optimiser and constraints ready for an epoch."""
        if stage.begins:
            self._begin_phase(stage)
        superior = self._stopped(stage)
        for network in self.networks:
            network.stop_gradients(superior)
        if hasattr(self.model, 'noise_rate'):
            clean = self.task_data.modality(stage.task) is None
            self.model.noise_rate = 0.0 if clean else self.task_data.noise['ratio']
        self._set_consolidation(stage)
        self._set_loader(stage)
        if stage.begins:
            self._build_optimizer()
        # Accumulated gradients count in steps of the phase, which ends with an update.
        steps = len(self.dataloader)
        self.runner.optim_wrapper.initialize_count_status(
            self.runner.model, stage.epoch * steps, stage.num_epochs * steps
        )
        again = stage.phase == 'train' and self.relearning
        if again and stage.epoch == again['epoch']:
            self._relearn(stage.task)

    def _begin_phase(self, stage: Stage) -> None:
        is_new_task = stage.phase == 'fit' or not self._has_fitting(stage.task)
        if is_new_task:
            self.task_data.save_mask(stage.task, Path(self.runner.work_dir))
            self.record.noise[stage.task] = self.task_data.facts(stage.task)
            self.start = copy.deepcopy(self.model.state_dict())
        if stage.phase == 'train' and stage.task and self.separation:
            self._separate(stage.task)

    def _has_fitting(self, task: int) -> bool:
        return bool(task and self.separation and self.separation.fit_epochs)

    def _stopped(self, stage: Stage) -> list[str]:
        if stage.phase != 'fit' or not self.separation:
            return []
        return self.separation.superior(self.scores or {})

    def _separate(self, task: int) -> None:
        """Name the noisy modality and leave noisy samples out."""
        assert self.separation and self.scores is not None
        dataset = self.task_data.dataset(task)
        now = self._scores(dataset)
        identified = self.separation.identify(self.scores, now)
        losses = self._losses(dataset)
        mixture = self.separation.separate(losses.numpy(), seed=task)
        if not mixture.separable:
            print_log(
                f'task {task + 1}: losses of clean and noisy samples cannot be told '
                'apart; all samples count as clean',
                logger='current',
            )
        found = {
            'identified': identified,
            'scores_before': self.scores,
            'scores': now,
            'separable': mixture.separable,
            'samples': len(mixture.clean),
            'kept': int(mixture.clean.sum()),
            **separation_scores(
                dataset.noisy, mixture.clean_probability, mixture.clean
            ),
        }
        self.record.separation[task] = found
        if self.separation.filter:
            self.clean[task] = np.flatnonzero(mixture.clean).tolist()
        self._write_losses(task, mixture, dataset.noisy)
        print_log(
            f'task {task + 1}: noise in {identified}, {found["kept"]} of '
            f'{found["samples"]} samples kept; F1 of noisy {found["F1"]:.2f}',
            logger='current',
        )
        if self.separation.restore:
            assert self.start is not None
            self.model.load_state_dict(self.start)

    def _finish_tasks(self, before: int) -> None:
        """Close the tasks that are learnt and not yet closed."""
        for task in range(self.num_finished, before):
            self._finish(task)
            self.num_finished = task + 1

    def _finish(self, task: int) -> None:
        used = self._used(task)
        self.scores = self._scores(used)
        self.record.scores[task] = self.scores
        if self.consolidation:
            self._consolidate(task, used)
        if self.per_task:
            samples = len(self.task_data.dataset(task))
            seed = int(self.runner.seed or 0) + task
            self.memory[task] = remembered(
                samples, self.per_task, seed=seed, among=self.clean.get(task)
            )
        for other in range(min(task + 2, len(self.tasks))):
            metrics = self._evaluate(other)
            self.record.set_error(task, other, metrics)
            self.record.mean_pose[other] = metrics.get('mean_pose/MPJPE')
        if is_main_process():
            self.record.save(Path(self.runner.work_dir) / RECORD)
        summary = self.record.summary()
        print_log(
            f'task {task + 1} learnt: average MPJPE {summary["average/MPJPE"]:.2f} mm, '
            f'P-MPJPE {summary["average/P-MPJPE"]:.2f} mm',
            logger='current',
        )

    def _consolidate(self, task: int, dataset: Dataset) -> None:
        assert self.consolidation
        options = self.consolidation
        separation = self.record.separation[task]
        noisy = separation['identified'] if separation else None
        combined, reference = [], []
        for number, network in enumerate(self.networks):
            with self._side_trip(), evaluating(network):
                batches = prepared(network, self.task_data.in_order(dataset))
                new = diagonal_fisher(
                    network,
                    losses_of_samples,
                    itertools.islice(batches, options.num_batches),
                    estimator=options.estimator,
                    chunk_size=options.chunk_size,
                )
            old = None if self.fisher is None else self.fisher[number]
            combined.append(options.combine(new, old, noisy))
            reference.append(_copied(dict(network.named_parameters())))
        self.fisher, self.reference = combined, reference

    def _set_consolidation(self, stage: Stage) -> None:
        for number, network in enumerate(self.networks):
            if network.consolidation is None:
                continue
            network.consolidation.clear()
            if self.consolidation and self.fisher and stage.phase == 'train':
                assert self.reference is not None
                fisher = self.fisher[number]
                reference = {name: self.reference[number][name] for name in fisher}
                network.consolidation.set(reference, fisher, self.consolidation.weight)

    def _relearn(self, task: int) -> None:
        """Go part of the way back to the task's start (Eq. 4)."""
        assert self.relearning and self.start is not None
        scores = self._scores(self._used(task))
        alphas = strengths_by_score(
            scores, self.relearning['alpha_superior'], self.relearning['alpha_inferior']
        )
        for name, module in self.model.named_modules():
            if module in self.networks:
                encoders = f'{name}.encoders.'.removeprefix('.')
                blend_with(module.encoders, _part(self.start, encoders), alphas)
        told = ', '.join(f'{name} {alpha:g}' for name, alpha in alphas.items())
        print_log(f'task {task + 1}: re-learning, {told}', logger='current')

    def _used(self, task: int) -> Dataset:
        return self.task_data.part(task, self.clean.get(task))

    def _set_loader(self, stage: Stage) -> None:
        """The loader of an epoch; the same one as long as the phase lasts."""
        if not stage.begins and getattr(self, '_loader_of', None) == (
            stage.task,
            stage.phase,
        ):
            return
        if stage.phase == 'fit':
            config = self.task_data.shuffled(self.task_data.dataset(stage.task))
        elif self.data == 'seen':
            parts = [self._used(task) for task in range(stage.task + 1)]
            config = self.task_data.shuffled(ConcatDataset(parts))
        elif self.per_task and stage.task:
            memory: Dataset = ConcatDataset(
                [self.task_data.part(t, kept) for t, kept in self.memory.items()]
            )
            config = self.task_data.beside_memory(memory, self._used(stage.task))
        else:
            config = self.task_data.shuffled(self._used(stage.task))
        self.dataloader = self._build(config)
        if not len(self.dataloader):
            raise ValueError(
                f'{stage}: {len(config["dataset"])} samples make no batch of '
                f'{config["batch_size"]}; lower train_dataloader.batch_size or set '
                'drop_last=False'
            )
        self._loader_of = (stage.task, stage.phase)
        self._max_iters = planned_steps(self)

    def _build(self, config: dict[str, Any]) -> Any:
        randomness = self.runner._randomness_cfg
        return self.runner.build_dataloader(
            config,
            seed=self.runner.seed,
            diff_rank_seed=randomness.get('diff_rank_seed', False),
        )

    def _build_optimizer(self) -> None:
        """Optimiser and schedulers as at the start of a run."""
        runner, cfg = self.runner, self.runner.cfg
        runner.optim_wrapper = runner.build_optim_wrapper(
            copy.deepcopy(cfg.optim_wrapper)
        )
        runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
        if cfg.get('param_scheduler') is not None:
            runner.param_schedulers = runner.build_param_scheduler(
                copy.deepcopy(cfg.param_scheduler)
            )

    def _side_trip(self) -> Any:
        return side_trip(self.model, step=self._iter, salt=self._epoch)

    def _scores(self, dataset: Dataset) -> dict[str, float]:
        """Contributions, the mean over the networks."""
        with self._side_trip():
            rows = [
                contributions(network, self.task_data.in_order(dataset))
                for network in self.networks
            ]
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    def _losses(self, dataset: Dataset) -> Tensor:
        """Losses of samples, the mean over the networks."""
        loader = self.task_data.in_order(dataset)
        with self._side_trip():
            losses = dataset_losses(self.networks, loader, self.model.data_preprocessor)
        return losses.mean(dim=0)

    @torch.no_grad()
    def _evaluate(self, task: int) -> dict[str, float]:
        """Score the model on the test part of a task."""
        config = copy.deepcopy(self.runner.cfg.val_dataloader)
        config['dataset']['actions'] = list(self.tasks[task])
        config['persistent_workers'] = False
        loader = self._build(config)
        options = copy.deepcopy(self.runner.cfg.val_evaluator)
        options.pop('outfile', None)
        evaluator = self.runner.build_evaluator(options)
        evaluator.dataset_meta = loader.dataset.metainfo
        with self._side_trip(), evaluating(self.model):
            for batch in loader:
                outputs = self.runner.model.val_step(batch)
                evaluator.process(data_samples=outputs, data_batch=batch)
        return evaluator.evaluate(len(loader.dataset))

    def _write_losses(self, task: int, mixture: Any, noisy: np.ndarray) -> None:
        """Leave the losses of a separation in the work dir, for pictures."""
        if is_main_process():
            write_json(
                Path(self.runner.work_dir) / f'losses_task_{task + 1}.json',
                {
                    'losses': np.round(mixture.normalised, 6).tolist(),
                    'noisy': np.asarray(noisy).astype(int).tolist(),
                    'clean_probability': np.round(
                        mixture.clean_probability, 6
                    ).tolist(),
                },
            )

    def _write_result(self) -> None:
        """Write the summary where the tables look for it."""
        summary = self.record.summary()
        for name, value in summary.items():
            self.runner.message_hub.update_scalar(f'continual/{name}', value)
        outfile = self.runner.cfg.val_evaluator.get('outfile')
        if outfile and is_main_process():
            write_json(
                Path(outfile), {'metrics': summary, 'continual': self.record.to_dict()}
            )


class _TaskStateHook(Hook):
    """Keeps the state of the loop in checkpoints."""

    def __init__(self, loop: TaskIncrementalTrainLoop) -> None:
        self.loop = loop

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Put the state in."""
        checkpoint[_CHECKPOINT_KEY] = self.loop.state_dict()

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Take the state out of a checkpoint that the run resumes from."""
        if runner._resume and _CHECKPOINT_KEY in checkpoint:
            self.loop.load_state_dict(checkpoint[_CHECKPOINT_KEY])


def _read_relearning(options: Mapping[str, Any], num_epochs: int) -> dict[str, Any]:
    relearning = {'alpha_superior': 0.5, 'alpha_inferior': 0.7, **options}
    unknown = sorted(set(relearning) - {'epoch', 'alpha_superior', 'alpha_inferior'})
    if unknown or not 0 < relearning.get('epoch', 0) < num_epochs:
        raise ValueError(
            f'relearning={dict(options)}: expected epoch from 1 to {num_epochs - 1} '
            'and, if wanted, alpha_superior and alpha_inferior'
        )
    for name in ('alpha_superior', 'alpha_inferior'):
        if not 0 <= relearning[name] <= 1:
            raise ValueError(
                f'relearning: {name}={relearning[name]} must lie in [0, 1]'
            )
    return relearning


def _part(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Entries of a state dict below a prefix, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in state.items()
        if name.startswith(prefix)
    }


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
