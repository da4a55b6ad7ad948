"""MultiModalPoseMetric: errors of absolute 3D poses in millimetres."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS
from torch import Tensor

from mmpose_ext.atomic_write import write_json
from mmpose_ext.evaluation.metrics.frame_values import frame_values
from mmpose_ext.evaluation.metrics.metric_table import (
    align,
    format_protocol,
    format_table,
)
from mmpose_ext.evaluation.metrics.scored_frames import entry, finite, to_array

GROUPS = ('action', 'subject', 'environment', 'sequence')
METRICS_OF_FRAMES = ('MPJPE', 'P-MPJPE', 'root/MPJPE')
FLOOR = 'mean_pose/MPJPE'

_HINT = 'end the pipeline with PackMultiModalInputs'
_EXTENT_M = (0.1, 10.0)


@dataclass(frozen=True)
class ScoredSample:
    """One frame: its labels, a number for each name, and poses of single modalities."""

    sequence: str
    frame: int
    labels: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    modalities: tuple[str, ...]
    alone: np.ndarray


@METRICS.register_module()
class MultiModalPoseMetric(BaseMetric):
    """Score absolute 3D poses, of all modalities and of subsets of them.

    All numbers are millimetres, means over frames; a frame counts once. ``MPJPE`` is on
    absolute coordinates, as in the code of MM-Fi (whose text says otherwise) and in the
    papers; ``root/MPJPE`` after both poses have been moved so that joint 0 is the
    origin; ``P-MPJPE`` after a similarity, to which the root makes no difference.
    Besides:

    - ``MPJPE/<group>/<label>`` for each group, and so for the other two;
    - ``MPJPE/subset/rgb+lidar`` and so on, if the model predicts from subsets
      (``test_cfg=dict(subsets=...)``), and so for the other two;
    - ``prediction_std/<modality>`` for each subset of one: the standard deviation over
      frames of its prediction, mean over the coordinates; near 0 where a modality has
      been suppressed;
    - ``mean_pose/MPJPE``, what the mean pose of the training set would score, if
      ``dataset_meta['mean_pose']`` ``(K, 3)``, metres, is known. No sensor is needed to
      reach it.

    Expected in a data sample: ``pred_instances.keypoints`` and
    ``gt_instances.lifting_target`` ``(1, K, 3)``, metres, camera frame;
    ``gt_instances.lifting_target_visible`` ``(1, K)`` where some joints do not count;
    ``sequence``, ``frame_id`` and the labels of the groups; for subsets
    ``pred_instances.subset_keypoints`` ``(1, S, K, 3)`` and ``subsets``, S tuples of
    names.

    Args:
        group_by: Any of ``'action'``, ``'subject'``, ``'environment'``, ``'sequence'``.
        outfile: JSON file for all numbers, the protocol and a row a sequence.
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
        collect_dir: As in MMEngine.

    Raises:
        ValueError: If an option has an unknown value; later, if a sample lacks
            something, shapes differ, a pose is not finite, the truth cannot be in
            metres, or there is nothing to score.
    """

    default_prefix = ''

    def __init__(
        self,
        *,
        group_by: Sequence[str] = ('action', 'subject', 'environment'),
        outfile: str | os.PathLike | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if isinstance(group_by, str) or not set(group_by) <= set(GROUPS):
            raise ValueError(
                f'group_by={group_by!r}; expected a list with any of {GROUPS}'
            )
        self.group_by = tuple(dict.fromkeys(group_by))
        self.outfile = None if outfile is None else Path(outfile)
        if self.outfile is not None and self.outfile.suffix != '.json':
            raise ValueError(
                f'outfile={str(outfile)!r}; expected a name ending in .json'
            )

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score a batch; every sample leaves one result.

        Args:
            data_batch: Not used.
            data_samples: Samples as described at the class.
        """
        pred = _poses(data_samples, 'pred_instances.keypoints')
        truth = _poses(data_samples, 'gt_instances.lifting_target')
        _check_metres(truth, data_samples)
        seen = torch.stack([_seen(sample) for sample in data_samples])
        values = _scores(pred, truth, seen)
        mean_pose = (self.dataset_meta or {}).get('mean_pose')
        if mean_pose is not None:
            floor = torch.from_numpy(to_array(mean_pose)).expand_as(truth)
            values[FLOOR] = _scores(floor, truth, seen)['MPJPE']
        modalities, alone = self._add_subsets(values, data_samples, truth, seen)
        names = tuple(values)
        table = torch.stack(list(values.values()), dim=1).double().numpy()
        for row, sample in enumerate(data_samples):
            self.results.append(
                ScoredSample(
                    sequence=_name(sample),
                    frame=int(entry(sample, 'frame_id', _name(sample), _HINT)),
                    labels=tuple(str(sample.get(g) or 'unknown') for g in GROUPS),
                    names=names,
                    values=table[row],
                    modalities=modalities,
                    alone=alone[row],
                )
            )

    def compute_metrics(self, results: list[ScoredSample]) -> dict[str, float]:
        """Average over all frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Names and numbers as described at the class.
        """
        frames = list({(r.sequence, r.frame): r for r in reversed(results)}.values())
        if not frames:
            raise ValueError('no frame to score; check the test subset')
        names, modalities = frames[0].names, frames[0].modalities
        if any(r.names != names or r.modalities != modalities for r in frames):
            raise ValueError(
                'samples differ in what can be scored, for example in their subsets; '
                'they must come from one model and one data set'
            )
        values = np.stack([frame.values for frame in frames])
        means = dict(zip(names, values.mean(0).tolist(), strict=True))
        for group in self.group_by:
            for label, rows in self._rows_of(frames, group).items():
                for name in METRICS_OF_FRAMES:
                    column = values[rows, names.index(name)]
                    means[f'{name}/{group}/{label}'] = float(column.mean())
        deviations = np.stack([frame.alone for frame in frames]).std(0).mean((1, 2))
        for modality, deviation in zip(modalities, deviations, strict=True):
            means[f'prediction_std/{modality}'] = 1000 * float(deviation)
        self._log(means, frames)
        if self.outfile is not None:
            write_json(self.outfile, self._report(means, frames, values))
        return means

    def _add_subsets(
        self,
        values: dict[str, Tensor],
        samples: Sequence[dict],
        truth: Tensor,
        seen: Tensor,
    ) -> tuple[tuple[str, ...], np.ndarray]:
        """Score subsets; returns single modalities and their poses ``(B, n, K, 3)``."""
        subsets = [tuple(subset) for subset in samples[0].get('subsets') or ()]
        if not subsets:
            return (), np.zeros((len(samples), 0, *truth.shape[1:]), np.float32)
        shape = (len(subsets), *truth.shape[1:])
        pred = _poses(samples, 'pred_instances.subset_keypoints', shape)
        for number, subset in enumerate(subsets):
            scores = _scores(pred[:, number], truth, seen)
            for name in METRICS_OF_FRAMES:
                values[f'{name}/subset/{"+".join(subset)}'] = scores[name]
        single = [number for number, subset in enumerate(subsets) if len(subset) == 1]
        return tuple(subsets[n][0] for n in single), pred[:, single].numpy()

    @staticmethod
    def _rows_of(frames: Sequence[ScoredSample], group: str) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        column = GROUPS.index(group)
        for number, frame in enumerate(frames):
            rows.setdefault(frame.labels[column], []).append(number)
        return dict(sorted(rows.items()))

    def _protocol(self) -> dict[str, Any]:
        return dict((self.dataset_meta or {}).get('protocol') or {})

    def _log(self, means: Mapping[str, float], frames: Sequence[ScoredSample]) -> None:
        logger = MMLogger.get_current_instance()
        sequences = len({frame.sequence for frame in frames})
        logger.info(f'Scored {len(frames)} frames of {sequences} sequences')
        if protocol := self._protocol():
            logger.info(f'Protocol: {format_protocol(protocol)}')
        # A row a sequence would flood the console; the outfile has them.
        groups = [group for group in self.group_by if group != 'sequence']
        rows = [
            [name, f'{value:.2f}', 'mm']
            for name, value in means.items()
            if name == FLOOR or name.startswith('prediction_std/')
        ]
        tables = [
            format_table(means, [*groups, 'subset']),
            align(['besides', 'value', 'unit'], rows),
        ]
        logger.info('\n' + '\n\n'.join(tables))

    def _report(
        self,
        means: Mapping[str, float],
        frames: Sequence[ScoredSample],
        values: np.ndarray,
    ) -> dict[str, Any]:
        names = frames[0].names
        sequences = []
        for rows in self._rows_of(frames, 'sequence').values():
            labels = dict(zip(GROUPS, frames[rows[0]].labels, strict=True))
            of_it = values[rows].mean(0)
            scores = {
                n: round(float(of_it[names.index(n)]), 6) for n in METRICS_OF_FRAMES
            }
            sequences.append({**labels, 'frames': len(rows), **scores})
        return {
            'metrics': {name: round(value, 6) for name, value in means.items()},
            'unit': 'mm',
            'protocol': self._protocol(),
            'num_frames': len(frames),
            'sequences': sequences,
        }


