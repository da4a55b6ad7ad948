"""Mean distance between predicted and true joints."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.losses.weighted_mean import weighted_mean

MIXSTE_JOINT_WEIGHTS = (
    *(1.0, 1.0, 2.5, 2.5, 1.0, 2.5, 2.5, 1.0, 1.0),
    *(1.0, 1.5, 1.5, 4.0, 4.0, 1.5, 4.0, 4.0),
)


def joint_error_loss(
    pred: Tensor,
    label: Tensor,
    weight: Tensor | None = None,
    *,
    joint_weights: Tensor | None = None,
    scale_normalized: bool = False,
) -> Tensor:
    """Mean over frames and joints of the Euclidean error.

    Args:
        pred: Prediction of shape ``(B, T, K, 3)``.
        label: Label of the same shape.
        weight: 1 for joints that count, ``(B, T, K)``.
        joint_weights: Factor of each joint's error, ``(K,)``.
        scale_normalized: Scale the prediction of each frame by least squares first
            (N-MPJPE, MotionBERT's scale term).
    """
    if scale_normalized:
        known = pred if weight is None else pred * weight[..., None]
        inner = (known * label).sum((-2, -1), keepdim=True)
        norm = (known * pred).sum((-2, -1), keepdim=True)
        pred = pred * inner / norm.clamp(min=1e-8)
    error = torch.linalg.vector_norm(pred - label, dim=-1)
    if joint_weights is not None:
        error = error * joint_weights
    return weighted_mean(error, weight)


@MODELS.register_module()
class JointErrorLoss(nn.Module):
    """See :func:`joint_error_loss`.

    Args:
        loss_weight: Factor of the loss.
        joint_weights: ``'mixste'`` for the weights of MixSTE's code, a sequence of K
            factors, or ``None``.
        scale_normalized: See :func:`joint_error_loss`.

    Raises:
        ValueError: If ``joint_weights`` is another name.
    """

    joint_weights: Tensor | None

    def __init__(
        self,
        loss_weight: float = 1.0,
        joint_weights: str | Sequence[float] | None = None,
        *,
        scale_normalized: bool = False,
    ) -> None:
        super().__init__()
        if joint_weights == 'mixste':
            joint_weights = MIXSTE_JOINT_WEIGHTS
        if isinstance(joint_weights, str):
            raise ValueError(
                "joint_weights must be 'mixste', a sequence of one factor a joint, or "
                f'None, got {joint_weights!r}'
            )
        factors = None if joint_weights is None else torch.tensor(joint_weights)
        self.register_buffer('joint_weights', factors, persistent=False)
        self.loss_weight = loss_weight
        self.scale_normalized = scale_normalized

    def forward(self, pred: Tensor, label: Tensor, weight: Tensor | None) -> Tensor:
        """The weighted loss, a scalar."""
        return self.loss_weight * joint_error_loss(
            pred,
            label,
            weight,
            joint_weights=self.joint_weights,
            scale_normalized=self.scale_normalized,
        )
