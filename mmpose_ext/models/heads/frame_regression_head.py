"""The regression head of lifters with one feature a frame."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.heads.lifting_head import LiftingHead


@MODELS.register_module()
class FrameRegressionHead(LiftingHead):
    """One linear regression of the whole pose of a frame, as in VideoPose3D.

    Args:
        in_channels: Channels C of the features.
        num_joints: Joints K.
        losses: See :class:`LiftingHead`.
        decoder: See :class:`LiftingHead`.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        losses: dict[str, dict],
        num_joints: int = 17,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(losses, decoder, init_cfg)
        self.regression = nn.Linear(in_channels, 3 * num_joints)

    def forward(self, feats: Tensor) -> Tensor:
        """Map features of shape ``(B, T, C)`` to poses ``(B, T, K, 3)``."""
        return self.regression(feats).unflatten(-1, (-1, 3))
