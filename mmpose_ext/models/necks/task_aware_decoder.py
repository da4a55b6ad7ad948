"""The task-aware decoder of PrML."""

from __future__ import annotations

from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import (
    CrossTransformerLayer,
    SoftmaxFusion,
    init_transformer_weights,
)
from mmpose_ext.models.layers.axes import Axis
from mmpose_ext.models.layers.temporal_parameter import first_frames, resize_on_load


class TaskFeatures(NamedTuple):
    """Features of both tasks, and the support features that they drew on.

    Attributes:
        pose_2d: Enhanced features of the 2D pose, ``(B, T, K, C)``.
        depth: Enhanced features of the depth, ``(B, T, K, C)``.
        support_2d: Support features S_2D, ``(B, T, K, 2C)``.
        support_d: Support features S_D, ``(B, T, K, 2C)``.
    """

    pose_2d: Tensor
    depth: Tensor
    support_2d: Tensor
    support_d: Tensor


@MODELS.register_module()
class TaskAwareDecoder(BaseModule):
    """Complement each task by the other (PrML, section 4.3).

    A token-wise softmax brings both features into a shared one (Eq. 2); learned task
    biases make it a support feature for each task; one cross-attention layer per task
    draws on it (Eq. 3). The paper does not say along which axis: time by default.

    Args:
        embed_dims: Channels C.
        seq_len: Frames T of a window; the biases have shape ``(1, T, K, C)``.
        num_joints: Joints K.
        num_heads: Attention heads.
        mlp_ratio: Width of the MLPs in multiples of C.
        axis: Axis of the cross-attention: ``'temporal'``, ``'spatial'`` or ``'joint'``.
        bias_std: Standard deviation of the normal start of the task biases.

    Note:
        A checkpoint of another T loads: biases are sliced for shorter windows and
        linearly interpolated for longer ones, and a warning says so.
    """

    def __init__(
        self,
        embed_dims: int = 128,
        *,
        seq_len: int = 243,
        num_joints: int = 17,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        axis: Axis = 'temporal',
        bias_std: float = 0.02,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)

        def cross() -> CrossTransformerLayer:
            return CrossTransformerLayer(
                embed_dims,
                num_heads,
                context_dims=2 * embed_dims,
                axis=axis,
                mlp_ratio=mlp_ratio,
            )

        self.alignment = SoftmaxFusion(embed_dims)
        self.bias_2d = nn.Parameter(torch.zeros(1, seq_len, num_joints, embed_dims))
        self.bias_d = nn.Parameter(torch.zeros(1, seq_len, num_joints, embed_dims))
        self.cross_2d, self.cross_d = cross(), cross()
        self.apply(init_transformer_weights)
        nn.init.normal_(self.bias_2d, std=bias_std)
        nn.init.normal_(self.bias_d, std=bias_std)
        resize_on_load(self, 'bias_2d', 'bias_d')

    def forward(self, feats: tuple[Tensor, Tensor]) -> TaskFeatures:
        """Complement the features of both branches.

        Args:
            feats: Features of the 2D pose and of the depth, each ``(B, T, K, C)``.
        """
        pose_2d, depth = feats
        shared = self.alignment(pose_2d, depth)
        support_2d = _concat_bias(shared, self.bias_2d)
        support_d = _concat_bias(shared, self.bias_d)
        return TaskFeatures(
            self.cross_2d(pose_2d, support_2d),
            self.cross_d(depth, support_d),
            support_2d,
            support_d,
        )


def _concat_bias(shared: Tensor, bias: Tensor) -> Tensor:
    own = first_frames(bias, shared.shape[1]).expand(len(shared), -1, -1, -1)
    return torch.cat([shared, own.to(shared.dtype)], dim=-1)
