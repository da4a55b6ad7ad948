"""MotionBERT's DSTFormer on fused attention."""

from __future__ import annotations

from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import (
    DSTFormerBlock,
    PoseEmbedding,
    init_transformer_weights,
)
from mmpose_ext.models.layers.transformer_layer import NORM_EPS


@MODELS.register_module()
class MotionBERT(BaseModule):
    """The DSTFormer of MotionBERT (Zhu et al., ICCV 2023), 42.5 M parameters.

    The same function as MMPose's ``DSTFormer``, on ``scaled_dot_product_attention``
    and without reshapes to five axes. Public checkpoints load after
    ``tools/misc/convert_checkpoint.py --from motionbert``.

    Args:
        in_channels: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C.
        seq_len: Frames T of a window.
        num_joints: Joints K.
        depth: Two-stream blocks.
        num_heads: Attention heads.
        mlp_ratio: Width of the MLPs in multiples of C.
        qkv_bias: Bias of the qkv projections.
    """

    causal = False

    def __init__(
        self,
        in_channels: int = 3,
        embed_dims: int = 512,
        *,
        seq_len: int = 243,
        num_joints: int = 17,
        depth: int = 5,
        num_heads: int = 8,
        mlp_ratio: float = 2.0,
        qkv_bias: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embedding = PoseEmbedding(
            in_channels, embed_dims, num_joints=num_joints, seq_len=seq_len
        )
        self.blocks = nn.Sequential(
            *(
                DSTFormerBlock(
                    embed_dims, num_heads, mlp_ratio=mlp_ratio, qkv_bias=qkv_bias
                )
                for _ in range(depth)
            )
        )
        self.norm = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.apply(init_transformer_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Encode keypoints of shape ``(B, T, K, in_channels)`` to ``(B, T, K, C)``."""
        return self.norm(self.blocks(self.embedding(x)))
