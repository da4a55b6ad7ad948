"""Training loops."""

from mmpose_ext.engine.loops.dual_student_train_loop import DualStudentTrainLoop

__all__ = ['DualStudentTrainLoop']
