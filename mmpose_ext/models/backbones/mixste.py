"""MixSTE: alternating attention over joints and over frames."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import PoseEmbedding, TransformerLayer
from mmpose_ext.models.layers.axes import Axis
from mmpose_ext.models.layers.temporal_parameter import first_frames, resize_on_load
from mmpose_ext.models.layers.transformer_layer import NORM_EPS


@MODELS.register_module()
class MixSTE(BaseModule):
    """Seq2seq mixed spatio-temporal encoder (Zhang et al., CVPR 2022), 33.8 M.

    Each step is attention over the joints, then over the frames; one LayerNorm of
    each kind is shared by all steps. The temporal embedding joins before the first
    temporal layer. Public checkpoints load after
    ``tools/misc/convert_checkpoint.py --from mixste``.

    Args:
        in_channels: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C.
        seq_len: Frames T of a window.
        num_joints: Joints K.
        depth: Pairs of layers.
        num_heads: Attention heads.
        mlp_ratio: Width of the MLPs in multiples of C.
        qkv_bias: Bias of the qkv projections.
        drop_path_rate: Stochastic depth of the last pair; rises linearly from 0.
    """

    causal = False

    def __init__(
        self,
        in_channels: int = 2,
        embed_dims: int = 512,
        *,
        seq_len: int = 243,
        num_joints: int = 17,
        depth: int = 8,
        num_heads: int = 8,
        mlp_ratio: float = 2.0,
        qkv_bias: bool = True,
        drop_path_rate: float = 0.1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.embedding = PoseEmbedding(
            in_channels,
            embed_dims,
            num_joints=num_joints,
            seq_len=seq_len,
            temporal=False,
        )
        self.frames = nn.Parameter(torch.zeros(1, seq_len, 1, embed_dims))
        rates = [drop_path_rate * step / max(depth - 1, 1) for step in range(depth)]

        def layers(axis: Axis) -> nn.ModuleList:
            return nn.ModuleList(
                TransformerLayer(
                    embed_dims,
                    num_heads,
                    axis=axis,
                    mlp_ratio=mlp_ratio,
                    qkv_bias=qkv_bias,
                    drop_path=rate,
                )
                for rate in rates
            )

        self.spatial_layers = layers('spatial')
        self.temporal_layers = layers('temporal')
        self.spatial_norm = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.temporal_norm = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        resize_on_load(self, 'frames')

    def forward(self, x: Tensor) -> Tensor:
        """Encode keypoints of shape ``(B, T, K, in_channels)`` to ``(B, T, K, C)``."""
        return self.encode(self.embedding(x))

    def encode(self, x: Tensor) -> Tensor:
        """Map tokens of shape ``(B, T, K, C)`` to features of the same shape."""
        for step, (spatial, temporal) in enumerate(
            zip(self.spatial_layers, self.temporal_layers, strict=True)
        ):
            x = self.spatial_norm(spatial(x))
            if step == 0:
                x = x + first_frames(self.frames, x.shape[1])
            x = self.temporal_norm(temporal(x))
        return x
