"""Mean error of the joints' velocities."""

from __future__ import annotations

from typing import Literal

from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.losses.decoupled_pose_loss import decoupled_pose_loss
from mmpose_ext.models.losses.joint_error_loss import joint_error_loss

Form = Literal['joint', 'decoupled']


def velocity_loss(
    pred: Tensor, label: Tensor, weight: Tensor | None = None, form: Form = 'joint'
) -> Tensor:
    """Mean error of the difference between neighbouring frames.

    The term of MotionBERT and its descendants, which PrML calls the temporal
    consistency loss. A clip of one frame gives 0.

    Args:
        pred: Prediction of shape ``(B, T, K, 3)``.
        label: Label of the same shape.
        weight: 1 for joints that count, ``(B, T, K)``; a difference counts where both
            frames do.
        form: ``'joint'``: norm of the 3-vector; ``'decoupled'``: norm of the 2D part
            plus absolute depth.
    """
    if pred.shape[1] < 2:
        return pred.sum() * 0
    pred, label = pred.diff(dim=1), label.diff(dim=1)
    if weight is not None:
        weight = weight[:, 1:] * weight[:, :-1]
    if form == 'decoupled':
        return decoupled_pose_loss(pred, label, weight)
    return joint_error_loss(pred, label, weight)


@MODELS.register_module()
class VelocityLoss(nn.Module):
    """See :func:`velocity_loss`.

    Args:
        loss_weight: Factor of the loss; 20 in MotionBERT's recipe.
        form: ``'joint'`` or ``'decoupled'``.

    Raises:
        ValueError: If the form is unknown.
    """

    def __init__(self, loss_weight: float = 20.0, form: Form = 'joint') -> None:
        super().__init__()
        if form not in ('joint', 'decoupled'):
            raise ValueError(f"form must be 'joint' or 'decoupled', got {form!r}")
        self.loss_weight, self.form = loss_weight, form

    def forward(self, pred: Tensor, label: Tensor, weight: Tensor | None) -> Tensor:
        """The weighted loss, a scalar."""
        return self.loss_weight * velocity_loss(pred, label, weight, self.form)
