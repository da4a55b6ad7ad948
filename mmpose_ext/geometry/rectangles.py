"""Random rectangles about joints, for batches of images.

All random numbers are drawn on the CPU, and as many of them whatever the images show:
a batch is reproducible, and nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmpose_ext.geometry.drawn_on_the_cpu import to_device

NumJoints = int | Sequence[int]


@dataclass(frozen=True)
class Rectangles:
    """Some rectangles in each image of a batch.

    Args:
        centres: ``(B, P, 2)``, pixels.
        half_sizes: ``(B, P, 2)``, pixels along x and y.
        exist: ``(B, P)``, bool: false where an image has fewer than P.
    """

    centres: Tensor
    half_sizes: Tensor
    exist: Tensor

    def masks(self, size: tuple[int, int]) -> Tensor:
        """The pixels of each rectangle.

        A rectangle is ``2 * half_sizes`` pixels wide and high and holds those that it
        has in the image, if any.

        Args:
            size: Width and height of the images.

        Returns:
            ``(B, P, H, W)``, bool.
        """
        first, behind = self.centres - self.half_sizes, self.centres + self.half_sizes
        columns, rows = (torch.arange(n, device=first.device) for n in size)
        across = (columns >= first[..., :1]) & (columns < behind[..., :1])
        down = (rows >= first[..., 1:]) & (rows < behind[..., 1:])
        down = down & self.exist[..., None]
        return down[..., :, None] & across[..., None, :]

    def union(self, size: tuple[int, int]) -> Tensor:
        """The pixels of any rectangle of an image ``(B, 1, H, W)``, bool."""
        return self.masks(size).any(dim=1, keepdim=True)


@dataclass(frozen=True)
class PatchSize:
    """How large rectangles are.

    Args:
        low: Least half width or half height, pixels.
        high: First whole number that is too much.

    Raises:
        ValueError: If no size is left.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(
                f'half_size=({self.low}, {self.high}): expected (low, high) with 0 < '
                'low < high; half sizes are low to high - 1 pixels'
            )

    def draw(self, number: int, patches: int, generator: torch.Generator) -> Tensor:
        """Half widths and heights, each for itself ``(number, patches, 2)``."""
        shape = (number, patches, 2)
        return torch.randint(self.low, self.high, shape, generator=generator).float()


@dataclass(frozen=True)
class JointPatches:
    """Draw joints, each with a rectangle about it.

    Args:
        num_joints: How many in an image, or the least and the greatest number, drawn
            for each image.
        half_size: See :class:`PatchSize`.
        jitter: Standard deviation of a rectangle's centre about its joint, pixels
            along each axis.
        score_threshold: Draw only among joints with a greater score.
        replace: A joint can be drawn more than once. Otherwise each is drawn at most
            once, and rectangles are left out where joints run short.

    Raises:
        ValueError: If an option is out of range.
    """

    num_joints: NumJoints = 5
    half_size: Sequence[int] = (10, 20)
    jitter: float = 10.0
    score_threshold: float | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        low, high = self.number_range
        if not 0 <= low <= high or high < 1:
            raise ValueError(
                f'num_joints={self.num_joints}: expected a number from 1 on, or the '
                'least and the greatest number'
            )
        if not self.jitter >= 0:
            raise ValueError(f'jitter={self.jitter}: expected 0 or more pixels')
        PatchSize(*self.half_size)

    @property
    def number_range(self) -> tuple[int, int]:
        """Least and greatest number of joints in an image."""
        if isinstance(self.num_joints, int):
            return self.num_joints, self.num_joints
        low, high = self.num_joints
        return int(low), int(high)

    @property
    def patch_size(self) -> PatchSize:
        """Of the rectangles."""
        return PatchSize(*self.half_size)

    def draw(
        self, joints: Tensor, scores: Tensor, generator: torch.Generator
    ) -> Rectangles:
        """Draw.

        Args:
            joints: ``(B, K, 2)``, pixels.
            scores: ``(B, K)``.
            generator: On the CPU.
        """
        device, (number, count) = joints.device, joints.shape[:2]
        low, patches = self.number_range
        if not self.replace:
            patches = min(patches, count)
        wanted = torch.randint(
            min(low, patches), patches + 1, (number, 1), generator=generator
        )
        index, usable = self.choose(scores, patches, generator)
        jitter = torch.randn(number, patches, 2, generator=generator) * self.jitter
        half_sizes = self.patch_size.draw(number, patches, generator)
        asked = torch.arange(patches) < wanted
        return Rectangles(
            pick(joints, index) + to_device(jitter, device),
            to_device(half_sizes, device),
            usable & to_device(asked, device),
        )

    def choose(
        self, scores: Tensor, patches: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw joints alone.

        Args:
            scores: ``(B, K)``.
            patches: How many, P; at most K unless ``replace``.
            generator: On the CPU.

        Returns:
            Their indices ``(B, P)`` and whether there was one to draw ``(B, P)``.
        """
        number, count = scores.shape
        usable = torch.ones_like(scores, dtype=torch.bool)
        if self.score_threshold is not None:
            usable = scores > self.score_threshold
        rows = patches if self.replace else 1
        keys = torch.rand(number, rows, count, generator=generator)
        keys = torch.where(usable[:, None], to_device(keys, scores.device), -1.0)
        if self.replace:
            index = keys.argmax(dim=-1)
        else:
            index = keys[:, 0].topk(patches, dim=-1).indices
        return index, usable.gather(1, index)


def pick(joints: Tensor, index: Tensor) -> Tensor:
    """Joints ``(B, P, 2)`` of ``(B, K, 2)`` by index ``(B, P)``."""
    return joints.gather(1, index[..., None].expand(-1, -1, 2))


def scattered_rectangles(
    images: Tensor, number: int, patch_size: PatchSize, generator: torch.Generator
) -> Rectangles:
    """Rectangles with their centres anywhere in images.

    Args:
        images: ``(B, C, H, W)``, for their size and device.
        number: Rectangles an image, P.
        patch_size: Of the rectangles.
        generator: On the CPU.
    """
    device, count = images.device, len(images)
    height, width = images.shape[-2:]
    places = torch.rand(count, number, 2, generator=generator)
    centres = places * torch.tensor([width, height]) - 0.5
    half_sizes = patch_size.draw(count, number, generator)
    return Rectangles(
        to_device(centres, device),
        to_device(half_sizes, device),
        torch.ones(count, number, dtype=torch.bool, device=device),
    )
