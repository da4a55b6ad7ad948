"""The two-stream block of MotionBERT's DSTFormer."""

from __future__ import annotations

from torch import Tensor, nn

from mmpose_ext.models.layers.axes import Axis
from mmpose_ext.models.layers.softmax_fusion import SoftmaxFusion
from mmpose_ext.models.layers.transformer_layer import TransformerLayer


class DSTFormerBlock(nn.Module):
    """Space-then-time and time-then-space streams on one input, fused by token.

    Source: MotionBERT (Zhu et al., ICCV 2023), section 3; PrML's shared bottom.

    Args:
        embed_dims: Channels C.
        num_heads: Attention heads.
        mlp_ratio: Width of the MLPs in multiples of C.
        qkv_bias: Bias of the qkv projections.
        layer_scale_init: See :class:`TransformerLayer`.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        *,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        layer_scale_init: float | None = None,
    ) -> None:
        super().__init__()

        def stream(*axes: Axis) -> nn.Sequential:
            return nn.Sequential(
                *(
                    TransformerLayer(
                        embed_dims,
                        num_heads,
                        axis=axis,
                        mlp_ratio=mlp_ratio,
                        qkv_bias=qkv_bias,
                        layer_scale_init=layer_scale_init,
                    )
                    for axis in axes
                )
            )

        self.stream_st = stream('spatial', 'temporal')
        self.stream_ts = stream('temporal', 'spatial')
        self.fusion = SoftmaxFusion(embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape ``(B, T, K, C)`` to the same shape."""
        return self.fusion(self.stream_st(x), self.stream_ts(x))
