"""Three students, the third taught by what the first two agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.codecs.heatmaps import maxima
from mmpose_ext.models.estimators.average_teacher import AverageTeacher
from mmpose_ext.models.estimators.consistency_learner import (
    ConsistencyLearner,
    Lesson,
    heatmaps_of,
)
from mmpose_ext.models.step_generator import steps_per_epoch, training_step


@MODELS.register_module()
class SSPCM(ConsistencyLearner):
    """Pseudo-labels corrected by the inconsistency of positions.

    Huang et al., "Semi-Supervised 2D Human Pose Estimation Driven by Position
    Inconsistency Pseudo Label Correction Module" (CVPR 2023), a later reference beside
    :class:`DualStudent`. The first two students teach each other. The third learns, for
    each joint, from the pair of predictions whose maxima lie nearest to each other,
    one of the first and one of the second student, each as it is now or as it was at
    the end of the last interval: four pairs, whose mean heatmap is the lesson. Joints
    on which the two students are unsure do not count for any of the three.

    In its first interval there is no former state, and the present pair is the lesson.
    The paper's hard views paste the surroundings of another person's joint over a joint
    (``BatchCutOcclude``). The released code weighs each network's labelled loss by 0.5
    (``labelled_weight``).

    Args:
        students: Three configs of top-down estimators.
        snapshot_interval: Steps between former states, or ``'epoch'``, the paper's.
        min_score: Mean height of the two students' maxima from which a joint counts.
        **options: Those of :class:`ConsistencyLearner`.

    Raises:
        ValueError: If there are not three students, or an option is out of range.
    """

    def __init__(
        self,
        students: Sequence[dict],
        *,
        snapshot_interval: int | Literal['epoch'],
        min_score: float = 0.1,
        **options: Any,
    ) -> None:
        if len(students) != 3:
            raise ValueError(f'SSPCM needs 3 students, got {len(students)}')
        if isinstance(snapshot_interval, str) and snapshot_interval != 'epoch':
            raise ValueError(
                f'snapshot_interval={snapshot_interval!r}: expected a number of steps '
                "or 'epoch'"
            )
        if not min_score >= 0:
            raise ValueError(f'min_score={min_score}: expected 0 or more')
        super().__init__(students, **options)
        self.output_name()
        self.min_score, self.snapshot_interval = min_score, snapshot_interval
        # How long an epoch is, only the run knows.
        interval = 1 if snapshot_interval == 'epoch' else snapshot_interval
        self.former = AverageTeacher(self.students[:2], momentum=1.0, interval=interval)

    def train(self, mode: bool = True) -> SSPCM:
        """Former states stay in evaluation mode."""
        super().train(mode)
        self.former.eval()
        return self

    def teach(self, easy: Tensor) -> list[Lesson]:
        """See :meth:`ConsistencyLearner.teach`."""
        pair = self.students[:2]
        if self.snapshot_interval == 'epoch':
            self.former.interval = steps_per_epoch()
        self.former.follow(pair, training_step())
        first, second = (heatmaps_of(student, easy) for student in pair)
        agreed = (first + second) / 2
        if training_step() >= self.former.interval:
            with torch.no_grad():
                former = [
                    heatmaps_of(net, easy) for net in self.former.network.children()
                ]
            agreed = nearest_pair((first, former[0]), (second, former[1]))
        height = (maxima(first)[1] + maxima(second)[1]) / 2
        trust = (height > self.min_score).to(easy.dtype)
        return [Lesson(maps, trust) for maps in (second, first, agreed)]


def nearest_pair(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """Mean of the pair of heatmaps whose maxima lie nearest, for each joint.

    Args:
        first: Two versions of one network's heatmaps ``(B, K, h, w)``.
        second: Two versions of another's.

    Returns:
        ``(B, K, h, w)``. Of pairs that are equally near the one of first versions comes
        first.
    """
    ones, others = torch.stack(first), torch.stack(second)
    here = torch.stack([maxima(maps)[0] for maps in first])
    there = torch.stack([maxima(maps)[0] for maps in second])
    distance = (here[:, None] - there[None]).square().sum(-1)
    chosen = distance.flatten(0, 1).argmin(0)[None, ..., None, None]
    size = (1, *ones.shape[1:])
    one = ones.gather(0, (chosen // 2).expand(size))
    other = others.gather(0, (chosen % 2).expand(size))
    return (one + other)[0] / 2
