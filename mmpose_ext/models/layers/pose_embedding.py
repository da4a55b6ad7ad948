"""From 2D keypoints to tokens, with joint and temporal position embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmpose_ext.models.layers.temporal_parameter import first_frames, resize_on_load


class PoseEmbedding(nn.Module):
    """A linear layer on each keypoint plus learned position embeddings.

    Args:
        in_channels: Input channels: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C of a token.
        num_joints: Joints K.
        seq_len: Frames T of a window.
        temporal: Whether frames get an embedding too. Without it everything that
            follows is equivariant to a permutation of the frames.

    Raises:
        ValueError: In ``forward``, if joints or channels of the input do not fit.
    """

    def __init__(
        self,
        in_channels: int,
        embed_dims: int,
        *,
        num_joints: int,
        seq_len: int,
        temporal: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels, self.num_joints = in_channels, num_joints
        self.proj = nn.Linear(in_channels, embed_dims)
        self.joints = nn.Parameter(torch.zeros(1, 1, num_joints, embed_dims))
        self.frames = (
            nn.Parameter(torch.zeros(1, seq_len, 1, embed_dims)) if temporal else None
        )
        for embedding in (self.joints, self.frames):
            if embedding is not None:
                nn.init.trunc_normal_(embedding, std=0.02)
        resize_on_load(self, 'frames')

    def forward(self, x: Tensor) -> Tensor:
        """Map keypoints of shape ``(B, T, K, in_channels)`` to ``(B, T, K, C)``."""
        if x.dim() != 4 or x.shape[2:] != (self.num_joints, self.in_channels):
            raise ValueError(
                f'expected keypoints of shape (B, T, {self.num_joints}, '
                f'{self.in_channels}), got {tuple(x.shape)}: check the joint set of '
                'the data and `confidence` of the codec'
            )
        tokens = self.proj(x) + self.joints
        if self.frames is not None:
            tokens = tokens + first_frames(self.frames, x.shape[1])
        return tokens
