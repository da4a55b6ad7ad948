"""Going part of the way back to the weights at a task's start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmpose_ext.engine.initial_weights import blend_with


@dataclass(frozen=True)
class Relearning:
    """When and how far encoders go back (Peng et al., Eq. 4 and Algorithm 1).

    Args:
        epoch: Of the task's training, at whose start it happens; from 1 on.
        alpha_superior: Share of the old weights in superior modalities.
        alpha_inferior: Share of the old weights in inferior modalities.

    Raises:
        ValueError: If a number is out of range.
    """

    epoch: int
    alpha_superior: float = 0.5
    alpha_inferior: float = 0.7

    def __post_init__(self) -> None:
        for name in ('alpha_superior', 'alpha_inferior'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f'relearning: {name}={getattr(self, name)} must lie in [0, 1]'
                )


def go_back(
    model: Any, start: Mapping[str, Tensor], alphas: Mapping[str, float]
) -> None:
    """Blend the encoders of each network with what they were.

    Args:
        model: With ``networks``, not wrapped.
        start: State dict of the model at the task's start.
        alphas: Share of the old weights by modality.
    """
    for name, module in model.named_modules():
        if module in model.networks:
            prefix = f'{name}.encoders.'.removeprefix('.')
            old = {
                weight.removeprefix(prefix): value
                for weight, value in start.items()
                if weight.startswith(prefix)
            }
            blend_with(module.encoders, old, alphas)
