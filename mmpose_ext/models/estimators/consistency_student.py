"""One student that learns on hard views what is predicted on easy ones."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.model import BaseAveragedModel
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.estimators.consistency_learner import (
    ConsistencyLearner,
    Lesson,
    heatmaps_of,
)
from mmpose_ext.models.estimators.frozen_teacher import FrozenTeacher


@MODELS.register_module()
class ConsistencyStudent(ConsistencyLearner):
    """A single network and its teacher.

    Who the teacher is makes the method:

    - ``None``: the student itself, in its present state: "Ours (Single)" of Xie et al.
      (ICCV 2021), section 5, and with ``detach=False`` or views of equal strength the
      variants that collapse;
    - ``dict(type='ExponentialMovingAverage', momentum=0.01)``: an average of the
      student over time, one of MMEngine's averaged models: Mean Teacher (Tarvainen and
      Valpola, NeurIPS 2017), momentum being 1 - alpha. Its batch statistics are
      averaged with the weights (``update_buffers``), because it predicts in evaluation
      mode;
    - ``dict(type='FrozenTeacher', checkpoint=...)``: a network trained on the labels
      alone, see :class:`FrozenTeacher`: PseudoPose, and with several views and
      ``pseudo_labels.form='gaussian'`` DataDistill.

    Args:
        student: Config of a top-down estimator.
        teacher: See above.
        **options: Those of :class:`ConsistencyLearner`.

    Raises:
        ValueError: As :class:`ConsistencyLearner`.
    """

    def __init__(
        self, student: dict, *, teacher: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__([student], **options)
        self.teacher: Any = teacher and self._teacher(student, teacher)
        self.output_name()

    def train(self, mode: bool = True) -> ConsistencyStudent:
        """A teacher of its own stays in evaluation mode."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def networks(self) -> dict[str, Any]:
        """The student, and a teacher that moves with it."""
        networks = super().networks()
        if isinstance(self.teacher, BaseAveragedModel):
            networks['teacher'] = self.teacher.module
        return networks

    def loss(
        self, inputs: dict[str, Tensor], data_samples: dict[str, Any]
    ) -> dict[str, Tensor]:
        """See :meth:`ConsistencyLearner.loss`; an average takes in the last step."""
        if isinstance(self.teacher, BaseAveragedModel):
            # What it noted when it was built lies where the model was built.
            if self.teacher.update_buffers:
                self.teacher.avg_parameters = self.teacher.module.state_dict()
            self.teacher.update_parameters(self.students[0])
        return super().loss(inputs, data_samples)

    def teach(self, easy: Tensor) -> list[Lesson]:
        """See :meth:`ConsistencyLearner.teach`."""
        if isinstance(self.teacher, FrozenTeacher):
            return [Lesson(self.teacher(easy))]
        network = self.students[0] if self.teacher is None else self.teacher.module
        return [Lesson(heatmaps_of(network, easy))]

    def _teacher(self, student: dict, teacher: Mapping[str, Any]) -> nn.Module:
        options = copy.deepcopy(dict(teacher))
        if options.get('type') == 'FrozenTeacher':
            options.pop('type')
            return FrozenTeacher(
                options.pop('network', student),
                self.plane,
                self.metainfo['flip_indices'],
                **options,
            )
        options.setdefault('update_buffers', True)
        return MODELS.build(options, default_args=dict(model=self.students[0]))
