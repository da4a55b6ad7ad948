"""Training loops."""

from mmpose_ext.engine.loops.dual_student_train_loop import DualStudentTrainLoop
from mmpose_ext.engine.loops.task_incremental_train_loop import (
    TaskIncrementalTrainLoop,
)

__all__ = ['DualStudentTrainLoop', 'TaskIncrementalTrainLoop']
