"""Registered metrics: thin shells over the functions in ``functional``."""

from .pose_lifting_metric import PoseLiftingMetric, format_table

__all__ = ['PoseLiftingMetric', 'format_table']
