"""The plain regression head of sequence lifters."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.heads.lifting_head import LiftingHead
from mmpose_ext.models.layers import init_transformer_weights


@MODELS.register_module()
class PoseRegressionHead(LiftingHead):
    """One linear regression of the three coordinates of each joint.

    With ``hidden_dims`` it is MotionBERT's head (linear, tanh, linear); with ``norm``
    it is MixSTE's (LayerNorm, linear).

    Args:
        in_channels: Channels C of the features.
        hidden_dims: Width of the layer before the regression, or 0 for none.
        norm: Put a LayerNorm first.
        losses: See :class:`LiftingHead`.
        decoder: See :class:`LiftingHead`.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        losses: dict[str, dict],
        hidden_dims: int = 0,
        norm: bool = False,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(losses, decoder, init_cfg)
        self.norm = nn.LayerNorm(in_channels) if norm else nn.Identity()
        self.hidden = (
            nn.Sequential(nn.Linear(in_channels, hidden_dims), nn.Tanh())
            if hidden_dims
            else nn.Identity()
        )
        self.regression = nn.Linear(hidden_dims or in_channels, 3)
        self.apply(init_transformer_weights)

    def forward(self, feats: Tensor) -> Tensor:
        """Map features of shape ``(B, T, K, C)`` to poses ``(B, T, K, 3)``."""
        return self.regression(self.hidden(self.norm(feats)))
