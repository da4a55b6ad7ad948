"""Attention from the joints of a frame to a feature map of the same frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.models.layers.transformer_layer import CrossTransformerLayer


class FrameContext(nn.Module):
    """One cross-attention layer from pose tokens to an image (PrML, appendix C.6).

    The paper says no more than that. Here each cell of the map is one key, projected
    to C channels, with a learned embedding of its place, without which attention
    could not tell where in the image a key lies.

    Args:
        embed_dims: Channels C of the pose tokens.
        num_heads: Attention heads.
        channels: Channels of the map.
        resolution: Height and width of the map.
        mlp_ratio: Width of the MLP in multiples of C.

    Raises:
        ValueError: In ``forward``, if the map has another shape.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        *,
        channels: int,
        resolution: tuple[int, int],
        mlp_ratio: float = 4.0,
    ) -> None:
        super().__init__()
        height, width = resolution
        self.map_shape = (channels, height, width)
        self.proj = nn.Linear(channels, embed_dims)
        self.places = nn.Parameter(torch.zeros(1, 1, height * width, embed_dims))
        self.cross = CrossTransformerLayer(
            embed_dims,
            num_heads,
            context_dims=embed_dims,
            axis='spatial',
            mlp_ratio=mlp_ratio,
        )
        nn.init.trunc_normal_(self.places, std=0.02)

    def forward(self, x: Tensor, feature_map: Tensor) -> Tensor:
        """Let each joint look at the map of its frame.

        Args:
            x: Tokens of shape ``(B, T, K, C)``.
            feature_map: Maps of shape ``(B, T, channels, height, width)``.

        Returns:
            Tokens of shape ``(B, T, K, C)``.
        """
        if feature_map.shape != (*x.shape[:2], *self.map_shape):
            raise ValueError(
                f'expected a feature map of shape {(*x.shape[:2], *self.map_shape)}, '
                f'got {tuple(feature_map.shape)}: set channels and resolution of '
                'image_features to those of the stored field'
            )
        keys = self.proj(feature_map.flatten(3).transpose(2, 3)) + self.places
        return self.cross(x, keys)
