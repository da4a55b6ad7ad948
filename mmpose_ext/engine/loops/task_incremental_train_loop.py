"""Learn one task after the other, under noise that is to be found out."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.runner import EpochBasedTrainLoop
from mmpose.registry import LOOPS
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmpose_ext.atomic_write import write_json
from mmpose_ext.datasets.mmfi_tasks import read_tasks
from mmpose_ext.engine.continual.fresh_optimizer import renew_optimizer
from mmpose_ext.engine.continual.relearning import go_back
from mmpose_ext.engine.continual.separation_report import (
    separation_facts,
    separation_sentence,
    write_losses,
)
from mmpose_ext.engine.continual.stages import Stage, plan_stages
from mmpose_ext.engine.continual.start_summary import describe_tasks
from mmpose_ext.engine.continual.task_data import TaskData, remembered
from mmpose_ext.engine.continual.task_estimates import (
    consolidate,
    mean_contributions,
)
from mmpose_ext.engine.continual.task_evaluation import TaskEvaluation
from mmpose_ext.engine.continual.task_method import check_model, read_method
from mmpose_ext.engine.continual.task_record import TaskRecord
from mmpose_ext.engine.continual.task_state import (
    TaskStateHook,
    check_unchanged,
    plain,
)
from mmpose_ext.engine.run_length import planned_steps
from mmpose_ext.engine.side_trip import bare_model, side_trip
from mmpose_ext.evaluation.functional.two_means import strengths_by_score
from mmpose_ext.models.estimators import MultiModalPoseEstimator
from mmpose_ext.models.sample_losses import dataset_losses

RECORD = 'continual.json'
"""File in the work dir with everything that the run found out."""


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
    told the true share of noisy samples, ``DivideMix`` which task is clean. Optimiser
    and schedulers are built anew for every phase. Scores, losses, Fisher information
    and evaluations are functions of weights and data alone, made in evaluation mode, so
    that a run that is killed anywhere ends as an uninterrupted one: it resumes from the
    last epoch and makes again what came after it. The checkpoint of a task's last epoch
    holds all that was found out about the task. ``work_dir/continual.json`` is
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
        relearning: Options of :class:`Relearning`.
        rehearsal: Options of :class:`Rehearsal`.

    Raises:
        ValueError: If an option is unknown or does not fit the others, or a task has no
            sample to learn from or to test with; on resuming, if options or data have
            changed.
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
        self.method = read_method(
            epochs_per_task=epochs_per_task,
            data=data,
            separation=separation,
            consolidation=consolidation,
            relearning=relearning,
            rehearsal=rehearsal,
        )
        protocol = dataloader['dataset'].get('protocol', 1)
        self.tasks = read_tasks(tasks, protocol)
        self.stages = plan_stages(
            len(self.tasks),
            train_epochs=epochs_per_task,
            fit_epochs=self.method.fit_epochs,
        )
        self.task_data = TaskData(dataloader, self.tasks, noise)
        first = self.task_data.shuffled(self.task_data.dataset(0))
        super().__init__(runner, first, max_epochs=len(self.stages))
        check_model(self.method, self.model)
        self.evaluation = TaskEvaluation(runner, self.tasks, protocol)
        self.record = TaskRecord.of(self.tasks)
        self.clean: dict[int, list[int]] = {}
        self.memory: dict[int, list[int]] = {}
        self.start: dict[str, Tensor] | None = None
        self.fisher: list[dict[str, Tensor]] | None = None
        self.reference: list[dict[str, Tensor]] | None = None
        self._loader_of: tuple[int, str] | None = None
        self._since = time.monotonic()
        runner.register_hook(TaskStateHook(self))

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
        self.runner.logger.info(
            describe_tasks(self.task_data, self.method, self.stages[0].num_epochs)
        )
        self._since = time.monotonic()
        while self._epoch < self._max_epochs:
            self._enter(self.stages[self._epoch])
            self.run_epoch()
        self._write_result()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        """One epoch of a task."""
        stage = self.stages[self._epoch]
        self.runner.logger.info(f'{stage}')
        if stage.phase == 'train' and hasattr(self.model, 'begin_epoch'):
            self.model.begin_epoch(self.dataloader, stage.epoch, stage.num_epochs)
        super().run_epoch()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the weights."""
        return {
            'options': self._options(),
            'record': self.record.to_dict(),
            'clean': self.clean,
            'memory': self.memory,
            'start': self.start,
            'fisher': self.fisher,
            'reference': self.reference,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: If it was made with other options or other data.
        """
        check_unchanged(state.get('options', {}), self._options())
        self.record = TaskRecord.from_dict(state['record'])
        for name in ('start', 'fisher', 'reference'):
            setattr(self, name, state[name])
        self.clean, self.memory = dict(state['clean']), dict(state['memory'])

    def finish_stage(self) -> None:
        """Close the task whose last epoch is over."""
        stage = self.stages[self._epoch]
        if stage.phase == 'train' and stage.ends:
            self._finish(stage.task)

    def count_time(self) -> None:
        """Put down the time since the last call for the present task."""
        now = time.monotonic()
        stage = self.stages[min(self._epoch, len(self.stages) - 1)]
        self.record.seconds[stage.task] += now - self._since
        self._since = now

    def _options(self) -> dict[str, Any]:
        """What must be the same in a resumed run."""
        return plain(
            {
                'tasks': self.tasks,
                'epochs_per_task': self.stages[0].num_epochs,
                'noise': self.task_data.noise,
                'samples': self.task_data.sizes,
                **self.method.to_dict(),
            }
        )

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
            renew_optimizer(self.runner)
        # Accumulated gradients count in steps of the phase, which ends with an update.
        steps = len(self.dataloader)
        self.runner.optim_wrapper.initialize_count_status(
            self.runner.model, stage.epoch * steps, stage.num_epochs * steps
        )
        again = self.method.relearning
        if again and stage.phase == 'train' and stage.epoch == again.epoch:
            self._relearn(stage.task)

    def _begin_phase(self, stage: Stage) -> None:
        if stage.phase == 'fit' or not (stage.task and self.method.fit_epochs):
            if is_main_process():
                self.task_data.save_mask(stage.task, Path(self.runner.work_dir))
            self.record.noise[stage.task] = self.task_data.facts(stage.task)
            self.start = copy.deepcopy(self.model.state_dict())
        if stage.phase == 'train' and stage.task and self.method.separation:
            self._separate(stage.task)

    def _stopped(self, stage: Stage) -> list[str]:
        if stage.phase != 'fit' or not self.method.separation:
            return []
        return self.method.separation.superior(self._scores_before(stage.task))

    def _scores_before(self, task: int) -> dict[str, float]:
        """Contributions before a task, from those after the earlier ones."""
        history = [scores for scores in self.record.scores[:task] if scores]
        assert self.method.separation
        return self.method.separation.scores_before(history)

    def _separate(self, task: int) -> None:
        """Name the noisy modality and leave noisy samples out."""
        separation = self.method.separation
        assert separation
        before = self._scores_before(task)
        dataset = self.task_data.dataset(task)
        now = self._scores(dataset)
        identified = separation.identify(before, now)
        mixture = separation.separate(self._losses(dataset).numpy(), seed=task)
        for remark in separation.remarks(mixture):
            self._say(task, remark)
        facts = separation_facts(mixture, dataset.noisy)
        self.record.separation[task] = {
            'identified': identified,
            'scores_before': before,
            'scores': now,
            **facts,
        }
        if separation.filter:
            self.clean[task] = np.flatnonzero(mixture.clean).tolist()
        if is_main_process():
            file = Path(self.runner.work_dir) / f'losses_task_{task + 1}.json'
            write_losses(file, mixture, dataset.noisy)
        self._say(task, f'noise in {identified}; {separation_sentence(facts)}')
        if separation.restore:
            assert self.start is not None
            self.model.load_state_dict(self.start)

    def _finish(self, task: int) -> None:
        """Find out what a task has left behind."""
        used = self._used(task)
        self.record.scores[task] = self._scores(used)
        if self.method.consolidation:
            self._consolidate(task, used)
        if self.method.rehearsal:
            self.memory[task] = remembered(
                self.task_data.sizes[task],
                self.method.rehearsal.per_task,
                seed=self._seed(task),
                among=self.clean.get(task),
            )
        for other in range(min(task + 2, len(self.tasks))):
            with self._side_trip():
                metrics = self.evaluation.score(self.runner.model, other)
            self.record.set_error(task, other, metrics)
            self.record.mean_pose[other] = metrics.get('mean_pose/MPJPE')
        self.count_time()
        if is_main_process():
            self.record.save(Path(self.runner.work_dir) / RECORD)
        summary = self.record.summary()
        self._say(
            task,
            f'learnt: average MPJPE {summary["average/MPJPE"]:.2f} mm, P-MPJPE '
            f'{summary["average/P-MPJPE"]:.2f} mm',
        )

    def _consolidate(self, task: int, dataset: Dataset) -> None:
        options = self.method.consolidation
        assert options
        found = self.record.separation[task]
        noisy = found['identified'] if found else None
        batches = self.task_data.mixed(dataset, self._seed(task))
        with self._side_trip():
            self.fisher, self.reference = consolidate(
                self.networks, batches, options, old=self.fisher, noisy=noisy
            )

    def _set_consolidation(self, stage: Stage) -> None:
        options = self.method.consolidation
        for number, network in enumerate(self.networks):
            if network.consolidation is None:
                continue
            network.consolidation.clear()
            if options and self.fisher and self.reference and stage.phase == 'train':
                network.consolidation.set(
                    self.reference[number], self.fisher[number], options.weight
                )

    def _relearn(self, task: int) -> None:
        """Go part of the way back to the task's start (Eq. 4)."""
        options = self.method.relearning
        assert options and self.start is not None
        scores = self._scores(self._used(task))
        alphas = strengths_by_score(
            scores, options.alpha_superior, options.alpha_inferior
        )
        go_back(self.model, self.start, alphas)
        told = ', '.join(f'{name} {alpha:g}' for name, alpha in alphas.items())
        self._say(task, f're-learning, {told}')

    def _used(self, task: int) -> Dataset:
        return self.task_data.part(task, self.clean.get(task))

    def _set_loader(self, stage: Stage) -> None:
        """The loader of an epoch; the same one as long as the phase lasts."""
        if self._loader_of == (stage.task, stage.phase):
            return
        if stage.phase == 'fit':
            config = self.task_data.shuffled(self.task_data.dataset(stage.task))
        elif self.method.data == 'seen':
            parts = {task: self.clean.get(task) for task in range(stage.task + 1)}
            config = self.task_data.shuffled(self.task_data.all_of(parts))
        elif self.method.rehearsal and stage.task:
            memory = self.task_data.all_of(self.memory)
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

    def _side_trip(self) -> Any:
        return side_trip(self.model, step=self._iter, salt=self._epoch)

    def _scores(self, dataset: Dataset) -> dict[str, float]:
        """Contributions, the mean over the networks."""
        with self._side_trip():
            return mean_contributions(self.networks, self.task_data.in_order(dataset))

    def _losses(self, dataset: Dataset) -> Tensor:
        """Losses of samples, the mean over the networks."""
        loader = self.task_data.in_order(dataset)
        with self._side_trip():
            losses = dataset_losses(self.networks, loader, self.model.data_preprocessor)
        return losses.mean(dim=0)

    def _seed(self, task: int) -> int:
        return int(self.runner.seed or 0) + task

    def _say(self, task: int, text: str) -> None:
        self.runner.logger.info(f'task {task + 1}: {text}')

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
