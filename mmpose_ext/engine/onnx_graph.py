"""Networks as functions of tensors, the form in which ONNX holds them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

BATCH, HYPOTHESES = 'batch', 'hypotheses'
"""Dimensions that whoever runs a file chooses."""

_EXAMPLE_SIZES = {BATCH: 2, HYPOTHESES: 3}

Shape = tuple[int | str, ...]


class OnnxGraph(nn.Module):
    """A network with inputs and outputs that are tensors and nothing else.

    Inputs and outputs are float32 (masks bool, time steps int64), whatever the
    precision of the weights.

    Args:
        model: The network; it is put into evaluation mode.

    Attributes:
        inputs: Shapes of the inputs by name, in order; names in them are dimensions
            that whoever runs the file chooses.
        outputs: Names of the outputs.
    """

    inputs: dict[str, Shape]
    outputs: tuple[str, ...]

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model.eval()

    @property
    def free_dimensions(self) -> tuple[str, ...]:
        """Dimensions that whoever runs the file chooses."""
        sizes = [size for shape in self.inputs.values() for size in shape]
        return tuple(dict.fromkeys(size for size in sizes if isinstance(size, str)))

    @property
    def precision(self) -> torch.dtype:
        """What the network computes in."""
        return next(self.model.parameters()).dtype

    def example(self, *, seed: int = 0, **sizes: int) -> tuple[Tensor, ...]:
        """Inputs to trace the network with, or to compare outputs on.

        Args:
            seed: Of the draw.
            sizes: Of the free dimensions; small and all different if left out.
        """
        generator = torch.Generator().manual_seed(seed)
        known = _EXAMPLE_SIZES | sizes
        return tuple(
            self.draw(
                name,
                tuple(known[size] if isinstance(size, str) else size for size in shape),
                generator,
            )
            for name, shape in self.inputs.items()
        )

    def draw(
        self, name: str, shape: tuple[int, ...], generator: torch.Generator
    ) -> Tensor:
        """Numbers that an input may hold: here, uniform between -1 and 1."""
        return torch.rand(shape, generator=generator) * 2 - 1

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a program must know to use the file, in types that JSON has."""

    def to_half(self) -> None:
        """Compute in float16, where it is fine enough."""
        self.model.half()
