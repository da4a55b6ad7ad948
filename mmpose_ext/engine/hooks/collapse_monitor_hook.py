"""Watch whether semi-supervised training collapses."""

from __future__ import annotations

import copy
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size, master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.engine.collapse_detector import CollapseDetector, CollapseRule
from mmpose_ext.engine.hooks.run_summary_hook import register_picture
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.response_curves import ResponseHistory, draw_responses

RESPONSES = ('labelled', 'teacher', 'student')
_STATE = 'collapse_monitor'


@HOOKS.register_module()
class CollapseMonitorHook(Hook):
    """Warn when heatmaps on unlabelled people fall, and draw their mean height.

    Xie et al. (ICCV 2021) tell a collapse by the response, the mean height of heatmaps:
    on labelled images it rises steadily, on unlabelled ones it falls towards 0 (Fig. 3
    and 7). They look at curves; the rule here is ours. It follows the ratio of the
    teacher's response on easy views to that on labelled images, see
    :class:`CollapseRule`, and warns once a collapse. A second sign, which the warning
    reports, is the difference of teacher and student: positive in healthy runs, about
    0 in collapsed ones. The default rule was chosen on runs of a few thousand steps;
    long ones may want a longer burn-in.

    The values are those that ``ConsistencyLearner`` returns beside its losses. MMEngine
    has put them into the message hub as plain numbers, so a process that trains alone
    never waits for the device here; several processes average them once an interval.

    ``collapse.png`` and ``collapse.json`` in the work dir are renewed after each
    validation and at the end. The state is in checkpoints. Models without responses are
    ignored.

    Args:
        interval: Steps between samples; a sample is the mean over them.
        stop: End the training at a collapse, with a checkpoint and a ``RuntimeError``.
        metric: Validation metric to draw; default: the one that selects the best
            checkpoint.
        name: Name of the two files, without suffix.
        **rule: Options of :class:`CollapseRule`.

    Raises:
        ValueError: If an option is out of range.
        RuntimeError: In training, at a collapse, with ``stop``.
    """

    # After RuntimeInfoHook and ParamSchedulerHook (70), so that a checkpoint can be
    # saved here; before CheckpointHook (90), which saves the state.
    priority = 80

    def __init__(
        self,
        interval: int = 50,
        *,
        stop: bool = False,
        metric: str | None = None,
        name: str = 'collapse',
        **rule: Any,
    ) -> None:
        if interval < 1:
            raise ValueError(f'interval must be positive, got {interval}')
        self.interval, self.stop = interval, stop
        self.metric, self.name = metric, name
        self.rule = CollapseRule(**rule)
        self._start()

    def before_train(self, runner: Any) -> None:
        """Go on with the state of the run that is resumed."""
        known = runner.message_hub.get_info(_STATE) if runner.iter > 0 else None
        self._start(known)
        self.metric = self.metric or selecting_metric(runner)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Look at the responses of the last steps."""
        keys = [f'response_{name}' for name in RESPONSES]
        if not set(keys) <= set(outputs or ()):
            return
        if not self.every_n_train_iters(runner, self.interval):
            return
        scalars = runner.message_hub.log_scalars
        values = [float(scalars[f'train/{key}'].mean(self.interval)) for key in keys]
        self._sample(runner, over_processes(values))

    def after_val_epoch(
        self, runner: Any, metrics: dict[str, float] | None = None
    ) -> None:
        """Keep the metric of this validation, and draw."""
        if not self.history['steps']:
            return
        value = (metrics or {}).get(self.metric or '')
        if value is not None:
            self.history['validation'].append([runner.iter, float(value)])
            self._keep(runner)
        self._draw(runner)

    def after_train(self, runner: Any) -> None:
        """Draw."""
        if self.history['steps']:
            self._draw(runner)

    def _start(self, known: dict[str, Any] | None = None) -> None:
        known = copy.deepcopy(known or {})
        self.detector = CollapseDetector(self.rule)
        self.detector.load_state_dict(known.get('detector', {}))
        columns = ('steps', *RESPONSES, 'rho', 'flag', 'events', 'validation')
        self.history: dict[str, list] = {name: [] for name in columns}
        self.history |= known.get('history', {})

    def _sample(self, runner: Any, values: list[float]) -> None:
        if not all(map(math.isfinite, values)):
            return
        step = runner.iter + 1
        event = self.detector.update(step, *values)
        row = (step, *values, self.detector.rho, self.detector.flag)
        names = ('steps', *RESPONSES, 'rho', 'flag')
        for name, value in zip(names, row, strict=True):
            self.history[name].append(value)
        if event is not None:
            self.history['events'].append([step, event])
        self._keep(runner)
        if event == 'collapse':
            self._report_collapse(runner, step)
        elif event == 'recovery':
            runner.logger.info(
                f'the response on unlabelled people has recovered at step {step}: it '
                f'is {self.detector.rho:.2f} times that on labelled people'
            )

    def _report_collapse(self, runner: Any, step: int) -> None:
        text = describe(self.detector, step)
        if not self.stop:
            runner.logger.warning(
                f'{text}. Training goes on; {self.name}.png in the work dir shows it'
            )
            return
        self._draw(runner)
        file = f'collapsed_iter_{step}.pth'
        runner.save_checkpoint(runner.work_dir, file, by_epoch=False)
        raise RuntimeError(
            f'training stopped (CollapseMonitorHook.stop): {text}. Saved '
            f'{Path(runner.work_dir) / file}; {self.name}.png beside it shows the '
            'responses. Resuming from it goes on without stopping at this collapse'
        )

    def _keep(self, runner: Any) -> None:
        """Put the state where checkpoints take it from."""
        state = {'history': self.history, 'detector': self.detector.state_dict()}
        runner.message_hub.update_info(_STATE, state)

    @master_only
    def _draw(self, runner: Any) -> None:
        folder = Path(runner.work_dir)
        content = {
            **self.history,
            'metric': self.metric,
            'interval': self.interval,
            'rule': asdict(self.rule),
        }
        write_json(folder / f'{self.name}.json', content)
        figure = draw_responses(new_figure(), ResponseHistory.of(content))
        with atomic_path(folder / f'{self.name}.png') as temporary:
            figure.savefig(temporary)
        register_picture(runner, folder / f'{self.name}.png')


def selecting_metric(runner: Any) -> str | None:
    """The metric that selects the best checkpoint, the first one if there are more."""
    hook = runner.cfg.get('default_hooks', {}).get('checkpoint') or {}
    best = hook.get('save_best')
    return best if isinstance(best, str) else next(iter(best or ()), None)


def over_processes(values: list[float]) -> list[float]:
    """Means over the processes of a run."""
    if get_world_size() == 1:
        return values
    together = torch.tensor(values, dtype=torch.float64)
    all_reduce(together, 'mean')
    return together.tolist()


def describe(detector: CollapseDetector, step: int) -> str:
    """What a collapse looks like, and what to do."""
    second = (
        'The teacher does not see more than the student, either '
        f'({detector.gap:+.3f}), as in collapsed runs'
        if detector.gap <= 0
        else f'The teacher still sees more than the student ({detector.gap:+.3f}), so '
        'it may be a slow or partial collapse'
    )
    return (
        f'the response on unlabelled people collapses: at step {step} heatmaps of the '
        f'teacher are {detector.rho:.2f} times as high as on labelled people, after '
        f'{detector.peak:.2f} at step {detector.peak_step} (threshold: '
        f'{detector.rule.threshold:g} of that). {second}. Hard views must be harder '
        'than easy ones (tools/analysis_tools/augmentation_difficulty.py measures it) '
        'and gradients must not pass through the teacher (model.detach)'
    )
