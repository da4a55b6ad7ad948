"""Cutout for batches on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.rectangles import PatchSize, scattered_rectangles
from mmpose_ext.models.views.fill import Fill, check_fill, paint


@MODELS.register_module()
class BatchCutout(nn.Module):
    """Cut out rectangles anywhere in an image (DeVries and Taylor, arXiv 1708.04552).

    Args:
        num_patches: How many rectangles an image has.
        half_size: As in ``BatchJointCutout``, pixels.
        fill: A grey value, or ``'mean'`` for the mean colour.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        num_patches: int = 4,
        half_size: Sequence[int] = (10, 20),
        fill: Fill = 'mean',
    ) -> None:
        super().__init__()
        self.patch_size = PatchSize(*half_size)
        if num_patches < 1:
            raise ValueError(f'num_patches={num_patches}: expected 1 or more')
        self.num_patches = num_patches
        self.fill = check_fill(fill)

    def forward(
        self,
        images: Tensor,
        joints: Tensor,
        scores: Tensor,
        *,
        generator: torch.Generator,
        fill: Tensor,
    ) -> Tensor:
        """Cut out.

        Args:
            images: ``(B, 3, H, W)``, 0 to 255.
            joints: Not used.
            scores: Not used.
            generator: On the CPU.
            fill: The mean colour ``(3,)``.

        Returns:
            New images ``(B, 3, H, W)``.
        """
        rectangles = scattered_rectangles(
            images, self.num_patches, self.patch_size, generator
        )
        size = (images.shape[-1], images.shape[-2])
        return paint(images, rectangles.union(size), self.fill, fill)

    def extra_repr(self) -> str:
        """Options."""
        return f'num_patches={self.num_patches}, {self.patch_size}, fill={self.fill!r}'
