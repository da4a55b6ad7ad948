"""Metrics that score datasets."""

from mmpose_ext.evaluation.metrics.metric_table import format_table
from mmpose_ext.evaluation.metrics.multi_hypothesis_metric import (
    MultiHypothesisMetric,
)
from mmpose_ext.evaluation.metrics.pose_lifting_metric import PoseLiftingMetric

__all__ = ['MultiHypothesisMetric', 'PoseLiftingMetric', 'format_table']
