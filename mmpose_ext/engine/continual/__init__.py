"""Parts of learning one task after the other."""

from mmpose_ext.engine.continual.stages import Stage, plan_stages
from mmpose_ext.engine.continual.task_record import TaskRecord

__all__ = ['Stage', 'TaskRecord', 'plan_stages']
