"""MixSTE as the denoiser of D3DP."""

from __future__ import annotations

from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.backbones.mixste import MixSTE
from mmpose_ext.models.layers import TimeEmbedding


@MODELS.register_module()
class DiffusionMixSTE(MixSTE):
    """MixSTE that sees a noisy 3D pose and how noisy it is (Shan et al., ICCV 2023).

    Each joint enters as its 2D keypoint beside its noisy 3D position; the embedding of
    the time step joins all tokens of a window once, at the input. With
    ``PoseRegressionHead(norm=True)`` it has 34.8 M parameters at T=243. Position
    embeddings start at zero, all other layers as PyTorch starts them. Public
    checkpoints load after ``tools/misc/convert_checkpoint.py --from d3dp``.

    Args:
        in_channels: 2D keypoint and noisy 3D position: 5 (x, y, x, y, z).
        embed_dims: Channels C.
        options: See :class:`MixSTE`.
    """

    def __init__(
        self, in_channels: int = 5, embed_dims: int = 512, **options: Any
    ) -> None:
        super().__init__(in_channels, embed_dims, **options)
        self.time_embedding = TimeEmbedding(embed_dims)
        torch.nn.init.zeros_(self.embedding.joints)

    def forward(  # type: ignore[override]
        self, x: Tensor, timesteps: Tensor
    ) -> Tensor:
        """Encode noisy windows; hypotheses are windows of their own.

        Args:
            x: Normalised keypoints and noisy root-relative positions in metres,
                ``(N, T, K, in_channels)``.
            timesteps: Time step of each window, ``(N,)``.

        Returns:
            Features of shape ``(N, T, K, C)``.
        """
        return self.encode(
            self.embedding(x) + self.time_embedding(timesteps)[:, None, None]
        )
