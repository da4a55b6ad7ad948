"""Metrics that score datasets."""

from mmpose_ext.evaluation.metrics.joint_detection_rate import JointDetectionRate
from mmpose_ext.evaluation.metrics.metric_table import format_table
from mmpose_ext.evaluation.metrics.multi_hypothesis_metric import (
    MultiHypothesisMetric,
)
from mmpose_ext.evaluation.metrics.multi_modal_pose_metric import (
    MultiModalPoseMetric,
)
from mmpose_ext.evaluation.metrics.per_network_metric import PerNetworkMetric
from mmpose_ext.evaluation.metrics.pose_lifting_metric import PoseLiftingMetric
from mmpose_ext.evaluation.metrics.triangulated_pose_metric import (
    TriangulatedPoseMetric,
)

__all__ = [
    'JointDetectionRate',
    'MultiHypothesisMetric',
    'MultiModalPoseMetric',
    'PerNetworkMetric',
    'PoseLiftingMetric',
    'TriangulatedPoseMetric',
    'format_table',
]
