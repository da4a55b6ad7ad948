"""Deformable sampling of feature maps around joints."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn
from torch.nn.functional import grid_sample

from mmpose_ext.models.layers.transformer_layer import NORM_EPS, Mlp


class DeformableContext(nn.Module):
    """Gather context at learned offsets from each joint, then an MLP, both residual.

    The sum of a context token and the pose token gives offsets and weights of P
    positions a head, in the map of the token's own level. Offsets pass a tanh, so they
    reach half a crop; they start on small rings, one a point, in one direction a head.
    Source: CA-PF (Zhao et al., NeurIPS 2023), after Deformable DETR.

    Args:
        channels: Channels C_l of each map.
        embed_dims: Channels C of a token.
        num_heads: Heads; must divide C.
        num_points: Positions P of a head.
        mlp_ratio: Width of the MLP in multiples of C.
        drop_path: Rate of stochastic depth.
    """

    def __init__(
        self,
        channels: Sequence[int],
        embed_dims: int,
        *,
        num_heads: int = 4,
        num_points: int = 4,
        mlp_ratio: float = 2.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if num_heads < 1 or embed_dims % num_heads:
            raise ValueError(
                f'context_heads={num_heads} does not divide embed_dims={embed_dims}'
            )
        self.num_heads, self.num_points = num_heads, num_points
        self.norm1 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.weights = nn.Linear(embed_dims, num_heads * num_points)
        self.offsets = nn.Linear(embed_dims, num_heads * num_points * 2)
        self.projections = nn.ModuleList(
            nn.Linear(width, embed_dims // num_heads) for width in channels
        )
        self.norm2 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.mlp = Mlp(embed_dims, int(embed_dims * mlp_ratio))
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()
        self.reset_sampling()

    @torch.no_grad()
    def reset_sampling(self) -> None:
        """Equal weights, and point p of head h at 0.01 (p + 1) in direction h."""
        for linear in (self.weights, self.offsets):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)
        angle = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)
        direction = direction / direction.abs().amax(dim=-1, keepdim=True)
        radius = 0.01 * torch.arange(1, self.num_points + 1)
        rings = direction[:, None] * radius[:, None]
        self.offsets.bias.copy_(rings.flatten())

    def forward(
        self, context: Tensor, pose: Tensor, positions: Tensor, maps: Sequence[Tensor]
    ) -> Tensor:
        """Refine context tokens.

        Args:
            context: Tokens of L levels, ``(N, L, K, C)``.
            pose: Tokens of the coordinates, ``(N, 1, K, C)``.
            positions: Joints in units of the crop, ``(N, K, 2)``.
            maps: Feature maps ``(N, C_l, H_l, W_l)``.

        Returns:
            Tokens of shape ``(N, L, K, C)``.
        """
        points = (self.num_heads, self.num_points)
        query = self.norm1(context + pose)
        weights = self.weights(query).unflatten(-1, points).softmax(dim=-1)
        offsets = self.offsets(query).tanh().unflatten(-1, (-1, 2))
        positions = positions[:, None, :, None] + offsets
        gathered = []
        for level, (features, proj) in enumerate(
            zip(maps, self.projections, strict=True)
        ):
            sampled = sample_map(features, positions[:, level]).unflatten(2, points)
            # Weighing before the projection is the same and costs 1 / P of it.
            sampled = torch.einsum('nkhp,nkhpc->nkhc', weights[:, level], sampled)
            gathered.append(proj(sampled).flatten(2))
        context = context + self.drop_path(torch.stack(gathered, dim=1))
        return context + self.drop_path(self.mlp(self.norm2(context)))


def sample_map(features: Tensor, positions: Tensor) -> Tensor:
    """Bilinear samples of feature maps, in the precision of the positions.

    Args:
        features: Maps ``(N, C, H, W)``.
        positions: x, y in units of the crop, ``(N, K, P, 2)``; beyond -1 and 1 the
            border goes on.

    Returns:
        Samples of shape ``(N, K, P, C)``.
    """
    sampled = grid_sample(
        features.to(positions.dtype),
        positions,
        padding_mode='border',
        align_corners=False,
    )
    return sampled.permute(0, 2, 3, 1)
