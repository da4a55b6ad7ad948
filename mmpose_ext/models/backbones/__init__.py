"""Encoders of 2D pose sequences."""

from mmpose_ext.models.backbones.context_aware_poseformer import ContextAwarePoseFormer
from mmpose_ext.models.backbones.mixste import MixSTE
from mmpose_ext.models.backbones.motionbert import MotionBERT
from mmpose_ext.models.backbones.prml_backbone import PrMLBackbone

__all__ = ['ContextAwarePoseFormer', 'MixSTE', 'MotionBERT', 'PrMLBackbone']
