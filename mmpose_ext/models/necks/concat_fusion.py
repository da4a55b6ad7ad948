"""Fusion of modalities by concatenation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmpose.registry import MODELS
from torch import Tensor
from torch.nn.functional import linear

from mmpose_ext.models.necks.modality_fusion import ModalityFusion, keep_present_all


@MODELS.register_module()
class ConcatFusion(ModalityFusion):
    """Features side by side.

    With a linear head the prediction is a sum of one part a modality and a bias, which
    is the decomposition that the papers study (Peng et al., CVPR 2026). All subsets of
    modalities then cost M small products: see :meth:`parts`.

    Args:
        in_channels: See :class:`ModalityFusion`.
    """

    def __init__(
        self,
        in_channels: Mapping[str, int],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, init_cfg)
        self.out_channels = sum(self.in_channels.values())

    def forward(
        self,
        features: Mapping[str, Tensor],
        present: Tensor | None = None,
        fill: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """See :class:`ModalityFusion`."""
        return torch.cat(keep_present_all(features, present, fill), dim=-1)

    def parts(self, features: Mapping[str, Tensor], weight: Tensor) -> Tensor:
        """What each modality adds to a linear map of the fused feature.

        Args:
            features: ``(..., d)`` of each modality.
            weight: Of the linear map ``(D, C)``.

        Returns:
            ``(M, ..., D)``; their sum is the map of all modalities without its bias.
        """
        blocks = weight.split(list(self.in_channels.values()), dim=1)
        return torch.stack(
            [
                linear(feature, block)
                for feature, block in zip(features.values(), blocks, strict=True)
            ]
        )
