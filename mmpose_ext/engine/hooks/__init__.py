"""Hooks."""

from mmpose_ext.engine.hooks.collapse_monitor_hook import CollapseMonitorHook
from mmpose_ext.engine.hooks.learning_curve_hook import LearningCurveHook
from mmpose_ext.engine.hooks.non_finite_loss_hook import NonFiniteLossHook
from mmpose_ext.engine.hooks.pose_picture_hook import PosePictureHook
from mmpose_ext.engine.hooks.run_summary_hook import RunSummaryHook
from mmpose_ext.engine.hooks.step_seed_hook import StepSeedHook

__all__ = [
    'CollapseMonitorHook',
    'LearningCurveHook',
    'NonFiniteLossHook',
    'PosePictureHook',
    'RunSummaryHook',
    'StepSeedHook',
]
