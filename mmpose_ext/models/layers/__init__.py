"""Building blocks: one attention, transformer layers, embeddings."""

from mmpose_ext.models.layers.attention import CrossAttention, SelfAttention
from mmpose_ext.models.layers.axes import fold, unfold
from mmpose_ext.models.layers.dstformer_block import DSTFormerBlock
from mmpose_ext.models.layers.frame_context import FrameContext
from mmpose_ext.models.layers.parallel_layer import ParallelLayer
from mmpose_ext.models.layers.pose_discriminator import PoseDiscriminator
from mmpose_ext.models.layers.pose_embedding import PoseEmbedding
from mmpose_ext.models.layers.pose_generator import PoseChange, PoseGenerator
from mmpose_ext.models.layers.softmax_fusion import SoftmaxFusion
from mmpose_ext.models.layers.time_embedding import TimeEmbedding
from mmpose_ext.models.layers.transformer_layer import (
    CrossTransformerLayer,
    Mlp,
    TransformerLayer,
    init_transformer_weights,
)

__all__ = [
    'CrossAttention',
    'CrossTransformerLayer',
    'DSTFormerBlock',
    'FrameContext',
    'Mlp',
    'ParallelLayer',
    'PoseChange',
    'PoseDiscriminator',
    'PoseEmbedding',
    'PoseGenerator',
    'SelfAttention',
    'SoftmaxFusion',
    'TimeEmbedding',
    'TransformerLayer',
    'fold',
    'init_transformer_weights',
    'unfold',
]
