"""The two regressors of PrML and its mutual-information heads."""

from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.heads.lifting_head import LiftingHead
from mmpose_ext.models.layers import init_transformer_weights
from mmpose_ext.models.necks.task_aware_decoder import TaskFeatures


@MODELS.register_module()
class PrMLHead(LiftingHead):
    """Regress the 2D pose and the depth apart (PrML, sections 4.4 and 4.5).

    In training two more heads predict the label from the support features; the loss
    ``loss_mi`` (for example :class:`BarberAgakovLoss`) turns them into a lower bound of
    the mutual information. They do not run at inference.

    Args:
        in_channels: Channels C of the features.
        hidden_dims: Width of the hidden layer of each head.
        losses: See :class:`LiftingHead`.
        loss_mi: Config of the mutual-information loss, or ``None`` for none.
        decoder: See :class:`LiftingHead`.
    """

    def __init__(
        self,
        in_channels: int = 128,
        *,
        losses: dict[str, dict],
        hidden_dims: int = 512,
        loss_mi: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(losses, decoder, init_cfg)
        self.head_2d = _regressor(in_channels, hidden_dims, 2)
        self.head_d = _regressor(in_channels, hidden_dims, 1)
        self.loss_mi = None
        if loss_mi is not None:
            self.loss_mi = MODELS.build(loss_mi)
            self.mi_head_2d = _regressor(2 * in_channels, hidden_dims, 2)
            self.mi_head_d = _regressor(2 * in_channels, hidden_dims, 1)
        self.apply(init_transformer_weights)

    def forward(self, feats: TaskFeatures) -> Tensor:
        """Map features to poses ``(B, T, K, 3)`` in the codec's units."""
        pose_2d, depth = feats[:2]
        return torch.cat([self.head_2d(pose_2d), self.head_d(depth)], dim=-1)

    def forward_train(self, feats: TaskFeatures) -> tuple[Tensor, Tensor | None]:
        """Poses, and the label as predicted from the support features (or ``None``)."""
        if self.loss_mi is None:
            return self.forward(feats), None
        mean_2d = self.mi_head_2d(feats.support_2d)
        mean_d = self.mi_head_d(feats.support_d)
        return self.forward(feats), torch.cat([mean_2d, mean_d], dim=-1)

    def loss_by_labels(
        self, feats: TaskFeatures, label: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """Losses of a batch, with the bounds of the mutual information as extras."""
        pred, from_support = self.forward_train(feats)
        losses = self.pose_losses(pred, label, weight)
        if self.loss_mi is not None and from_support is not None:
            losses.update(self.loss_mi(from_support.float(), label, weight))
        return losses


def _regressor(in_channels: int, hidden_dims: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_channels, hidden_dims),
        nn.Tanh(),
        nn.Linear(hidden_dims, out_channels),
    )
