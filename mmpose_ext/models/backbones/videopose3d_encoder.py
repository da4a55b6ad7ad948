"""VideoPose3D as an encoder: one feature for the frame in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmpose.models.backbones import TCN
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from mmpose_ext.models.backbones.videopose3d import receptive_field_of


@MODELS.register_module()
class VideoPose3DEncoder(BaseModule):
    """Temporal convolutions from T frames to one feature (Pavllo et al., CVPR 2019).

    What :class:`VideoPose3D` computes for the middle of a window, by strided
    convolutions that compute nothing else; weights are interchangeable (``tcn`` of
    both). With the defaults it is the network of 27 frames without its last layer,
    8.50 M parameters. Convolutions start as MMPose starts them (Kaiming normal).

    A batch of one has one value a channel in the last layers and so no statistics of
    its own: training then goes on there with the running statistics.

    Args:
        in_channels: Channels of a joint: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C of all convolutions.
        num_joints: Joints K.
        kernel_sizes: Widths of the convolutions; their product is the number of frames
            T. ``(1, 1, 1)`` is the network of a single frame.
        dropout: Rate of dropout.

    Attributes:
        out_channels: Width C of the feature.
        receptive_field: Frames T that ``forward`` takes.

    Raises:
        ValueError: If there are fewer than two widths or one is even; in ``forward``,
            if frames, joints or channels do not fit.
    """

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
        self.receptive_field = receptive_field_of(kernel_sizes)
        self.input_shape = (self.receptive_field, num_joints, in_channels)
        self.out_channels = embed_dims
        self.tcn = TCN(
            in_channels * num_joints,
            stem_channels=embed_dims,
            num_blocks=len(kernel_sizes) - 1,
            kernel_sizes=kernel_sizes,
            dropout=dropout,
            use_stride_conv=True,
            norm_cfg=dict(type=_FrameBatchNorm),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Encode windows of keypoints ``(B, T, K, in_channels)`` to ``(B, C)``."""
        if x.dim() != 4 or x.shape[1:] != self.input_shape:
            frames, joints, channels = self.input_shape
            raise ValueError(
                f'expected keypoints of shape (B, {frames}, {joints}, {channels}), got '
                f'{tuple(x.shape)}: check the window of the data set against '
                '`kernel_sizes`'
            )
        return self.tcn(x.flatten(2).transpose(1, 2))[-1].squeeze(-1)


class _FrameBatchNorm(nn.BatchNorm1d):
    """Batch norm of ``(B, C, T)`` that a single value a channel does not stop."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] * x.shape[-1] > 1:
            return super().forward(x)
        return batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )
