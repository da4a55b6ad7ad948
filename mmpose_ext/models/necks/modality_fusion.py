"""What all fusions of modality features share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import torch
from mmengine.model import BaseModule
from torch import Tensor


class ModalityFusion(BaseModule):
    """From one feature a modality to one feature a sample.

    The papers put zeros in the place of a modality that is absent (``fill=None``); with
    ``fill`` another feature, such as the modality's mean, stands in for it.

    Args:
        in_channels: Width of each modality's feature, in the order of the modalities.

    Attributes:
        modalities: Their names.
        out_channels: Width C of the fused feature.
        additive: Whether each modality enters through a term of its own in a sum, which
            is what methods that compare these terms (OGM-GE) need.

    Raises:
        ValueError: If there is no modality.
    """

    additive = True
    out_channels: int

    def __init__(
        self,
        in_channels: Mapping[str, int],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not in_channels:
            raise ValueError('a fusion needs at least one modality, got none')
        self.in_channels = dict(in_channels)
        self.modalities = tuple(in_channels)

    @abstractmethod
    def forward(
        self,
        features: Mapping[str, Tensor],
        present: Tensor | None = None,
        fill: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Fuse features.

        Args:
            features: ``(..., d)`` of each modality.
            present: Which modalities take part ``(..., M)``, bool; leading dimensions
                broadcast against those of the features, so ``(S, 1, M)`` fuses S
                subsets of ``(B, d)`` at once. ``None`` means all.
            fill: What stands in for an absent modality, ``(d,)`` each; zeros if
                ``None``.

        Returns:
            ``(..., C)``.
        """


def keep_present(
    feature: Tensor, present: Tensor | None, fill: Tensor | None = None
) -> Tensor:
    """A modality's feature where it takes part, what stands in for it elsewhere.

    Args:
        feature: ``(..., d)``.
        present: ``(...)``, bool, or ``None`` for everywhere.
        fill: ``(d,)``; zeros if ``None``.

    Returns:
        ``(..., d)``, leading dimensions broadcast.
    """
    if present is None:
        return feature
    other = feature.new_zeros(()) if fill is None else fill.to(feature.dtype)
    return torch.where(present[..., None], feature, other)


def keep_present_all(
    features: Mapping[str, Tensor],
    present: Tensor | None,
    fill: Mapping[str, Tensor] | None,
) -> list[Tensor]:
    """:func:`keep_present` for each modality, in their order."""
    return [
        keep_present(
            feature,
            None if present is None else present[..., number],
            None if fill is None else fill[name],
        )
        for number, (name, feature) in enumerate(features.items())
    ]
