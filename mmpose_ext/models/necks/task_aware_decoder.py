"""The task-aware decoder of PrML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

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

Support = Literal['coarse', 'mean', 'concat', 'other']
Task = Literal['2d', 'd']
Distribution = Literal['gaussian', 'laplace']


class TaskFeatures(NamedTuple):
    """Features of both tasks, and the support features that they drew on.

    Attributes:
        pose_2d: Enhanced features of the 2D pose, ``(B, T, K, C)``.
        depth: Enhanced features of the depth, ``(B, T, K, C)``.
        support_2d: Support features S_2D, ``(B, T, K, C')``.
        support_d: Support features S_D, ``(B, T, K, C'')``.
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

    A support feature has C channels (2C for ``'concat'``) and C more where its task
    has a bias: 2C by default. ``PrMLHead.support_channels`` has to agree.

    Args:
        embed_dims: Channels C.
        seq_len: Frames T of a window; the biases have shape ``(1, T, K, C)``.
        num_joints: Joints K.
        num_heads: Attention heads.
        mlp_ratio: Width of the MLPs in multiples of C.
        axis: Axis of the cross-attention: ``'temporal'``, ``'spatial'`` or ``'joint'``.
        support: What a task draws on: ``'coarse'`` is Eq. 2, ``'mean'`` the average of
            both features, ``'concat'`` both side by side, ``'other'`` the other task's
            feature, our reading of "without coarse alignment" in Table 5.
        bias_tasks: Tasks with a bias (Tables 5 and 6): ``'2d'``, ``'d'``, both or none.
        bias_learnable: Whether biases are trained or stay as they were drawn.
        bias_init: Distribution that the biases start from, one for both or one a task
            (2D, depth; Table 9): ``'gaussian'`` or ``'laplace'``.
        bias_std: Its standard deviation.

    Raises:
        ValueError: If an option has an unknown value.

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
        support: Support = 'coarse',
        bias_tasks: Sequence[Task] = ('2d', 'd'),
        bias_learnable: bool = True,
        bias_init: Distribution | Sequence[Distribution] = 'gaussian',
        bias_std: float = 0.02,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        starts = (bias_init, bias_init) if isinstance(bias_init, str) else bias_init
        _check_choices('support', [support], Support)
        _check_choices('bias_tasks', bias_tasks, Task)
        _check_choices('bias_init', starts, Distribution)
        self.support = support

        def bias(task: Task, start: Distribution) -> nn.Parameter | None:
            if task not in bias_tasks:
                return None
            value = torch.zeros(1, seq_len, num_joints, embed_dims)
            _draw(value, start, bias_std)
            return nn.Parameter(value, requires_grad=bias_learnable)

        def cross(own: nn.Parameter | None) -> CrossTransformerLayer:
            parts = (2 if support == 'concat' else 1) + (own is not None)
            return CrossTransformerLayer(
                embed_dims,
                num_heads,
                context_dims=parts * embed_dims,
                axis=axis,
                mlp_ratio=mlp_ratio,
            )

        self.alignment = SoftmaxFusion(embed_dims) if support == 'coarse' else None
        self.bias_2d, self.bias_d = bias('2d', starts[0]), bias('d', starts[1])
        self.cross_2d, self.cross_d = cross(self.bias_2d), cross(self.bias_d)
        self.apply(init_transformer_weights)
        resize_on_load(self, 'bias_2d', 'bias_d')

    def forward(self, feats: tuple[Tensor, Tensor]) -> TaskFeatures:
        """Complement the features of both branches.

        Args:
            feats: Features of the 2D pose and of the depth, each ``(B, T, K, C)``.
        """
        pose_2d, depth = feats
        from_depth, from_pose_2d = self._shared(pose_2d, depth)
        support_2d = _concat_bias(from_depth, self.bias_2d)
        support_d = _concat_bias(from_pose_2d, self.bias_d)
        return TaskFeatures(
            self.cross_2d(pose_2d, support_2d),
            self.cross_d(depth, support_d),
            support_2d,
            support_d,
        )

    def _shared(self, pose_2d: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        """What the 2D task and the depth task draw on, without their biases."""
        if self.support == 'other':
            return depth, pose_2d
        if self.alignment is not None:
            shared = self.alignment(pose_2d, depth)
        elif self.support == 'mean':
            shared = 0.5 * (pose_2d + depth)
        else:
            shared = torch.cat([pose_2d, depth], dim=-1)
        return shared, shared


def _draw(value: Tensor, distribution: Distribution, std: float) -> None:
    """Fill a tensor with draws of mean 0."""
    if distribution == 'gaussian':
        nn.init.normal_(value, std=std)
        return
    # The inverse of the Laplace distribution's cumulative function.
    uniform = torch.rand_like(value) - 0.5
    magnitude = -torch.log1p(-2 * uniform.abs()) * (std / math.sqrt(2))
    value.copy_(uniform.sign() * magnitude)


def _concat_bias(shared: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return shared
    # Not `len(shared)`, which would fix the batch of an exported network.
    own = first_frames(bias, shared.shape[1]).expand(shared.shape[0], -1, -1, -1)
    return torch.cat([shared, own.to(shared.dtype)], dim=-1)


def _check_choices(option: str, values: Sequence[str], known: object) -> None:
    for value in values:
        if value not in get_args(known):
            raise ValueError(
                f'{option} must be one of {get_args(known)}, got {value!r}'
            )
