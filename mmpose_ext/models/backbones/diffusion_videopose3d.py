"""VideoPose3D as a denoiser."""

from __future__ import annotations

from typing import Any

from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.backbones.videopose3d import VideoPose3D
from mmpose_ext.models.layers import TimeEmbedding


@MODELS.register_module()
class DiffusionVideoPose3D(VideoPose3D):
    """VideoPose3D that sees a noisy 3D pose and how noisy it is (PoSynDA, Table 2).

    The paper says no more than that VideoPose3D serves as denoiser. As in
    :class:`DiffusionMixSTE`, a joint enters as its 2D keypoint beside its noisy 3D
    position, and the embedding of the time step joins all frames once, after the first
    convolution.

    Args:
        in_channels: 2D keypoint and noisy 3D position: 5 (x, y, x, y, z).
        embed_dims: Channels C of all convolutions.
        options: See :class:`VideoPose3D`.
    """

    def __init__(
        self, in_channels: int = 5, embed_dims: int = 1024, **options: Any
    ) -> None:
        super().__init__(in_channels, embed_dims, **options)
        self.time_embedding = TimeEmbedding(embed_dims)

    def forward(  # type: ignore[override]
        self, x: Tensor, timesteps: Tensor
    ) -> Tensor:
        """Encode noisy windows; hypotheses are windows of their own.

        Args:
            x: Normalised keypoints and noisy root-relative positions in metres,
                ``(N, T, K, in_channels)``.
            timesteps: Time step of each window, ``(N,)``.

        Returns:
            Features of shape ``(N, T, C)``.
        """
        return self.encode(self.expand(x) + self.time_embedding(timesteps)[:, :, None])
