"""From diffusion time steps to vectors that join the tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmpose_ext.models.layers.transformer_layer import Mlp


class TimeEmbedding(Mlp):
    """Sinusoids of a time step and an MLP on them, as in D3DP.

    Args:
        embed_dims: Channels C; the hidden layer has 2 C.

    Raises:
        ValueError: If the channels are odd or fewer than 4.
    """

    def __init__(self, embed_dims: int) -> None:
        if embed_dims < 4 or embed_dims % 2:
            raise ValueError(
                'the embedding of time steps needs an even number of channels, at '
                f'least 4, got embed_dims={embed_dims}'
            )
        super().__init__(embed_dims, 2 * embed_dims)
        self.embed_dims = embed_dims

    def forward(self, timesteps: Tensor) -> Tensor:
        """Map time steps of shape ``(N,)``, from 0, to vectors ``(N, C)``.

        Raises:
            ValueError: If there is not one time step a sample.
        """
        if timesteps.dim() != 1:
            raise ValueError(
                'expected one time step a sample, of shape (N,), got '
                f'{tuple(timesteps.shape)}'
            )
        waves = sinusoids(timesteps, self.embed_dims)
        return super().forward(waves.to(self.fc1.weight.dtype))


def sinusoids(positions: Tensor, num_channels: int) -> Tensor:
    """Sines, then cosines, of positions times frequencies from 1 down to 1/10000.

    Computed in float32, whatever surrounds it: above 512, bfloat16 holds only every
    fourth step.

    Args:
        positions: Positions of shape ``(N,)``.
        num_channels: Channels C, even; the frequencies are a geometric series of C/2.

    Returns:
        Values of shape ``(N, C)``.
    """
    half = num_channels // 2
    exponents = torch.arange(half, device=positions.device) / (half - 1)
    angles = positions.float()[:, None] * torch.exp(-math.log(10_000) * exponents)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
