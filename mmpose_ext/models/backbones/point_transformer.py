"""Point Transformer: vector attention among neighbours of a point cloud."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmpose_ext.models.layers.masked_batch_norm import MaskedBatchNorm
from mmpose_ext.models.layers.point_sampling import (
    farthest_point_sampling,
    gather_points,
    nearest_neighbours,
)
from mmpose_ext.models.layers.vector_attention import VectorAttention


@MODELS.register_module()
class PointTransformer(BaseModule):
    """One feature of a point cloud (Zhao et al., ICCV 2021).

    Stages of fewer and fewer points with twice the channels each: a transition down
    gathers the neighbours of the points that stay, a :class:`VectorAttention` lets the
    points of a stage look at their neighbours, and the mean of the last stage is the
    feature. The first three channels of a point are its position in metres.

    ``transformer_dim=512`` with the other defaults is the network that was used for
    regression on MM-Fi's LiDAR (1024 points, 13.64 M parameters). ``in_channels=5,
    transformer_dim=128, stage_points=(32, None, None, None)`` is the one for radar
    (1.28 M). Against the public code: farthest points start at the point farthest from
    the mean instead of a random one, and later stages keep the first of these points,
    which is what sampling again from the same first point would keep; padding is masked
    everywhere, batch norm included, so that clouds of any size share a batch.

    Args:
        in_channels: Channels of a point, position first.
        transformer_dim: Width of the attention.
        num_neighbors: Neighbours k, the point itself included.
        embed_dims: Channels of the first stage; each further stage has twice as many.
        stage_points: Points of each further stage at most; ``None`` keeps all points,
            and their features are then transformed one by one.
        with_cp: Compute the attention again in the backward pass instead of keeping
            its ``(B, N, k, transformer_dim)`` tensors, seven a stage.

    Attributes:
        out_channels: Width of the feature.

    Raises:
        ValueError: If a number is not positive or a point has fewer than three
            channels; in ``forward``, if points or mask have another shape.
    """

    def __init__(
        self,
        in_channels: int = 3,
        transformer_dim: int = 64,
        *,
        num_neighbors: int = 16,
        embed_dims: int = 32,
        stage_points: Sequence[int | None] = (256, 64, 16, 4, 1),
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        most = [number for number in stage_points if number is not None]
        sizes = [transformer_dim, num_neighbors, embed_dims, *most]
        if in_channels < 3 or min(sizes) < 1:
            raise ValueError(
                'a point has at least the three channels of its position, and sizes '
                f'are positive, got {in_channels=}, {transformer_dim=}, '
                f'{num_neighbors=}, {embed_dims=}, {stage_points=}'
            )
        self.in_channels, self.num_neighbors = in_channels, num_neighbors
        self.stage_points, self.with_cp = tuple(stage_points), with_cp
        widths = [embed_dims * 2**stage for stage in range(len(stage_points) + 1)]
        self.out_channels = widths[-1]
        self.embed = nn.Sequential(
            nn.Linear(in_channels, embed_dims),
            nn.ReLU(),
            nn.Linear(embed_dims, embed_dims),
        )
        self.blocks = nn.ModuleList(
            VectorAttention(width, transformer_dim) for width in widths
        )
        self.transitions = nn.ModuleList(
            Transition(below, width, grouped=kept is not None)
            for below, width, kept in zip(
                widths[:-1], widths[1:], stage_points, strict=True
            )
        )

    def forward(self, points: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encode clouds.

        Args:
            points: ``(B, N, in_channels)``, position first, metres, camera frame.
            mask: Which points are real ``(B, N)``, bool; ``None`` means all.

        Returns:
            ``(B, out_channels)``; zero for a cloud without points.
        """
        points, mask = self._checked(points, mask)
        positions = points[..., :3]
        near = self._neighbours(positions, mask)
        x = self._attend(0, self.embed(points), positions, near, mask)
        sampled = False
        for stage, (most, transition) in enumerate(
            zip(self.stage_points, self.transitions, strict=True), start=1
        ):
            kept = self._kept(positions, mask, most, sampled)
            x, positions, mask = transition(x, positions, near, mask, kept)
            if kept is not None:
                near, sampled = self._neighbours(positions, mask), True
            x = self._attend(stage, x, positions, near, mask)
        weight = mask[..., None].float()
        return (x * weight).sum(1) / weight.sum(1).clamp(min=1)

    def _neighbours(self, positions: Tensor, mask: Tensor) -> Tensor:
        return nearest_neighbours(positions, positions, mask, self.num_neighbors)

    @staticmethod
    def _kept(
        positions: Tensor, mask: Tensor, most: int | None, sampled: bool
    ) -> Tensor | None:
        """Indices ``(B, S)`` of the points that the next stage keeps."""
        batch, number = mask.shape
        if most is None:
            return None
        if sampled:  # in the order of sampling already
            first = torch.arange(min(most, number), device=mask.device)
            return first.expand(batch, -1)
        return farthest_point_sampling(positions, mask, min(most, number))

    def _attend(
        self, stage: int, x: Tensor, positions: Tensor, near: Tensor, mask: Tensor
    ) -> Tensor:
        block = self.blocks[stage]
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(block, x, positions, near, mask, use_reentrant=False)
        return block(x, positions, near, mask)

    def _checked(self, points: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        if points.dim() != 3 or points.shape[-1] != self.in_channels:
            raise ValueError(
                f'expected points of shape (B, N, {self.in_channels}), got '
                f'{tuple(points.shape)}: check `in_channels` of the encoder'
            )
        if mask is None:
            mask = points.new_ones(points.shape[:2], dtype=torch.bool)
        if mask.shape != points.shape[:2] or mask.dtype != torch.bool:
            raise ValueError(
                f'expected a bool mask of shape {tuple(points.shape[:2])}, got '
                f'{mask.dtype} of {tuple(mask.shape)}'
            )
        if not points.shape[1]:  # no cloud of the batch has a point
            points = points.new_zeros(len(points), 1, self.in_channels)
            mask = mask.new_zeros(len(points), 1)
        return torch.where(mask[..., None], points, points.new_zeros(())), mask


class Transition(nn.Module):
    """Two layers with batch norm over points, or over neighbours and their maximum.

    Args:
        in_channels: Channels C of the points.
        out_channels: Channels D afterwards.
        grouped: Whether neighbours enter, their offset as three channels more.
    """

    def __init__(self, in_channels: int, out_channels: int, *, grouped: bool) -> None:
        super().__init__()
        self.fc1 = nn.Linear(in_channels + 3 * grouped, out_channels)
        self.norm1 = MaskedBatchNorm(out_channels)
        self.fc2 = nn.Linear(out_channels, out_channels)
        self.norm2 = MaskedBatchNorm(out_channels)

    def forward(
        self,
        x: Tensor,
        positions: Tensor,
        near: Tensor,
        mask: Tensor,
        kept: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Transform points.

        Args:
            x: Features ``(B, N, C)``.
            positions: ``(B, N, 3)``.
            near: Indices of the neighbours ``(B, N, k)``.
            mask: Which points are real ``(B, N)``.
            kept: Indices of the points that stay ``(B, S)``, each real one at most
                once and before all that are not; ``None`` if neighbours do not enter.

        Returns:
            Features ``(B, S, D)``, positions ``(B, S, 3)`` and mask ``(B, S)``.
        """
        if kept is None:
            return self._layers(x, mask), positions, mask
        places, near = gather_points(positions, kept), gather_points(near, kept)
        offset = gather_points(positions, near) - places[:, :, None]
        number = torch.arange(kept.shape[1], device=kept.device)
        stays = number < mask.sum(1, keepdim=True)
        real = gather_points(mask, near) & stays[..., None]
        grouped = torch.cat([offset, gather_points(x, near)], dim=-1)
        grouped = self._layers(grouped, real)
        # After ReLU nothing is below zero, so zero is the maximum over nothing.
        best = torch.where(real[..., None], grouped, grouped.new_zeros(())).amax(2)
        return best, places, stays

    def _layers(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.norm1(self.fc1(x), mask).relu()
        return self.norm2(self.fc2(x), mask).relu()
