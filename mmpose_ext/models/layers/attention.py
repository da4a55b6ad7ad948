"""The attention of the whole package, on ``scaled_dot_product_attention``."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Fused attention of ``(N, heads, L, D)`` tensors.

    ``mask`` is true where a query may attend to a key and broadcasts to
    ``(N, heads, L, L')``.

    PyTorch's fused CPU kernel is slower in bfloat16 than in float32 (15 times in the
    backward pass over 17 tokens), so under CPU autocast the attention alone runs in
    float32.
    """
    if query.device.type == 'cpu' and query.dtype == torch.bfloat16:
        with torch.autocast('cpu', enabled=False):
            out = scaled_dot_product_attention(
                query.float(), key.float(), value.float(), mask
            )
        return out.to(query.dtype)
    return scaled_dot_product_attention(query, key, value, mask)


class SelfAttention(nn.Module):
    """Multi-head self-attention with one fused qkv projection.

    Args:
        embed_dims: Channels C.
        num_heads: Heads; must divide C.
        qkv_bias: Bias of the qkv projection.

    Raises:
        ValueError: If the heads do not divide the channels.
    """

    def __init__(
        self, embed_dims: int, num_heads: int, *, qkv_bias: bool = False
    ) -> None:
        super().__init__()
        self.num_heads = _checked_heads(embed_dims, num_heads)
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims, bias=qkv_bias)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Attend within each row.

        Args:
            x: Tokens ``(N, L, C)``.
            seen: Tokens that may be attended to ``(N, L)``, bool; ``None`` for all. In
                a row without any, all are.

        Returns:
            ``(N, L, C)``.
        """
        qkv = self.qkv(x).unflatten(-1, (3, self.num_heads, -1))
        # Unbound before the heads move, or the backward pass copies all three again.
        query, key, value = (part.transpose(1, 2) for part in qkv.unbind(2))
        mask = None if seen is None else (seen | ~seen.any(-1, keepdim=True))
        out = attend(query, key, value, None if mask is None else mask[:, None, None])
        return self.proj(out.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Multi-head attention from a query to features of another width.

    Args:
        embed_dims: Channels C of the query and the output.
        num_heads: Heads; must divide C.
        context_dims: Channels of the features that serve as key and value.
        bias: Bias of the query, key and value projections.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        *,
        context_dims: int,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.num_heads = _checked_heads(embed_dims, num_heads)
        self.q = nn.Linear(embed_dims, embed_dims, bias=bias)
        self.kv = nn.Linear(context_dims, 2 * embed_dims, bias=bias)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Attend from ``x`` to ``context``.

        Args:
            x: Query of shape ``(N, L, C)``.
            context: Key and value features of shape ``(N, M, context_dims)``.

        Returns:
            Features of shape ``(N, L, C)``.
        """
        query = self.q(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        kv = self.kv(context).unflatten(-1, (2, self.num_heads, -1))
        key, value = (part.transpose(1, 2) for part in kv.unbind(2))
        out = attend(query, key, value)
        return self.proj(out.transpose(1, 2).flatten(2))


def _checked_heads(embed_dims: int, num_heads: int) -> int:
    if num_heads < 1 or embed_dims % num_heads:
        raise ValueError(
            f'num_heads={num_heads} does not divide embed_dims={embed_dims}'
        )
    return num_heads
