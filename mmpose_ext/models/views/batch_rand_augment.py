"""RandAugment for batches on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.drawn_on_the_cpu import to_device
from mmpose_ext.geometry.rectangles import Rectangles
from mmpose_ext.models.views import photometric_tables as tables

BY_TABLE = (
    'AutoContrast',
    'Equalize',
    'Invert',
    'Posterize',
    'Solarize',
    'SolarizeAdd',
    'Brightness',
    'Contrast',
)
OPERATORS = (*BY_TABLE, 'Color', 'Sharpness', 'CutoutAbs')


@MODELS.register_module()
class BatchRandAugment(nn.Module):
    """Random photometric changes (Cubuk et al., CVPR 2020), all images in one call.

    The eleven operators of the released code, without those that move pixels; each
    gives what it gives with Pillow. An image passes ``num_ops`` of them in turn, drawn
    with replacement, at a fixed strength. Images are rounded to whole levels first.

    At strength 20 of 30: Posterize keeps 4 bits, Solarize inverts levels from 85 on,
    SolarizeAdd adds 73, Brightness, Color, Contrast and Sharpness blend with a factor
    of 0.4 or 1.6, CutoutAbs cuts out a square of 53 pixels.

    Args:
        num_ops: Operators an image passes.
        magnitude: Strength.
        max_magnitude: Greatest strength.
        operators: Names of those to draw from, of :data:`OPERATORS`.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: float = 20,
        max_magnitude: float = 30,
        operators: Sequence[str] = OPERATORS,
    ) -> None:
        super().__init__()
        if num_ops < 1:
            raise ValueError(f'num_ops={num_ops}: expected 1 or more')
        if not 0 <= magnitude <= max_magnitude or not max_magnitude > 0:
            raise ValueError(
                f'magnitude={magnitude}: expected 0 to max_magnitude={max_magnitude}'
            )
        unknown = [name for name in operators if name not in OPERATORS]
        if unknown or not operators:
            raise ValueError(
                f'operators={list(operators)}: expected some of {list(OPERATORS)}'
            )
        self.num_ops, self.operators = num_ops, tuple(operators)
        self.magnitude, self.max_magnitude = magnitude, max_magnitude

    def forward(
        self,
        images: Tensor,
        joints: Tensor,
        scores: Tensor,
        *,
        generator: torch.Generator,
        fill: Tensor,
    ) -> Tensor:
        """Change the images.

        Args:
            images: ``(B, 3, H, W)``, red, green, blue, 0 to 255.
            joints: Not used.
            scores: Not used.
            generator: On the CPU.
            fill: Colour ``(3,)`` of what CutoutAbs cuts out.

        Returns:
            New images ``(B, 3, H, W)``, whole levels.
        """
        number, device = len(images), images.device
        shape = (self.num_ops, number)
        known = torch.tensor([OPERATORS.index(name) for name in self.operators])
        chosen = known[torch.randint(len(known), shape, generator=generator)]
        signs = 2.0 * torch.randint(2, shape, generator=generator) - 1
        places = torch.rand(*shape, 2, generator=generator)
        chosen, signs, places = (
            to_device(drawn, device) for drawn in (chosen, signs, places)
        )
        levels = images.float().round().clamp_(0, tables.HIGHEST)
        for operator, sign, place in zip(chosen, signs, places, strict=True):
            levels = self.apply_operators(levels, operator, sign, place, fill)
        return levels

    def apply_operators(
        self,
        levels: Tensor,
        operator: Tensor,
        sign: Tensor,
        place: Tensor,
        fill: Tensor,
    ) -> Tensor:
        """Apply one operator to each image.

        Args:
            levels: ``(B, 3, H, W)``, whole levels.
            operator: Number of the operator in :data:`OPERATORS`, ``(B,)``.
            sign: 1 for a blend factor above 1, -1 for one below, ``(B,)``.
            place: Centre of CutoutAbs, ``(B, 2)``, parts of width and height.
            fill: Its colour ``(3,)``.
        """
        change = self._value(0.9)
        # Not `1 + sign * change`: rounded so, a level on an edge would fall below it.
        factor = torch.where(sign > 0, 1 + change, 1 - change)
        grey = tables.luminance(levels)
        index = levels.flatten(2).long()
        table = self._tables(index, grey, operator, factor)
        changed = table.gather(2, index).view_as(levels)
        other = torch.where(self._is(operator, 'Color'), grey, changed)
        other = torch.where(self._is(operator, 'Sharpness'), smooth(levels), other)
        changed = tables.blend(other, changed, factor[:, None, None, None])
        cut = self._square(levels, place) & self._is(operator, 'CutoutAbs')
        return torch.where(cut, fill.to(levels.dtype).view(3, 1, 1), changed)

    def _value(self, greatest: float) -> float:
        return greatest * self.magnitude / self.max_magnitude

    def _is(self, operator: Tensor, name: str) -> Tensor:
        return (operator == OPERATORS.index(name))[:, None, None, None]

    def _tables(
        self, levels: Tensor, grey: Tensor, operator: Tensor, factor: Tensor
    ) -> Tensor:
        """The table of each image's operator ``(B, 3, 256)``."""
        counts = tables.histograms(levels)
        ramp = tables.identity_table(levels.device)
        by_name = dict(
            AutoContrast=tables.auto_contrast_table(counts),
            Equalize=tables.equalize_table(counts),
            Invert=tables.invert(ramp),
            Posterize=tables.posterize(ramp, 6 - int(self._value(4))),
            Solarize=tables.solarize(ramp, int(256 - self._value(256))),
            SolarizeAdd=tables.solarize_add(ramp, int(self._value(110))),
            Brightness=tables.blend(0 * ramp, ramp, factor[:, None, None]),
            Contrast=tables.contrast_table(grey, factor),
        )
        known = [by_name[name].expand(counts.shape) for name in BY_TABLE]
        stack = torch.stack([*known, ramp.expand(counts.shape)])
        images = torch.arange(len(levels), device=levels.device)
        return stack[operator.clamp(max=len(BY_TABLE)), images]

    def _square(self, levels: Tensor, place: Tensor) -> Tensor:
        height, width = levels.shape[-2:]
        centre = torch.stack([place[:, 0] * width, place[:, 1] * height], -1) - 0.5
        half = torch.full_like(centre, int(self._value(80)) / 2)
        there = torch.ones_like(centre[:, :1], dtype=torch.bool)
        return Rectangles(centre[:, None], half[:, None], there).union((width, height))

    def extra_repr(self) -> str:
        """Options."""
        return (
            f'num_ops={self.num_ops}, magnitude={self.magnitude}, '
            f'max_magnitude={self.max_magnitude}, operators={self.operators}'
        )


def smooth(levels: Tensor) -> Tensor:
    """Pillow's ``SMOOTH``: the centre of 3 x 3 counts five times; borders stay.

    Args:
        levels: ``(B, 3, H, W)``, at least 3 x 3.
    """
    across = levels[..., :-2] + levels[..., 1:-1] + levels[..., 2:]
    total = across[..., :-2, :] + across[..., 1:-1, :] + across[..., 2:, :]
    total.add_(levels[..., 1:-1, 1:-1], alpha=4)
    result = levels.clone()
    result[..., 1:-1, 1:-1] = total.div_(13).add_(0.5).floor_()
    return result
