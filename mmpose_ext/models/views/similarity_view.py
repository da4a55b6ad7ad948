"""Random similarities of the input plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.similarity import similarity

Distribution = Literal['uniform', 'clipped_normal']


@MODELS.register_module()
class SimilarityView(nn.Module):
    """Draw rotations, scales and flips of views.

    - ``'uniform'`` (the paper): rotations within ``+-rotation`` degrees, scales within
      ``1 +- scale``. "Affine 30" is 30 and 0.25, "Affine 60" is 60 and 0.5.
    - ``'clipped_normal'`` (the released code): normal with these standard deviations,
      clipped at ``+-2 rotation`` and ``1 +- scale``, so that many draws lie on the
      limits. Its "Affine 30" thus reaches 60 degrees.

    Each draw takes as many random numbers, whatever the options.

    Args:
        rotation: Degrees.
        scale: Part of the size; above 1 a person gets smaller.
        rotation_prob: Probability that a view is turned at all. The released code has
            0.6 for easy and 0.8 for hard views.
        flip_prob: Probability that a view is mirrored.
        distribution: See above.
        size: Width and height of the plane, pixels.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        rotation: float = 30.0,
        scale: float = 0.25,
        rotation_prob: float = 1.0,
        flip_prob: float = 0.0,
        distribution: Distribution = 'uniform',
        *,
        size: Sequence[int],
    ) -> None:
        super().__init__()
        if not 0 <= rotation <= 180:
            raise ValueError(f'rotation={rotation}: expected 0 to 180 degrees')
        if not 0 <= scale < 1:
            raise ValueError(f'scale={scale}: expected 0 or more and less than 1')
        for name, prob in (('rotation', rotation_prob), ('flip', flip_prob)):
            if not 0 <= prob <= 1:
                raise ValueError(f'{name}_prob={prob}: expected a number in [0, 1]')
        if distribution not in get_args(Distribution):
            raise ValueError(
                f'distribution={distribution!r}: expected one of '
                f'{get_args(Distribution)}'
            )
        self.rotation, self.scale = rotation, scale
        self.rotation_prob, self.flip_prob = rotation_prob, flip_prob
        self.distribution = distribution
        self.size = (int(size[0]), int(size[1]))

    @property
    def reach(self) -> float:
        """Greatest factor by which a view shows more than the plane."""
        return 1 + self.scale

    def draw(self, number: int, generator: torch.Generator) -> Tensor:
        """Draw views.

        Args:
            number: How many.
            generator: On the CPU.

        Returns:
            Maps ``(number, 2, 3)`` of the input plane to the views, pixels, on the CPU.
        """
        turn, zoom = self._spread(number, generator)
        turned, flipped = torch.rand(2, number, generator=generator)
        rotation = turn * math.radians(self.rotation) * (turned < self.rotation_prob)
        return similarity(
            rotation, 1 + self.scale * zoom, flipped < self.flip_prob, size=self.size
        )

    def _spread(self, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Rotations and zooms in units of their options."""
        if self.distribution == 'uniform':
            turn, zoom = 2 * torch.rand(2, number, generator=generator) - 1
            return turn, zoom
        turn, zoom = torch.randn(2, number, generator=generator)
        return turn.clamp(-2, 2), zoom.clamp(-1, 1)

    def extra_repr(self) -> str:
        """Options."""
        return (
            f'rotation={self.rotation}, scale={self.scale}, '
            f'rotation_prob={self.rotation_prob}, flip_prob={self.flip_prob}, '
            f'distribution={self.distribution!r}, size={self.size}'
        )
