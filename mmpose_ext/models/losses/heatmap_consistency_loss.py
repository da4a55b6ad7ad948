"""Squared difference between heatmaps."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn


def heatmap_consistency_loss(
    pred: Tensor, target: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Mean squared difference over samples, joints and pixels.

    What has weight 0 adds nothing and still counts in the mean, as in MMPose's
    ``KeypointMSELoss``: a batch with fewer trusted joints teaches less, not louder.
    Computed in float32 also under autocast.

    Args:
        pred: Heatmaps ``(B, K, h, w)``.
        target: The same shape.
        weight: Anything that broadcasts to that shape.
    """
    squared = (pred.float() - target.float()).square()
    return squared.mean() if weight is None else (squared * weight).mean()


@MODELS.register_module()
class HeatmapConsistencyLoss(nn.Module):
    """See :func:`heatmap_consistency_loss`; Eq. 4 and 7 of the paper.

    Args:
        loss_weight: Factor of the loss, the paper's lambda.

    Raises:
        ValueError: If it is negative.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        if not loss_weight >= 0:
            raise ValueError(f'loss_weight={loss_weight}: expected 0 or more')
        self.loss_weight = loss_weight

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """The weighted loss, a scalar."""
        return self.loss_weight * heatmap_consistency_loss(pred, target, weight)
