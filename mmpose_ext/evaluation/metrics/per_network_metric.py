"""PerNetworkMetric: scores of several networks from one validation pass."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from mmpose_ext.atomic_write import write_json
from mmpose_ext.evaluation.metrics.metric_table import align, format_protocol


@METRICS.register_module()
class PerNetworkMetric(BaseMetric):
    """Score each network of a model with MMPose's own metrics.

    A model of several networks, such as ``DualStudent``, leaves each one's prediction
    in the sample as ``pred_<name>``. The metrics are run on each of them:
    ``student0/AP``, ``student1/AP``, ``ensemble/AP`` (their mean heatmap). ``mean/AP``
    is the mean of the students' scores, which is what the paper reports; it is there
    with one student, too, so that ``save_best='mean/AP'`` fits all. An ordinary
    estimator is one student.

    A metric's default prefix is left out: ``student0/AP``, not ``student0/coco/AP``;
    one that its config gives stays, and so tells two metrics of one kind apart.

    Args:
        scored_by: Configs of the metrics, for example ``dict(type='CocoMetric', ...)``.
        outfile: JSON file for the scores and the protocol, written at each evaluation.
        protocol: What a reader must know to compare: data, boxes of the annotations.
            ``EvaluationProtocolHook`` adds the flip test and detected boxes.
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
        collect_dir: As in MMEngine.

    Raises:
        ValueError: If two metrics give a score of the same name, or samples differ in
            their networks.
    """

    default_prefix = ''

    def __init__(
        self,
        scored_by: Sequence[dict],
        *,
        outfile: str | os.PathLike | None = None,
        protocol: Mapping[str, Any] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.configs = [dict(metric) for metric in scored_by]
        self.outfile = outfile
        self.protocol = dict(protocol or {})
        self.scores: dict[str, list[BaseMetric]] = {}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Give each network's predictions to its metrics.

        Args:
            data_batch: Passed on.
            data_samples: With ``pred_<name>`` a network, or with ``pred_instances``.
        """
        for name, samples in by_network(data_samples).items():
            for metric in self._metrics_of(name):
                metric.process(data_batch, samples)
        self.results.extend([None] * len(data_samples))

    def evaluate(self, size: int) -> dict[str, float]:
        """Scores of all networks.

        Args:
            size: Number of samples.
        """
        scores: dict[str, float] = {}
        for name, metrics in self.scores.items():
            for metric in metrics:
                usual = f'{metric.default_prefix}/'
                own = {
                    f'{name}/{key.removeprefix(usual)}': float(value)
                    for key, value in quietly(metric.evaluate, size).items()
                }
                if twice := own.keys() & scores:
                    raise ValueError(f'two metrics give {sorted(twice)}; leave one out')
                scores |= own
        scores |= mean_of_students(scores)
        if self.prefix:
            scores = {f'{self.prefix}/{key}': value for key, value in scores.items()}
        self._write(scores, size)
        self._show(scores)
        self.results.clear()
        return scores

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Not used: each metric computes for itself."""
        raise NotImplementedError('PerNetworkMetric evaluates metric by metric')

    def _metrics_of(self, name: str) -> list[BaseMetric]:
        if name not in self.scores:
            if self.results:
                raise ValueError(
                    f'samples before had no prediction of {name!r}; all samples of an '
                    'evaluation need the same networks'
                )
            self.scores[name] = [
                quietly(METRICS.build, self._config(c, name)) for c in self.configs
            ]
        for metric in self.scores[name]:
            metric.dataset_meta = self.dataset_meta
        return self.scores[name]

    def _config(self, config: dict, name: str) -> dict:
        """A metric's config, with a file of its own for what it writes."""
        written = config.get('outfile_prefix')
        return {**config, 'outfile_prefix': f'{written}.{name}'} if written else config

    def _write(self, scores: dict[str, float], size: int) -> None:
        if self.outfile is not None and is_main_process():
            content = {'metrics': scores, 'protocol': {**self.protocol, 'people': size}}
            write_json(self.outfile, content)

    def _show(self, scores: dict[str, float]) -> None:
        if scores:
            logger = MMLogger.get_current_instance()
            logger.info(f'{format_protocol(self.protocol)}\n{table_of(scores)}')


def quietly(function: Any, *arguments: Any) -> Any:
    """Call what prints tables of its own, as COCO's evaluation does."""
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments)


def table_of(scores: Mapping[str, float]) -> str:
    """A table with a row a network, from ``<network>/<score>``."""
    split = [key.partition('/')[::2] for key in scores]
    names = list(dict.fromkeys(name for name, _ in split))
    keys = list(dict.fromkeys(key for _, key in split))
    rows = [
        [name, *(f'{scores.get(f"{name}/{key}", float("nan")):.4g}' for key in keys)]
        for name in names
    ]
    return align(['network', *keys], rows)


def by_network(data_samples: Sequence[dict]) -> dict[str, list[dict]]:
    """Samples as each network's metrics want them, by the network's name.

    Args:
        data_samples: With ``pred_<name>`` beside ``pred_instances``, or without.
    """
    names = {
        key.removeprefix('pred_')
        for key in data_samples[0]
        if key.startswith('pred_') and key not in ('pred_instances', 'pred_fields')
    }
    if not names:
        return {'student': list(data_samples)}
    return {
        name: [
            {**sample, 'pred_instances': sample[f'pred_{name}']}
            for sample in data_samples
        ]
        for name in sorted(
            names, key=lambda name: (not name.startswith('student'), name)
        )
    }


def mean_of_students(scores: Mapping[str, float]) -> dict[str, float]:
    """``mean/<key>`` of what all students have, from ``student<n>/<key>``."""
    values: dict[str, list[float]] = {}
    for full, value in scores.items():
        name, _, key = full.partition('/')
        if name.startswith('student'):
            values.setdefault(key, []).append(value)
    return {f'mean/{key}': sum(each) / len(each) for key, each in values.items()}
