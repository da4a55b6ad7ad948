"""CutMix for batches on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.drawn_on_the_cpu import to_device
from mmpose_ext.geometry.rectangles import PatchSize, scattered_rectangles
from mmpose_ext.models.views.partners import draw_partners


@MODELS.register_module()
class BatchCutMix(nn.Module):
    """Fill rectangles with what another image of the batch has in the same place.

    Images alone: unlike in CutMix for classification (Yun et al., arXiv 1905.04899),
    targets stay those of the image that is covered, as in MultiAugs.

    Args:
        num_patches: How many rectangles an image has.
        half_size: As in ``BatchJointCutout``, pixels.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self, num_patches: int = 2, half_size: Sequence[int] = (10, 20)
    ) -> None:
        super().__init__()
        self.patch_size = PatchSize(*half_size)
        if num_patches < 1:
            raise ValueError(f'num_patches={num_patches}: expected 1 or more')
        self.num_patches = num_patches

    def forward(
        self,
        images: Tensor,
        joints: Tensor,
        scores: Tensor,
        *,
        generator: torch.Generator,
        fill: Tensor,
    ) -> Tensor:
        """Mix.

        Args:
            images: ``(B, 3, H, W)``.
            joints: Not used.
            scores: Not used.
            generator: On the CPU.
            fill: Not used.

        Returns:
            New images ``(B, 3, H, W)``.
        """
        rectangles = scattered_rectangles(
            images, self.num_patches, self.patch_size, generator
        )
        partners = draw_partners(len(images), generator)
        others = images[to_device(partners, images.device)]
        size = (images.shape[-1], images.shape[-2])
        return torch.where(rectangles.union(size), others, images)

    def extra_repr(self) -> str:
        """Options."""
        return f'num_patches={self.num_patches}, {self.patch_size}'
