"""A picture of losses and validation metrics over a whole training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from mmpose_ext.atomic_write import write_json
from mmpose_ext.engine.hooks.run_summary_hook import register_picture
from mmpose_ext.visualization.curves import Curve, draw_learning_curve, new_figure


@HOOKS.register_module()
class LearningCurveHook(Hook):
    """Draw ``learning_curve.png`` in the work dir when training ends.

    Losses are the history in the message hub, one value a step, which checkpoints
    carry. Validation metrics are kept by this hook in ``learning_curve.json`` beside
    the picture; a resumed run goes on with the points up to its first step. So the
    picture of a resumed run shows all of it, provided the work dir is the same.

    Args:
        metrics: Metrics to draw; ``None`` means the ones that select the best
            checkpoint, or else the first one.
        name: Name of the two files, without suffix.
    """

    # After LoggerHook and CheckpointHook, before RunSummaryHook names the picture.
    priority = 'VERY_LOW'

    def __init__(
        self, metrics: Sequence[str] | None = None, *, name: str = 'learning_curve'
    ) -> None:
        self.metrics = tuple(metrics) if metrics is not None else None
        self.name = name
        self.points: dict[str, list[list[float]]] = {}

    def before_train(self, runner: Any) -> None:
        """Go on with the points of the run that is resumed."""
        path = self._path(runner, '.json')
        self.points = {}
        if runner.iter > 0 and path.is_file():
            known = json.loads(path.read_text())
            self.points = {
                key: [point for point in points if point[0] <= runner.iter]
                for key, points in known.items()
            }

    @master_only
    def after_val_epoch(
        self, runner: Any, metrics: dict[str, float] | None = None
    ) -> None:
        """Keep the metrics of this validation."""
        for key, value in (metrics or {}).items():
            if isinstance(value, int | float) and np.isfinite(value):
                self.points.setdefault(key, []).append([runner.iter, float(value)])
        write_json(self._path(runner, '.json'), self.points)

    @master_only
    def after_train(self, runner: Any) -> None:
        """Draw the picture."""
        losses = self._losses(runner)
        if not losses:
            return
        path = self._path(runner, '.png')
        figure = draw_learning_curve(new_figure(), losses, self._metric_curves(runner))
        figure.savefig(path)
        register_picture(runner, path)

    def _path(self, runner: Any, suffix: str) -> Path:
        return Path(runner.work_dir) / f'{self.name}{suffix}'

    @staticmethod
    def _losses(runner: Any) -> dict[str, Curve]:
        """Every loss against the step; a truncated history ends at the last step."""
        curves = {}
        for key, buffer in runner.message_hub.log_scalars.items():
            mode, _, name = key.partition('/')
            if mode == 'train' and 'loss' in name:
                values, counts = buffer.data
                steps = np.arange(runner.iter - len(values), runner.iter) + 1
                curves[name] = Curve(steps, values / np.maximum(counts, 1))
        if len(curves) == 2 and 'loss' in curves:
            # The only part of the sum is the sum.
            curves = {'loss': curves['loss']}
        return curves

    def _metric_curves(self, runner: Any) -> dict[str, Curve]:
        names: Sequence[str] = self.metrics or ()
        if self.metrics is None:
            checkpoint = runner.cfg.get('default_hooks', {}).get('checkpoint') or {}
            best = checkpoint.get('save_best')
            names = [best] if isinstance(best, str) else best or []
        chosen = [name for name in names if name in self.points]
        return {
            name: Curve(*np.asarray(self.points[name], dtype=float).T)
            for name in chosen or list(self.points)[:1]
        }
