"""The regression head of multi-modal estimators."""

from __future__ import annotations

from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class AbsolutePoseHead(BaseModule):
    """One linear regression of all joints, in the camera's frame.

    With ``ConcatFusion`` this is the single linear layer that the papers' decomposition
    of a prediction into parts of modalities supposes (Peng et al., CVPR 2026): 3,072
    channels give 156,723 parameters.

    Args:
        in_channels: Width C of the fused feature.
        num_joints: Joints K.
        loss: Config of the loss between poses ``(B, K, 3)``.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_joints: int = 17,
        loss: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.num_joints = num_joints
        self.regression = nn.Linear(in_channels, 3 * num_joints)
        self.loss_module = MODELS.build(loss or dict(type='JointErrorLoss'))

    def forward(self, feature: Tensor) -> Tensor:
        """Map features ``(..., C)`` to poses ``(..., K, 3)``, metres."""
        return self.as_pose(self.regression(feature))

    def as_pose(self, coordinates: Tensor) -> Tensor:
        """Coordinates ``(..., 3 K)`` as a pose ``(..., K, 3)``."""
        return coordinates.unflatten(-1, (self.num_joints, 3))

    def loss(self, pred: Tensor, target: Tensor) -> Tensor:
        """The loss of poses ``(B, K, 3)``, a scalar, metres with the default loss."""
        return self.loss_module(pred.float(), target, None)
