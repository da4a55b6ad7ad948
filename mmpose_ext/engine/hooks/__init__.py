"""Hooks."""

from .learning_curve_hook import LearningCurveHook
from .non_finite_loss_hook import NonFiniteLossHook
from .pose_picture_hook import PosePictureHook
from .run_summary_hook import RunSummaryHook

__all__ = [
    'LearningCurveHook',
    'NonFiniteLossHook',
    'PosePictureHook',
    'RunSummaryHook',
]
