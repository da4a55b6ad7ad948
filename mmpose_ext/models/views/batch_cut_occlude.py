"""Cut-Occlude for batches on the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.drawn_on_the_cpu import to_device
from mmpose_ext.geometry.rectangles import JointPatches, NumJoints, Rectangles, pick
from mmpose_ext.models.views.partners import draw_partners


@MODELS.register_module()
class BatchCutOcclude(nn.Module):
    """Cover joints with the surroundings of joints of another person.

    From SSPCM (Huang et al., CVPR 2023); ours draws any joint of another image of the
    batch and puts the pixels about it over a joint of the image. (The released code
    takes x for rows and y for columns, and so mostly misses both.)

    Args:
        num_joints: How many joints of an image, or the least and the greatest number.
        half_size: As in ``BatchJointCutout``, pixels.
        jitter: Standard deviation of a patch's place about the covered joint, pixels.
        score_threshold: Only joints with a greater score are taken and covered;
            ``None`` draws from all.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        num_joints: NumJoints = 2,
        half_size: Sequence[int] = (10, 20),
        jitter: float = 10.0,
        score_threshold: float | None = None,
    ) -> None:
        super().__init__()
        self.patches = JointPatches(num_joints, half_size, jitter, score_threshold)

    def forward(
        self,
        images: Tensor,
        joints: Tensor,
        scores: Tensor,
        *,
        generator: torch.Generator,
        fill: Tensor,
    ) -> Tensor:
        """Cover.

        Args:
            images: ``(B, 3, H, W)``.
            joints: ``(B, K, 2)``, pixels.
            scores: ``(B, K)``.
            generator: On the CPU.
            fill: Not used.

        Returns:
            New images ``(B, 3, H, W)``.
        """
        covered = self.patches.draw(joints, scores, generator)
        partners = to_device(draw_partners(len(images), generator), images.device)
        number = covered.exist.shape[1]
        index, exist = self.patches.choose(scores[partners], number, generator)
        covered = Rectangles(covered.centres, covered.half_sizes, covered.exist & exist)
        taken = pick(joints[partners], index)
        return paste(images, images[partners], covered, taken)

    def extra_repr(self) -> str:
        """Options."""
        return str(self.patches)


def paste(
    images: Tensor, others: Tensor, rectangles: Rectangles, taken: Tensor
) -> Tensor:
    """Fill rectangles with what other images have about other points.

    Where rectangles overlap, the last one lies on top. What would come from outside of
    the other image is not pasted.

    Args:
        images: ``(B, 3, H, W)``.
        others: ``(B, 3, H, W)``.
        rectangles: Where to paste, P an image.
        taken: Centres of what is pasted ``(B, P, 2)``, pixels of ``others``.
    """
    height, width = images.shape[-2:]
    offset = (taken - rectangles.centres).round().long()[..., None, None]
    columns, rows = (torch.arange(n, device=images.device) for n in (width, height))
    x, y = columns + offset[:, :, 0], rows[:, None] + offset[:, :, 1]
    there = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    order = torch.arange(1, taken.shape[1] + 1, device=images.device)
    pasted = rectangles.masks((width, height)) & there
    top, patch = (pasted * order[:, None, None]).max(dim=1, keepdim=True)
    source = (y * width + x).gather(1, patch).flatten(1).clamp(0, height * width - 1)
    source = source[:, None].expand(-1, images.shape[1], -1)
    moved = others.flatten(2).gather(2, source).view_as(images)
    return torch.where(top > 0, moved, images)
