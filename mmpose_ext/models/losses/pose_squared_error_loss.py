"""Mean squared error of joint coordinates."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.losses.weighted_mean import weighted_mean


def pose_squared_error_loss(
    pred: Tensor, label: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Mean over frames, joints and coordinates of the squared error (PoSynDA, Eq. 9).

    Args:
        pred: Prediction of shape ``(B, T, K, 3)``.
        label: Label of the same shape.
        weight: 1 for joints that count, ``(B, T, K)``.
    """
    return weighted_mean((pred - label).square().mean(-1), weight)


@MODELS.register_module()
class PoseSquaredErrorLoss(nn.Module):
    """See :func:`pose_squared_error_loss`.

    Args:
        loss_weight: Factor of the loss.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, pred: Tensor, label: Tensor, weight: Tensor | None) -> Tensor:
        """The weighted loss, a scalar."""
        return self.loss_weight * pose_squared_error_loss(pred, label, weight)
