"""Weights as they were before the first step, which checkpoints carry along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class InitialWeights:
    """Copies of a module's parameters, without buffers, in main memory.

    Args:
        key: Entry of checkpoints that holds them.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.weights: dict[str, Tensor] = {}
        self._loaded: dict[str, Tensor] = {}

    def start(self, module: nn.Module, *, resumed: bool) -> None:
        """Take the weights as they are, or those of the run that is resumed.

        Raises:
            ValueError: If the run is resumed from a checkpoint without them.
        """
        if not resumed:
            self.weights = {
                name: parameter.detach().cpu().clone()
                for name, parameter in module.named_parameters()
            }
        elif self._loaded:
            self.weights = self._loaded
        else:
            raise ValueError(
                f'the checkpoint has no {self.key!r}, the weights that the run began '
                'with: it comes from a run without this hook. Start a new run, or '
                'leave the hook out'
            )
        self._loaded = {}

    def forget(self) -> None:
        """Nobody needs them any more."""
        self.weights = {}

    def save(self, checkpoint: dict[str, Any]) -> None:
        """Put them into a checkpoint."""
        if self.weights:
            checkpoint[self.key] = self.weights

    def load(self, checkpoint: dict[str, Any]) -> None:
        """Keep those of a checkpoint until it is known whether the run is resumed."""
        found = checkpoint.get(self.key) or {}
        self._loaded = {name: value.cpu() for name, value in found.items()}


@torch.no_grad()
def blend_with(
    encoders: nn.Module, initial: Mapping[str, Tensor], alphas: Mapping[str, float]
) -> None:
    """Move parameters towards initial ones, in place.

    Args:
        encoders: With one child a modality.
        initial: Initial weights by name.
        alphas: Share of the initial weights, by modality.
    """
    for name, parameter in encoders.named_parameters():
        alpha = alphas[name.partition('.')[0]]
        parameter.lerp_(initial[name].to(parameter), alpha)
