"""A network that proposes how to change the poses of a window."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmpose_ext.geometry import rotate_poses, scale_bones, symmetric_bones


class PoseChange(NamedTuple):
    """A change of windows, one for all frames of each.

    Attributes:
        rotation: Axis times angle ``(N, 3)``, radians, camera axes.
        ratios: New by old lengths of symmetric bones ``(N, G)``.
        strength: ``(N,)``, 0 for no change, 2 where everything is at its bound: the
            squared share of the largest angle plus the mean squared share of the
            largest (log) ratios.
    """

    rotation: Tensor
    ratios: Tensor
    strength: Tensor

    def apply(self, pose: Tensor) -> Tensor:
        """Changed root-relative poses ``(N, T, K, 3)``."""
        return rotate_poses(scale_bones(pose, self.ratios), self.rotation)


class PoseGenerator(nn.Module):
    """Propose a rotation and bone lengths for a window of poses, given noise.

    A small network looks at each frame; the mean over the frames, with the noise,
    decides. Bounds are built in. The last layer starts at zero, that is, the generator
    starts by changing nothing.

    Args:
        embed_dims: Channels C of all layers.
        noise_dims: Length of the noise Z.
        max_rotation: Bound of the rotation angle, degrees.
        max_ratio: Bone lengths stay within old length times or by this number.
        num_joints: Joints K.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        embed_dims: int = 128,
        *,
        noise_dims: int = 16,
        max_rotation: float = 45.0,
        max_ratio: float = 1.2,
        num_joints: int = 17,
    ) -> None:
        super().__init__()
        if not 0 <= max_rotation <= 180 or not max_ratio >= 1:
            raise ValueError(
                'max_rotation must be in [0, 180] degrees and max_ratio at least 1, '
                f'got {max_rotation=}, {max_ratio=}'
            )
        if embed_dims < 1 or noise_dims < 1:
            raise ValueError(
                'embed_dims and noise_dims must be at least 1, got '
                f'{embed_dims=}, {noise_dims=}'
            )
        self.noise_dims = noise_dims
        self.max_angle = math.radians(max_rotation)
        self.max_log_ratio = math.log(max_ratio)
        self.frames = nn.Sequential(
            nn.Linear(3 * num_joints, embed_dims),
            nn.LeakyReLU(0.2),
            nn.Linear(embed_dims, embed_dims),
            nn.LeakyReLU(0.2),
        )
        self.hidden = nn.Sequential(
            nn.Linear(embed_dims + noise_dims, embed_dims), nn.LeakyReLU(0.2)
        )
        self.proposal = nn.Linear(embed_dims, 3 + len(symmetric_bones()))
        nn.init.zeros_(self.proposal.weight)
        nn.init.zeros_(self.proposal.bias)

    def forward(self, pose: Tensor, noise: Tensor) -> PoseChange:
        """Changes of root-relative poses.

        Args:
            pose: ``(N, T, K, 3)``, metres.
            noise: Standard normal ``(N, Z)``.
        """
        seen = self.frames(pose.flatten(2)).mean(1)
        code = self.hidden(torch.cat([seen, noise.to(seen.dtype)], dim=-1))
        turn, lengths = self.proposal(code).float().tensor_split([3], dim=-1)
        # Into the unit ball, smoothly also at its centre.
        turn = turn / (1 + turn.square().sum(-1, keepdim=True)).sqrt()
        lengths = lengths.tanh()
        return PoseChange(
            rotation=self.max_angle * turn,
            ratios=(self.max_log_ratio * lengths).exp(),
            strength=turn.square().sum(-1) + lengths.square().mean(-1),
        )
