"""Fusion of modalities by self-attention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.layers import SelfAttention
from mmpose_ext.models.layers.transformer_layer import NORM_EPS, Mlp
from mmpose_ext.models.necks.modality_fusion import ModalityFusion, keep_present_all

Absent = Literal['zero_token', 'no_token']


@MODELS.register_module()
class AttentionFusion(ModalityFusion):
    """One token a modality, one transformer layer, the mean of the tokens.

    The papers name self-attention without its size; the sizes are ours.

    Args:
        in_channels: See :class:`ModalityFusion`.
        embed_dims: Width C of the tokens.
        num_heads: Attention heads; must divide C.
        mlp_ratio: Width of the MLP in multiples of C.
        absent: What becomes of an absent modality: ``'zero_token'``, its token is zero,
            embedding included, and takes part (the papers' zero features), or
            ``'no_token'``, nobody attends to it and the mean leaves it out.

    Raises:
        ValueError: If ``absent`` is unknown or the heads do not divide the channels.
    """

    additive = False

    def __init__(
        self,
        in_channels: Mapping[str, int],
        *,
        embed_dims: int = 512,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        absent: Absent = 'zero_token',
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg)
        if absent not in ('zero_token', 'no_token'):
            raise ValueError(
                f"absent must be 'zero_token' or 'no_token', got {absent!r}"
            )
        self.absent, self.out_channels = absent, embed_dims
        self.projections = nn.ModuleDict(
            {name: nn.Linear(width, embed_dims) for name, width in in_channels.items()}
        )
        self.embedding = nn.Parameter(torch.empty(len(self.modalities), embed_dims))
        nn.init.trunc_normal_(self.embedding, std=0.02)
        self.norm1 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.attn = SelfAttention(embed_dims, num_heads, qkv_bias=True)
        self.norm2 = nn.LayerNorm(embed_dims, eps=NORM_EPS)
        self.mlp = Mlp(embed_dims, int(embed_dims * mlp_ratio))
        self.norm = nn.LayerNorm(embed_dims, eps=NORM_EPS)

    def forward(
        self,
        features: Mapping[str, Tensor],
        present: Tensor | None = None,
        fill: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """See :class:`ModalityFusion`."""
        kept = list(features.values())
        if fill is not None:
            kept, present = keep_present_all(features, present, fill), None
        pairs = zip(self.projections.values(), kept, strict=True)
        tokens = [projection(feature) for projection, feature in pairs]
        x = torch.stack(tokens, dim=-2) + self.embedding
        if present is not None:
            x = torch.where(present[..., None], x, x.new_zeros(()))
        lead, seen = x.shape[:-2], self._seen(x, present)
        x = x.flatten(0, -3)
        x = x + self.attn(self.norm1(x), seen)
        x = self.norm(x + self.mlp(self.norm2(x)))
        return _mean(x, seen).unflatten(0, lead)

    def _seen(self, tokens: Tensor, present: Tensor | None) -> Tensor | None:
        """Which tokens are attended to ``(N, M)``; ``None`` for all."""
        if present is None or self.absent == 'zero_token':
            return None
        return present.expand(tokens.shape[:-1]).flatten(0, -2)


def _mean(tokens: Tensor, seen: Tensor | None) -> Tensor:
    if seen is None:
        return tokens.mean(dim=-2)
    weight = seen[..., None].to(tokens.dtype)
    return (tokens * weight).sum(dim=-2) / weight.sum(dim=-2).clamp(min=1)
