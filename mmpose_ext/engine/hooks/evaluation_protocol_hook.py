"""Tell metrics under which protocol a model is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch import nn

from mmpose_ext.engine.side_trip import bare_model
from mmpose_ext.evaluation.metrics.per_network_metric import PerNetworkMetric


@HOOKS.register_module()
class EvaluationProtocolHook(Hook):
    """Write what changes a score into the protocol of each ``PerNetworkMetric``.

    Flip test and boxes are settings of the model and of the data set. They are read
    there at each evaluation, so that a result file says what was done, whatever the
    config of the metric or ``--cfg-options`` say.
    """

    def before_val(self, runner: Any) -> None:
        """Validation begins."""
        _note(runner.model, runner.val_loop)

    def before_test(self, runner: Any) -> None:
        """A test begins."""
        _note(runner.model, runner.test_loop)


def _note(model: nn.Module, loop: Any) -> None:
    facts = evaluation_protocol(bare_model(model), loop.dataloader.dataset)
    for metric in loop.evaluator.metrics:
        if isinstance(metric, PerNetworkMetric):
            metric.protocol |= facts


def evaluation_protocol(model: nn.Module, dataset: Any) -> dict[str, Any]:
    """What of a model and its data changes scores.

    Args:
        model: With ``test_cfg``, as MMPose's estimators.
        dataset: With ``bbox_file``, if its boxes are detected.

    Returns:
        ``flip_test``, and ``boxes`` if they are detected: the name of their file. Other
        boxes are those of the annotations, which only the config can describe.
    """
    test_cfg = getattr(model, 'test_cfg', None) or {}
    facts: dict[str, Any] = {'flip_test': bool(test_cfg.get('flip_test', False))}
    if file := getattr(dataset, 'bbox_file', None):
        facts['boxes'] = f'detected: {Path(file).name}'
    return facts
