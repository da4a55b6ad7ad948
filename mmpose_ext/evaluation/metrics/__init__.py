"""Metrics that score datasets."""

from mmpose_ext.evaluation.metrics.metric_table import format_table
from mmpose_ext.evaluation.metrics.pose_lifting_metric import PoseLiftingMetric

__all__ = ['PoseLiftingMetric', 'format_table']
