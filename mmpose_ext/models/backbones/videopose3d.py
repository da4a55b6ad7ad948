"""VideoPose3D: dilated convolutions over the frames, one pose for each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmengine.model import BaseModule
from mmpose.models.backbones import TCN
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn.functional import pad


@MODELS.register_module()
class VideoPose3D(BaseModule):
    """Temporal convolutions from T frames to T frames (Pavllo et al., CVPR 2019).

    MMPose's ``TCN`` gives one pose for a window as long as its receptive field. Here
    the window is as long as one likes and both its ends are repeated, as VideoPose3D
    does at test time, so that each frame gets the features that the TCN would give for
    the frames around it. With ``FrameRegressionHead`` and the defaults it is the
    network of 27 frames, 8.56 M parameters. The convolutions start as MMPose starts
    them (Kaiming normal), not as PyTorch does.

    Args:
        in_channels: Channels of a joint: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C of all convolutions.
        num_joints: Joints K.
        kernel_sizes: Widths of the convolutions; their product is the receptive field,
            27 frames.
        dropout: Rate of dropout.

    Attributes:
        receptive_field: Frames that one output frame depends on.

    Raises:
        ValueError: If there are fewer than two widths or one is even; in ``forward``,
            if joints or channels of the input do not fit.
    """

    causal = False

    def __init__(
        self,
        in_channels: int = 2,
        embed_dims: int = 1024,
        *,
        num_joints: int = 17,
        kernel_sizes: Sequence[int] = (3, 3, 3),
        dropout: float = 0.25,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_channels, self.num_joints = in_channels, num_joints
        self.receptive_field = receptive_field_of(kernel_sizes)
        self.tcn = TCN(
            in_channels * num_joints,
            stem_channels=embed_dims,
            num_blocks=len(kernel_sizes) - 1,
            kernel_sizes=kernel_sizes,
            dropout=dropout,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode keypoints of shape ``(B, T, K, in_channels)`` to ``(B, T, C)``."""
        return self.encode(self.expand(x))

    def expand(self, x: Tensor) -> Tensor:
        """The first convolution on the padded window.

        Args:
            x: Keypoints of shape ``(B, T, K, in_channels)``.

        Returns:
            Features of shape ``(B, C, T')``, with the frames that :meth:`encode` needs
            beyond both ends.
        """
        if x.dim() != 4 or x.shape[2:] != (self.num_joints, self.in_channels):
            raise ValueError(
                f'expected keypoints of shape (B, T, {self.num_joints}, '
                f'{self.in_channels}), got {tuple(x.shape)}: check the joint set of '
                'the data and `confidence` of the codec'
            )
        beyond = self.receptive_field // 2
        frames = x.flatten(2).transpose(1, 2)
        tokens = self.tcn.expand_conv(pad(frames, (beyond, beyond), mode='replicate'))
        return tokens if self.tcn.dropout is None else self.tcn.dropout(tokens)

    def encode(self, tokens: Tensor) -> Tensor:
        """The residual blocks: features ``(B, C, T')`` to ``(B, T, C)``."""
        for block in self.tcn.tcn_blocks:
            tokens = block(tokens)
        return tokens.transpose(1, 2)


def receptive_field_of(kernel_sizes: Sequence[int]) -> int:
    """Frames that one frame after convolutions of these widths depends on.

    Raises:
        ValueError: If there are fewer than two widths or one is even.
    """
    if len(kernel_sizes) < 2 or any(size % 2 == 0 for size in kernel_sizes):
        raise ValueError(
            'kernel_sizes must be at least two odd numbers, for example (3, 3, 3), '
            f'got {kernel_sizes}'
        )
    return math.prod(kernel_sizes)
