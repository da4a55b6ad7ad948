"""Modules between encoders and heads."""

from mmpose_ext.models.necks.attention_fusion import AttentionFusion
from mmpose_ext.models.necks.concat_fusion import ConcatFusion
from mmpose_ext.models.necks.mlp_fusion import MLPFusion
from mmpose_ext.models.necks.modality_fusion import ModalityFusion
from mmpose_ext.models.necks.task_aware_decoder import TaskAwareDecoder, TaskFeatures

__all__ = [
    'AttentionFusion',
    'ConcatFusion',
    'MLPFusion',
    'ModalityFusion',
    'TaskAwareDecoder',
    'TaskFeatures',
]
