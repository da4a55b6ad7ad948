"""PrML's pose loss: the 2D pose and the depth apart."""

from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.losses.weighted_mean import weighted_mean


def decoupled_pose_loss(
    pred: Tensor, label: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Mean norm of the 2D error plus mean absolute error of the depth (PrML, Eq. 8).

    Args:
        pred: Prediction of shape ``(B, T, K, 3)``.
        label: Label of the same shape.
        weight: 1 for joints that count, ``(B, T, K)``.
    """
    error = pred - label
    error_2d = torch.linalg.vector_norm(error[..., :2], dim=-1)
    return weighted_mean(error_2d + error[..., 2].abs(), weight)


@MODELS.register_module()
class DecoupledPoseLoss(nn.Module):
    """See :func:`decoupled_pose_loss`.

    Args:
        loss_weight: Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, label: Tensor, weight: Tensor | None) -> Tensor:
        """The weighted loss, a scalar."""
        return self.loss_weight * decoupled_pose_loss(pred, label, weight)
