"""MultiHypothesisMetric: errors of lifters that propose several poses."""

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

from mmpose_ext.evaluation.functional.hypotheses import (
    best_joints,
    best_pose,
    mean_pose,
)
from mmpose_ext.evaluation.metrics.pose_lifting_metric import PoseLiftingMetric
from mmpose_ext.evaluation.metrics.scored_frames import ScoredWindow, entry, to_array

AGGREGATIONS = {
    'P-Agg': 'mean of the hypotheses',
    'J-Agg': 'each joint from the hypothesis that projects nearest to it',
    'P-Best': 'ORACLE, reads the truth: the best hypothesis of each frame',
    'J-Best': 'ORACLE, reads the truth: the best hypothesis of each joint',
}
"""The four ways of D3DP to make one pose of several, and what each does."""


@dataclass
class ScoredHypotheses:
    """The number of hypotheses of one sample and its scored frames, made one pose."""

    hypotheses: int
    windows: dict[str, ScoredWindow]


@METRICS.register_module()
class MultiHypothesisMetric(BaseMetric):
    """Score lifters that propose several poses in the four ways of D3DP.

    D3DP (Shan et al., ICCV 2023) makes one pose of H:

    - ``P-Agg``: their mean;
    - ``J-Agg``: each joint from the hypothesis that projects nearest to the 2D input;
    - ``P-Best``: in each frame the hypothesis with the least MPJPE over the joints that
      count;
    - ``J-Best``: each joint from the hypothesis in which it is nearest to the truth.

    The last two read the truth: they are oracles, bounds on what a better choice could
    reach, and no results of a method. Take the first two to compare and to choose
    checkpoints.

    Each is scored by a :class:`PoseLiftingMetric`, which says what is expected in a
    data sample besides the following; ``pred_instances.keypoints`` is not read.
    Results are named ``P-Agg/MPJPE``, ``P-Best/MPJPE/action/Walking`` and so on. All
    numbers of one way are about the same poses: ``P-Best/P-MPJPE`` is not the least
    P-MPJPE.

    Expected in a data sample: ``pred_instances.hypotheses`` ``(T, H, K, 3)``, metres,
    relative to joint 0, and ``pred_instances.joint_choice`` ``(T, K, 3)``, the J-Agg
    pose, which only the model can make, because it takes the camera; without it, J-Agg
    is left out.

    Args:
        outfile: JSON file; each way writes its own, ``result.P-Agg.json`` and so on
            for ``result.json``. The protocol in it says how the pose was made and if
            that is an oracle.
        collect_device: As in MMEngine.
        prefix: As in MMEngine.
        collect_dir: As in MMEngine.
        **options: Those of :class:`PoseLiftingMetric`.

    Raises:
        ValueError: As :class:`PoseLiftingMetric`; if hypotheses have an unexpected
            shape, or samples differ in their number or in whether they have a
            ``joint_choice``.
    """

    default_prefix = ''

    def __init__(
        self,
        *,
        outfile: str | os.PathLike | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.scores = {
            name: PoseLiftingMetric(outfile=_outfile_of(outfile, name), **options)
            for name in AGGREGATIONS
        }

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the scored frames of each sample, as one pose a way.

        Every sample leaves exactly one result, as in :class:`PoseLiftingMetric`.

        Args:
            data_batch: Not used.
            data_samples: Samples as described at the class.
        """
        for sample in data_samples:
            hypotheses = _hypotheses(sample)
            windows: dict[str, ScoredWindow] = {}
            for name, pose in self._poses(sample, hypotheses).items():
                windows[name] = self._scored_frames(name, sample, pose)
                # One copy of what is the same for all.
                windows[name].truth = windows['P-Agg'].truth
                windows[name].seen = windows['P-Agg'].seen
            self.results.append(ScoredHypotheses(hypotheses.shape[1], windows))

    def compute_metrics(self, results: list[ScoredHypotheses]) -> dict[str, float]:
        """Average over all scored frames.

        Args:
            results: What :meth:`process` kept, of all ranks.

        Returns:
            Names and numbers as described at the class.
        """
        number, names = _same_for_all(results)
        logger = MMLogger.get_current_instance()
        metrics: dict[str, float] = {}
        for name in names:
            logger.info(f'{name} of {number} hypotheses ({AGGREGATIONS[name]}):')
            score = self.scores[name]
            score.dataset_meta = self.dataset_meta
            values = score.compute_metrics([r.windows[name] for r in results])
            metrics |= {f'{name}/{key}': value for key, value in values.items()}
        return metrics

    def _poses(self, sample: Mapping[str, Any], stacked: np.ndarray) -> dict:
        """One pose ``(T, K, 3)`` for each way that this sample allows."""
        truth = torch.from_numpy(_truth(sample, stacked))
        hypotheses = torch.from_numpy(stacked).transpose(0, 1)
        seen = self._counted(sample, truth)
        poses = {'P-Agg': mean_pose(hypotheses)}
        joint_choice = sample['pred_instances'].get('joint_choice')
        if joint_choice is not None:
            poses['J-Agg'] = joint_choice
        poses['P-Best'] = best_pose(hypotheses, truth, seen)
        poses['J-Best'] = best_joints(hypotheses, truth)
        return poses

    def _counted(self, sample: Mapping[str, Any], truth: Tensor) -> Tensor:
        """Joints that MPJPE counts ``(T, K)``, bool."""
        counted = torch.ones(truth.shape[:2], dtype=torch.bool)
        labels = sample.get('gt_instance_labels') or {}
        weight = labels.get('lifting_target_weight')
        if weight is not None:
            counted = torch.from_numpy(to_array(weight)).reshape(counted.shape) > 0
        joints = self.scores['P-Best'].joints
        if joints is not None:
            chosen = torch.zeros(truth.shape[1], dtype=torch.bool)
            chosen[list(joints)] = True
            counted = counted & chosen
        return counted

    def _scored_frames(
        self, name: str, sample: Mapping[str, Any], pose: Any
    ) -> ScoredWindow:
        score, given = self.scores[name], sample['pred_instances']
        # The protocol also tells how the model made its own pose, which is not scored.
        protocol = {
            **(given.get('protocol') or {}),
            'hypotheses': given['hypotheses'].shape[1],
            'aggregation': f'{name} ({AGGREGATIONS[name]})',
        }
        pred = {**given, 'keypoints': pose, 'protocol': protocol}
        score.process(None, [{**sample, 'pred_instances': pred}])
        return score.results.pop()


def _hypotheses(sample: Mapping[str, Any]) -> np.ndarray:
    """The hypotheses ``(T, H, K, 3)`` of a sample."""
    name = str(sample.get('sequence', '<unknown>'))
    value = entry(
        sample,
        'pred_instances.hypotheses',
        name,
        'score a lifter with several hypotheses, or use PoseLiftingMetric',
    )
    hypotheses = to_array(value)
    if hypotheses.ndim != 4 or hypotheses.shape[-1] != 3 or not hypotheses.shape[1]:
        raise ValueError(
            f'sequence {name!r}: hypotheses have shape {hypotheses.shape}; expected '
            '(T, H, K, 3) with H of 1 or more'
        )
    return hypotheses


def _truth(sample: Mapping[str, Any], hypotheses: np.ndarray) -> np.ndarray:
    """The truth ``(T, K, 3)`` of a sample."""
    name = str(sample.get('sequence', '<unknown>'))
    truth = to_array(entry(sample, 'gt_instances.lifting_target', name))
    frames, _, joints, _ = hypotheses.shape
    if truth.shape != (frames, joints, 3):
        raise ValueError(
            f'sequence {name!r}: hypotheses {hypotheses.shape} and truth {truth.shape} '
            'must be (T, H, K, 3) and (T, K, 3)'
        )
    return truth


def _same_for_all(results: Sequence[ScoredHypotheses]) -> tuple[int, list[str]]:
    """The number of hypotheses and the ways, which all samples must have in common."""
    if not results:
        raise ValueError('no sample to score; check the test subset')
    numbers = sorted({result.hypotheses for result in results})
    if len(numbers) != 1:
        raise ValueError(
            f'samples have {numbers} hypotheses; expected one number for all of a test'
        )
    names = list(results[0].windows)
    without = sum('J-Agg' not in result.windows for result in results)
    if 0 < without < len(results):
        raise ValueError(
            f'{without} of {len(results)} samples have no pred_instances.joint_choice; '
            'expected it in all of them or in none'
        )
    return numbers[0], names


def _outfile_of(outfile: str | os.PathLike | None, name: str) -> Path | None:
    if outfile is None:
        return None
    file = Path(outfile)
    return file.with_name(f'{file.stem}.{name}{file.suffix}')
