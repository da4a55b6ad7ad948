"""The multi-task encoder of PrML: a shared bottom, a 2D branch, a depth branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import (
    DSTFormerBlock,
    FrameContext,
    ParallelLayer,
    PoseEmbedding,
    TransformerLayer,
    init_transformer_weights,
)
from mmpose_ext.models.layers.axes import Axis
from mmpose_ext.models.layers.transformer_layer import NORM_EPS

Order = Literal['ts', 'st', 't', 's', 'parallel']
_AXES: dict[str, Axis] = {'t': 'temporal', 's': 'spatial'}
_IMAGE_BRANCHES = ('2d', 'd', 'both')


@MODELS.register_module()
class PrMLBackbone(BaseModule):
    """Separate features of the 2D pose and of the joints' depth (PrML, section 4.2).

    The paper leaves depth, heads and ratio open. The defaults are the only ones found
    that give its 13.0 M parameters and 49.3 G multiply-adds (Table 2).

    Args:
        in_channels: 2 (x, y) or 3 (x, y, confidence).
        embed_dims: Channels C.
        seq_len: Frames T of a window.
        num_joints: Joints K.
        num_heads: Attention heads.
        mlp_ratio: Width of the MLPs in multiples of C.
        depth_2d: Pairs of layers in the 2D branch, N of Eq. 1; 0 leaves the branch
            out (its position embedding stays).
        depth_d: The same for the depth branch.
        order: Layers of a pair: ``'ts'`` time then space (the paper's best, Table 10),
            ``'st'``, two layers of one axis, ``'t'`` or ``'s'``, or both on the same
            input, ``'parallel'`` (:class:`ParallelLayer`).
        bottom_depth: Two-stream blocks of the shared bottom.
        qkv_bias: Bias of the qkv projections.
        temporal_embedding: Learned embedding of the frames.
        layer_scale_init: See :class:`TransformerLayer`.
        image_features: Let joints look at features of their frame before the first
            layer of a branch (appendix C.6): ``dict(name=..., to='2d', channels=4,
            resolution=(32, 32))``. ``name`` is the field of the store, which the data
            set lists in ``features``; ``to`` is ``'2d'``, ``'d'`` or ``'both'``.

    Attributes:
        feature_shapes: Shape a frame of each feature that ``forward`` takes.

    Raises:
        ValueError: If the order or a branch is unknown or a depth is negative.
    """

    causal = False

    def __init__(
        self,
        in_channels: int = 3,
        embed_dims: int = 128,
        *,
        seq_len: int = 243,
        num_joints: int = 17,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        depth_2d: int = 13,
        depth_d: int = 13,
        order: Order = 'ts',
        bottom_depth: int = 1,
        qkv_bias: bool = False,
        temporal_embedding: bool = True,
        layer_scale_init: float | None = None,
        image_features: Mapping[str, Any] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if order not in get_args(Order):
            raise ValueError(f'order must be one of {get_args(Order)}, got {order!r}')
        if min(depth_2d, depth_d, bottom_depth) < 0:
            raise ValueError(
                'depths must not be negative, got '
                f'{depth_2d=}, {depth_d=}, {bottom_depth=}'
            )
        layer: dict[str, Any] = dict(
            mlp_ratio=mlp_ratio, qkv_bias=qkv_bias, layer_scale_init=layer_scale_init
        )
        self.embedding = PoseEmbedding(
            in_channels,
            embed_dims,
            num_joints=num_joints,
            seq_len=seq_len,
            temporal=temporal_embedding,
        )
        self.bottom = nn.Sequential(
            *(
                DSTFormerBlock(embed_dims, num_heads, **layer)
                for _ in range(bottom_depth)
            )
        )

        def pair() -> list[nn.Module]:
            if order == 'parallel':
                return [ParallelLayer(embed_dims, num_heads, **layer)]
            axes = [_AXES[letter] for letter in (order * 2)[:2]]
            return [
                TransformerLayer(embed_dims, num_heads, axis=axis, **layer)
                for axis in axes
            ]

        def branch(depth: int) -> nn.Sequential:
            layers = [one for _ in range(depth) for one in pair()]
            if depth:
                layers.append(nn.LayerNorm(embed_dims, eps=NORM_EPS))
            return nn.Sequential(*layers)

        self.embedding_2d = nn.Parameter(torch.zeros(1, 1, num_joints, embed_dims))
        self.embedding_d = nn.Parameter(torch.zeros(1, 1, num_joints, embed_dims))
        self.branch_2d = branch(depth_2d)
        self.branch_d = branch(depth_d)
        self.context_2d, self.context_d = None, None
        self.feature_shapes: dict[str, tuple[int, ...]] = {}
        if image_features is not None:
            name, to, context = _split_image_features(image_features)
            context.update(mlp_ratio=mlp_ratio)
            self.feature_shapes[name] = (context['channels'], *context['resolution'])
            if to != 'd':
                self.context_2d = FrameContext(embed_dims, num_heads, **context)
            if to != '2d':
                self.context_d = FrameContext(embed_dims, num_heads, **context)
        self._reset_parameters()

    def forward(self, x: Tensor, **features: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a batch of 2D sequences.

        Args:
            x: Normalised keypoints of shape ``(B, T, K, in_channels)``.
            features: The feature maps named by ``image_features``,
                ``(B, T, channels, height, width)``.

        Returns:
            Features of the 2D pose and of the depth, each ``(B, T, K, C)``.
        """
        shared = self.bottom(self.embedding(x))
        feature_2d, feature_d = shared + self.embedding_2d, shared + self.embedding_d
        if self.context_2d is not None:
            feature_2d = self.context_2d(feature_2d, *features.values())
        if self.context_d is not None:
            feature_d = self.context_d(feature_d, *features.values())
        return self.branch_2d(feature_2d), self.branch_d(feature_d)

    def _reset_parameters(self) -> None:
        self.apply(init_transformer_weights)
        nn.init.trunc_normal_(self.embedding_2d, std=0.02)
        nn.init.trunc_normal_(self.embedding_d, std=0.02)


def _split_image_features(
    options: Mapping[str, Any],
) -> tuple[str, str, dict[str, Any]]:
    """Name of the field, branches that see it, arguments of ``FrameContext``."""
    context = dict(options)
    name, to = context.pop('name'), context.pop('to')
    if to not in _IMAGE_BRANCHES:
        raise ValueError(
            f'image_features.to must be one of {_IMAGE_BRANCHES}, got {to!r}'
        )
    return name, to, context
