"""Fusion of modalities by a multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.models.necks.modality_fusion import ModalityFusion, keep_present_all


@MODELS.register_module()
class MLPFusion(ModalityFusion):
    """Concatenation, one hidden layer, ReLU.

    The papers name the fusion without its size; 512 channels are ours.

    Args:
        in_channels: See :class:`ModalityFusion`.
        hidden_channels: Width C of the hidden layer.
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        *,
        hidden_channels: int = 512,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg)
        self.out_channels = hidden_channels
        self.hidden = nn.Linear(sum(self.in_channels.values()), hidden_channels)

    def forward(
        self,
        features: Mapping[str, Tensor],
        present: Tensor | None = None,
        fill: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """See :class:`ModalityFusion`."""
        joined = torch.cat(keep_present_all(features, present, fill), dim=-1)
        return self.hidden(joined).relu()
