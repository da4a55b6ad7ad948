"""Encoders of 2D pose sequences."""

from mmpose_ext.models.backbones.mixste import MixSTE
from mmpose_ext.models.backbones.motionbert import MotionBERT
from mmpose_ext.models.backbones.prml_backbone import PrMLBackbone

__all__ = ['MixSTE', 'MotionBERT', 'PrMLBackbone']
