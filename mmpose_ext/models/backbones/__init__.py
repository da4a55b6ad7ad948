"""Encoders of pose sequences, point clouds and channel state."""

from mmpose_ext.models.backbones.context_aware_poseformer import ContextAwarePoseFormer
from mmpose_ext.models.backbones.diffusion_mixste import DiffusionMixSTE
from mmpose_ext.models.backbones.diffusion_videopose3d import DiffusionVideoPose3D
from mmpose_ext.models.backbones.metafi import MetaFi
from mmpose_ext.models.backbones.mixste import MixSTE
from mmpose_ext.models.backbones.motionbert import MotionBERT
from mmpose_ext.models.backbones.point_transformer import PointTransformer
from mmpose_ext.models.backbones.prml_backbone import PrMLBackbone
from mmpose_ext.models.backbones.videopose3d import VideoPose3D
from mmpose_ext.models.backbones.videopose3d_encoder import VideoPose3DEncoder

__all__ = [
    'ContextAwarePoseFormer',
    'DiffusionMixSTE',
    'DiffusionVideoPose3D',
    'MetaFi',
    'MixSTE',
    'MotionBERT',
    'PointTransformer',
    'PrMLBackbone',
    'VideoPose3D',
    'VideoPose3DEncoder',
]
