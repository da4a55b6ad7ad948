"""Smoothness of the predicted motion."""

from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.losses.joint_error_loss import MIXSTE_JOINT_WEIGHTS
from mmpose_ext.models.losses.weighted_mean import weighted_mean


def smoothness_loss(
    pred: Tensor, weight: Tensor | None = None, joint_weights: Tensor | None = None
) -> Tensor:
    """Mean squared difference between neighbouring frames of the prediction.

    MixSTE's ``tc`` term, after Hossain & Little (ECCV 2018).

    Args:
        pred: Prediction of shape ``(B, T, K, 3)``.
        weight: 1 for joints that count, ``(B, T, K)``.
        joint_weights: Factor of each joint, ``(K,)``.
    """
    if pred.shape[1] < 2:
        return pred.sum() * 0
    squared = pred.diff(dim=1).square().mean(-1)
    if joint_weights is not None:
        squared = squared * joint_weights
    pair = None if weight is None else weight[:, 1:] * weight[:, :-1]
    return weighted_mean(squared, pair)


@MODELS.register_module()
class SmoothnessLoss(nn.Module):
    """See :func:`smoothness_loss`.

    Args:
        loss_weight: Factor of the loss; 0.5 in MixSTE's code.
        joint_weights: Use the joint weights of MixSTE's code.
    """

    joint_weights: Tensor | None

    def __init__(self, loss_weight: float = 0.5, joint_weights: bool = True) -> None:
        super().__init__()
        factors = torch.tensor(MIXSTE_JOINT_WEIGHTS) if joint_weights else None
        self.register_buffer('joint_weights', factors, persistent=False)
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, label: Tensor, weight: Tensor | None) -> Tensor:
        """The weighted loss, a scalar."""
        return self.loss_weight * smoothness_loss(pred, weight, self.joint_weights)
