"""Two students that teach each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.estimators.consistency_learner import (
    ConsistencyLearner,
    Lesson,
    heatmaps_of,
)


@MODELS.register_module()
class DualStudent(ConsistencyLearner):
    """Each student learns on hard views what the other predicts on easy ones.

    Xie et al., "An Empirical Study of the Collapsing Problem in Semi-Supervised 2D
    Human Pose Estimation" (ICCV 2021), section 4.2, Eq. 6 and 7. Both students see the
    same two views; joints are cut out where the other one sees them. The students may
    be of different sizes (Table 2: ResNet-18 with HRNet-W48), as long as their heatmaps
    are of the same size and form.

    Where paper and released code differ, the defaults here are the paper's; see
    ``docs/dual_student.md``.

    Args:
        students: Two configs of top-down estimators.
        **options: Those of :class:`ConsistencyLearner`.

    Raises:
        ValueError: If there are not two students; as :class:`ConsistencyLearner`.
    """

    def __init__(self, students: Sequence[dict], **options: Any) -> None:
        if len(students) != 2:
            raise ValueError(f'DualStudent needs 2 students, got {len(students)}')
        super().__init__(students, **options)
        self.output_name()

    def teach(self, easy: Tensor) -> list[Lesson]:
        """See :meth:`ConsistencyLearner.teach`."""
        first, second = (heatmaps_of(student, easy) for student in self.students)
        return [Lesson(second), Lesson(first)]
