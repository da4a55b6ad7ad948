"""Two regressors, one for the 2D pose and one for the depth."""

from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.heads.lifting_head import LiftingHead
from mmpose_ext.models.layers import init_transformer_weights


@MODELS.register_module()
class TwoBranchRegressionHead(LiftingHead):
    """Regress the 2D pose and the depth apart (PrML, Tables 7 and 8, Fig. 8).

    In place of :class:`PoseRegressionHead` it turns any lifter into a multi-task one
    with shared parameters; ``DecoupledPoseLoss`` is the loss that goes with it.

    Args:
        in_channels: Channels C of the features.
        hidden_dims: Width of the hidden layer (tanh) of each regressor, or 0 for none.
        norm: Put a LayerNorm before each regressor.
        losses: See :class:`LiftingHead`.
        decoder: See :class:`LiftingHead`.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        losses: dict[str, dict],
        hidden_dims: int = 512,
        norm: bool = False,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(losses, decoder, init_cfg)
        self.head_2d = regressor(in_channels, hidden_dims, 2, norm=norm)
        self.head_d = regressor(in_channels, hidden_dims, 1, norm=norm)
        self.apply(init_transformer_weights)

    def forward(self, feats: Tensor | tuple[Tensor, ...]) -> Tensor:
        """Map features to poses ``(B, T, K, 3)`` in the codec's units.

        Args:
            feats: Features ``(B, T, K, C)``, one for both tasks or one for the 2D pose
                and one for the depth; what follows in a longer tuple is not read.
        """
        pose_2d, depth = (feats, feats) if isinstance(feats, Tensor) else feats[:2]
        return torch.cat([self.head_2d(pose_2d), self.head_d(depth)], dim=-1)


def regressor(
    in_channels: int, hidden_dims: int, out_channels: int, *, norm: bool = False
) -> nn.Sequential:
    """A linear regression, with a hidden layer and a normalisation if asked for."""
    layers: list[nn.Module] = [nn.LayerNorm(in_channels)] if norm else []
    if hidden_dims:
        layers += [nn.Linear(in_channels, hidden_dims), nn.Tanh()]
    layers.append(nn.Linear(hidden_dims or in_channels, out_channels))
    return nn.Sequential(*layers)
