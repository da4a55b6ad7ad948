"""Temporal and spatial attention side by side."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmpose_ext.models.layers.softmax_fusion import SoftmaxFusion
from mmpose_ext.models.layers.transformer_layer import TransformerLayer


class ParallelLayer(nn.Module):
    """A temporal and a spatial layer on the same input, fused token by token.

    The "S-T" pair of PrML's Table 10, as heavy as the two layers one after the other.
    The paper does not say how the two are fused; here as in the shared bottom.

    Args:
        embed_dims: Channels C.
        num_heads: Attention heads.
        options: Further arguments of :class:`TransformerLayer`.
    """

    def __init__(self, embed_dims: int, num_heads: int, **options: Any) -> None:
        super().__init__()
        self.temporal = TransformerLayer(
            embed_dims, num_heads, axis='temporal', **options
        )
        self.spatial = TransformerLayer(
            embed_dims, num_heads, axis='spatial', **options
        )
        self.fusion = SoftmaxFusion(embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape ``(B, T, K, C)`` to the same shape."""
        return self.fusion(self.temporal(x), self.spatial(x))
