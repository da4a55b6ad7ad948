"""How predictions are scored."""

from mmpose_ext.evaluation.metrics import PoseLiftingMetric

__all__ = ['PoseLiftingMetric']
