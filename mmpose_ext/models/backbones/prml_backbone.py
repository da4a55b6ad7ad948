"""The multi-task encoder of PrML: a shared bottom, a 2D branch, a depth branch."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import (
    DSTFormerBlock,
    PoseEmbedding,
    TransformerLayer,
    init_transformer_weights,
)
from mmpose_ext.models.layers.axes import Axis
from mmpose_ext.models.layers.transformer_layer import NORM_EPS

Order = Literal['ts', 'st', 't', 's']
_AXES: dict[str, Axis] = {'t': 'temporal', 's': 'spatial'}


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
            ``'st'``, or two layers of one axis, ``'t'`` or ``'s'``.
        bottom_depth: Two-stream blocks of the shared bottom.
        qkv_bias: Bias of the qkv projections.
        temporal_embedding: Learned embedding of the frames.
        layer_scale_init: See :class:`TransformerLayer`.

    Raises:
        ValueError: If the order is unknown or a depth is negative.
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

        def branch(depth: int) -> nn.Sequential:
            axes = [_AXES[letter] for letter in (order * 2)[:2]] * depth
            layers: list[nn.Module] = [
                TransformerLayer(embed_dims, num_heads, axis=axis, **layer)
                for axis in axes
            ]
            if depth:
                layers.append(nn.LayerNorm(embed_dims, eps=NORM_EPS))
            return nn.Sequential(*layers)

        self.embedding_2d = nn.Parameter(torch.zeros(1, 1, num_joints, embed_dims))
        self.embedding_d = nn.Parameter(torch.zeros(1, 1, num_joints, embed_dims))
        self.branch_2d = branch(depth_2d)
        self.branch_d = branch(depth_d)
        self._reset_parameters()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a batch of 2D sequences.

        Args:
            x: Normalised keypoints of shape ``(B, T, K, in_channels)``.

        Returns:
            Features of the 2D pose and of the depth, each ``(B, T, K, C)``.
        """
        shared = self.bottom(self.embedding(x))
        feature_2d = self.branch_2d(shared + self.embedding_2d)
        feature_d = self.branch_d(shared + self.embedding_d)
        return feature_2d, feature_d

    def _reset_parameters(self) -> None:
        self.apply(init_transformer_weights)
        nn.init.trunc_normal_(self.embedding_2d, std=0.02)
        nn.init.trunc_normal_(self.embedding_d, std=0.02)
