"""Vector attention: a point weighs each channel of each neighbour by itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from mmpose_ext.models.layers.point_sampling import gather_points


class VectorAttention(nn.Module):
    """Residual attention of points to their neighbours, one weight a channel.

    Args:
        channels: Channels C of the points.
        embed_dims: Width of the attention.
    """

    def __init__(self, channels: int, embed_dims: int) -> None:
        super().__init__()
        self.enter = nn.Linear(channels, embed_dims)
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims, bias=False)
        self.position = _two_layers(3, embed_dims)
        self.weight = _two_layers(embed_dims, embed_dims)
        self.leave = nn.Linear(embed_dims, channels)
        self.scale = 1 / math.sqrt(embed_dims)

    def forward(
        self, x: Tensor, positions: Tensor, near: Tensor, mask: Tensor
    ) -> Tensor:
        """Let points look at their neighbours.

        Args:
            x: Features ``(B, N, C)``.
            positions: ``(B, N, 3)``.
            near: Indices of the neighbours ``(B, N, k)``.
            mask: Which points are real ``(B, N)``.

        Returns:
            Features ``(B, N, C)``.
        """
        query, key, value = self.qkv(self.enter(x)).chunk(3, dim=-1)
        offset = self.position(positions[:, :, None] - gather_points(positions, near))
        score = query[:, :, None] - gather_points(key, near) + offset
        score = self.weight(score) * self.scale
        unreal = ~gather_points(mask, near)[..., None]
        # The lowest number, not minus infinity: a point may have no real neighbour.
        score = score.masked_fill(unreal, torch.finfo(score.dtype).min)
        share = score.softmax(dim=2)
        return x + self.leave((share * (gather_points(value, near) + offset)).sum(2))


def _two_layers(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, out_channels),
        nn.ReLU(),
        nn.Linear(out_channels, out_channels),
    )
