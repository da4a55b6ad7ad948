"""Fusion of two feature maps by learned weights of each token."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SoftmaxFusion(nn.Module):
    """Weigh two features token by token: MotionBERT's attention regressor.

    A linear layer on both features gives two logits; their softmax weighs the
    features. PrML uses the same form for its coarse alignment (Eq. 2). It starts at
    an exact average (zero weight, equal bias).

    Args:
        embed_dims: Channels C of each feature.
    """

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        self.fc = nn.Linear(2 * embed_dims, 2)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start at the exact average."""
        nn.init.zeros_(self.fc.weight)
        nn.init.constant_(self.fc.bias, 0.5)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Fuse two features of shape ``(..., C)`` to one."""
        weight = self.fc(torch.cat([first, second], dim=-1)).softmax(dim=-1)
        return first * weight[..., :1] + second * weight[..., 1:]
