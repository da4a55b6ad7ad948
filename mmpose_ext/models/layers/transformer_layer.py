"""Pre-norm transformer layers over the frames or the joints of pose tokens."""

from __future__ import annotations

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmpose_ext.models.layers.attention import CrossAttention, SelfAttention
from mmpose_ext.models.layers.axes import Axis, checked_axis, fold, unfold
from mmpose_ext.models.layers.softmax_fusion import SoftmaxFusion

NORM_EPS = 1e-6


class Mlp(nn.Module):
    """Two linear layers with GELU between them."""

    def __init__(self, embed_dims: int, hidden_dims: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dims, hidden_dims)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden_dims, embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., C)`` to ``(..., C)``."""
        return self.fc2(self.act(self.fc1(x)))


class TransformerLayer(nn.Module):
    """Self-attention along one axis of the tokens, then an MLP, both residual.

    Args:
        embed_dims: Channels C.
        num_heads: Attention heads.
        axis: ``'temporal'``, ``'spatial'`` or ``'joint'``.
        mlp_ratio: Width of the MLP in multiples of C.
        qkv_bias: Bias of the qkv projection.
        drop_path: Rate of stochastic depth.
        layer_scale_init: Start value of a learned scale of each residual, or ``None``.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        *,
        axis: Axis,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = False,
        drop_path: float = 0.0,
        layer_scale_init: float | None = None,
    ) -> None:
        super().__init__()
        self.axis = checked_axis(axis)
        self.norm1 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.attn = SelfAttention(embed_dims, num_heads, qkv_bias=qkv_bias)
        self.norm2 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.mlp = Mlp(embed_dims, int(embed_dims * mlp_ratio))
        self.scale1 = _residual_scale(embed_dims, layer_scale_init)
        self.scale2 = _residual_scale(embed_dims, layer_scale_init)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens of shape ``(B, T, K, C)`` to the same shape."""
        num_frames, num_joints = x.shape[1:3]
        x = fold(x, self.axis)
        x = x + self.drop_path(self.scale1(self.attn(self.norm1(x))))
        x = x + self.drop_path(self.scale2(self.mlp(self.norm2(x))))
        return unfold(x, self.axis, num_frames, num_joints)


class CrossTransformerLayer(nn.Module):
    """Cross-attention along one axis of the tokens, then an MLP, both residual.

    Args:
        embed_dims: Channels C of the query.
        num_heads: Attention heads.
        context_dims: Channels of key and value features.
        axis: ``'temporal'``, ``'spatial'`` or ``'joint'``.
        mlp_ratio: Width of the MLP in multiples of C.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        *,
        context_dims: int,
        axis: Axis,
        mlp_ratio: float = 4.0,
    ) -> None:
        super().__init__()
        self.axis = checked_axis(axis)
        self.norm_query = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.norm_context = nn.LayerNorm(context_dims, eps=NORM_EPS)
        self.attn = CrossAttention(embed_dims, num_heads, context_dims=context_dims)
        self.norm_mlp = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.mlp = Mlp(embed_dims, int(embed_dims * mlp_ratio))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Map ``(B, T, K, C)`` with ``(B, T, K, context_dims)`` to ``(B, T, K, C)``."""
        num_frames, num_joints = x.shape[1:3]
        x, context = fold(x, self.axis), fold(context, self.axis)
        x = x + self.attn(self.norm_query(x), self.norm_context(context))
        x = x + self.mlp(self.norm_mlp(x))
        return unfold(x, self.axis, num_frames, num_joints)


class LayerScale(nn.Module):
    """A learned scale of each channel of a residual."""

    def __init__(self, embed_dims: int, init: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((embed_dims,), init))

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of ``(..., C)``."""
        return x * self.gamma


def init_transformer_weights(module: nn.Module) -> None:
    """Truncated normal of 0.02 for linear weights, zero bias; for ``Module.apply``.

    The habit of MotionBERT and of vision transformers. LayerNorm keeps PyTorch's own
    start of one and zero, and a :class:`SoftmaxFusion` the exact average.
    """
    if isinstance(module, SoftmaxFusion):  # ``apply`` comes to its layer first
        module.reset_parameters()
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _residual_scale(embed_dims: int, init: float | None) -> nn.Module:
    return nn.Identity() if init is None else LayerScale(embed_dims, init)
