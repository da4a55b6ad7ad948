"""The two regressors of PrML and its mutual-information heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.models.heads.two_branch_regression_head import (
    TwoBranchRegressionHead,
    regressor,
)
from mmpose_ext.models.layers import init_transformer_weights
from mmpose_ext.models.necks.task_aware_decoder import TaskFeatures


@MODELS.register_module()
class PrMLHead(TwoBranchRegressionHead):
    """Regress the 2D pose and the depth apart (PrML, sections 4.4 and 4.5).

    In training ``loss_mi`` turns the support features of the decoder into a lower
    bound of their mutual information with the label: :class:`BarberAgakovLoss` by two
    more heads that predict the label from them, :class:`InfoNCEBoundLoss` directly.
    Nothing of it runs at inference.

    Args:
        in_channels: Channels C of the features.
        hidden_dims: Width of the hidden layer of each head.
        losses: See :class:`LiftingHead`.
        loss_mi: Config of the mutual-information loss, or ``None`` for none.
        support_channels: Channels of the support features of the 2D pose and of the
            depth; 2C, what :class:`TaskAwareDecoder` gives by default, if ``None``.
        decoder: See :class:`LiftingHead`.

    Raises:
        ValueError: In training, if ``loss_mi`` is set and there are no support features
            or they have other channels.
    """

    def __init__(
        self,
        in_channels: int = 128,
        *,
        losses: dict[str, dict],
        hidden_dims: int = 512,
        loss_mi: dict | None = None,
        support_channels: int | Sequence[int] | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            losses=losses,
            hidden_dims=hidden_dims,
            decoder=decoder,
            init_cfg=init_cfg,
        )
        channels = 2 * in_channels if support_channels is None else support_channels
        channels = (channels, channels) if isinstance(channels, int) else channels
        self.support_channels = tuple(channels)
        self.loss_mi = None if loss_mi is None else MODELS.build(loss_mi)
        if self._predicts_label:
            self.mi_head_2d = regressor(self.support_channels[0], hidden_dims, 2)
            self.mi_head_d = regressor(self.support_channels[1], hidden_dims, 1)
            for head in (self.mi_head_2d, self.mi_head_d):
                head.apply(init_transformer_weights)

    def forward_train(self, feats: TaskFeatures) -> tuple[Tensor, Tensor | None]:
        """Poses, and the label as predicted from the support features (or ``None``)."""
        if not self._predicts_label:
            return self.forward(feats), None
        support_2d, support_d = self._support(feats)
        from_support = [self.mi_head_2d(support_2d), self.mi_head_d(support_d)]
        return self.forward(feats), torch.cat(from_support, dim=-1)

    def loss_by_labels(
        self, feats: TaskFeatures, label: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        """Losses of a batch, with the bounds of the mutual information as extras."""
        pred, from_support = self.forward_train(feats)
        losses = self.pose_losses(pred, label, weight)
        if self.loss_mi is None:
            return losses
        if from_support is not None:
            return {**losses, **self.loss_mi(from_support.float(), label, weight)}
        return {**losses, **self.loss_mi(self._support(feats), label, weight)}

    @property
    def _predicts_label(self) -> bool:
        return self.loss_mi is not None and self.loss_mi.predicts_label

    def _support(self, feats: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        found = tuple(feature.shape[-1] for feature in feats[2:4])
        if found != self.support_channels:
            raise ValueError(
                f'loss_mi reads support features of {self.support_channels} channels, '
                f'the features bring {found or "none"}: set head.support_channels to '
                'what the TaskAwareDecoder gives, or loss_mi=None without it'
            )
        return feats[2], feats[3]
