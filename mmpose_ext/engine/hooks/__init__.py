"""Hooks."""

from mmpose_ext.engine.hooks.channels_last_hook import ChannelsLastHook
from mmpose_ext.engine.hooks.collapse_monitor_hook import CollapseMonitorHook
from mmpose_ext.engine.hooks.evaluation_protocol_hook import EvaluationProtocolHook
from mmpose_ext.engine.hooks.fisher_information_hook import FisherInformationHook
from mmpose_ext.engine.hooks.gradient_blending_hook import GradientBlendingHook
from mmpose_ext.engine.hooks.learning_curve_hook import LearningCurveHook
from mmpose_ext.engine.hooks.modality_relearning_hook import ModalityRelearningHook
from mmpose_ext.engine.hooks.modality_resampling_hook import ModalityResamplingHook
from mmpose_ext.engine.hooks.non_finite_loss_hook import NonFiniteLossHook
from mmpose_ext.engine.hooks.pose_picture_hook import PosePictureHook
from mmpose_ext.engine.hooks.run_summary_hook import RunSummaryHook
from mmpose_ext.engine.hooks.shapley_contribution_hook import (
    ShapleyContributionHook,
)
from mmpose_ext.engine.hooks.step_seed_hook import StepSeedHook

__all__ = [
    'ChannelsLastHook',
    'CollapseMonitorHook',
    'EvaluationProtocolHook',
    'FisherInformationHook',
    'GradientBlendingHook',
    'LearningCurveHook',
    'ModalityRelearningHook',
    'ModalityResamplingHook',
    'NonFiniteLossHook',
    'PosePictureHook',
    'RunSummaryHook',
    'ShapleyContributionHook',
    'StepSeedHook',
]