def _scores(pred: Tensor, truth: Tensor, seen: Tensor) -> dict[str, Tensor]:
    """Millimetres ``(B,)`` of each metric of poses ``(B, K, 3)``."""
    follows = torch.zeros(len(pred), dtype=torch.bool)
    values = frame_values(pred, truth, seen, ('MPJPE', 'P-MPJPE'), follows=follows)
    at_root = frame_values(
        pred - pred[:, :1], truth - truth[:, :1], seen, ('MPJPE',), follows=follows
    )
    return values | {'root/MPJPE': at_root['MPJPE']}


def _name(sample: Mapping[str, Any]) -> str:
    return str(entry(sample, 'sequence', '<unknown>', _HINT))


def _poses(
    samples: Sequence[Mapping[str, Any]], key: str, shape: tuple[int, ...] | None = None
) -> Tensor:
    """Finite poses of all samples ``(B, ...)``, float32."""
    hint = 'the model must predict poses' if key.startswith('pred') else _HINT
    found = []
    for sample in samples:
        name = _name(sample)
        value = to_array(entry(sample, key, name, hint))
        wanted = shape or (value.shape[1] if value.ndim == 3 else 17, 3)
        if value.shape != (1, *wanted):
            raise ValueError(
                f'sequence {name!r}: {key} has shape {value.shape}; expected '
                f'{(1, *wanted)}'
            )
        finite(value, np.array([sample.get('frame_id', -1)]), name, key)
        found.append(torch.from_numpy(value[0]))
    return torch.stack(found)


def _seen(sample: Mapping[str, Any]) -> Tensor:
    """Joints that count ``(K,)``, bool."""
    truth = sample['gt_instances']
    visible = truth.get('lifting_target_visible')
    if visible is None:
        return torch.ones(np.shape(truth['lifting_target'])[1], dtype=torch.bool)
    return torch.from_numpy(to_array(visible).reshape(-1) > 0)


def _check_metres(truth: Tensor, samples: Sequence[Mapping[str, Any]]) -> None:
    """Nobody is ten centimetres or ten metres tall; units are not guessed."""
    extent = torch.linalg.vector_norm(truth - truth[:, :1], dim=-1).amax(1)
    low, high = _EXTENT_M
    wrong = (extent < low) | (extent > high)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise ValueError(
            f'sequence {_name(samples[row])!r}: joints of the truth lie up to '
            f'{extent[row]:.3g} from joint 0; expected {low} to {high}, since poses '
            'are in metres: convert the data with the right unit'
        )
