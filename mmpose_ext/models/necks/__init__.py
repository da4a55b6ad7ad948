"""Modules between encoders and heads."""

from mmpose_ext.models.necks.task_aware_decoder import TaskAwareDecoder, TaskFeatures

__all__ = ['TaskAwareDecoder', 'TaskFeatures']
