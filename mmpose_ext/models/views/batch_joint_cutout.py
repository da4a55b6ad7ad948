"""Joint Cutout for batches on the device."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from mmpose_ext.geometry.rectangles import JointPatches, NumJoints
from mmpose_ext.models.views.fill import Fill, check_fill, paint


@MODELS.register_module()
class BatchJointCutout(nn.Module):
    """Cut out rectangles about some of the joints that a network has found.

    Section 4.1 of the paper; number, sizes and jitter are those of the released code
    for inputs of 192 x 256. There 5 of 24 channels were drawn with replacement, 7 of
    them never trained, and rows below the 192nd were never cut out; here different
    joints of the skeleton are drawn, in the whole image.

    Args:
        num_joints: How many joints of an image, or the least and the greatest number.
        half_size: Half widths and half heights are drawn from the whole numbers from
            the first to the one before the second, pixels.
        jitter: Standard deviation of a rectangle's place about its joint, pixels.
        score_threshold: Only joints with a greater score are drawn, and fewer of them
            where they run short; ``None`` draws from all.
        replace: Draw with replacement.
        fill: A grey value, or ``'mean'`` for the mean colour.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        num_joints: NumJoints = 5,
        half_size: Sequence[int] = (10, 20),
        jitter: float = 10.0,
        score_threshold: float | None = None,
        replace: bool = False,
        fill: Fill = 'mean',
    ) -> None:
        super().__init__()
        self.patches = JointPatches(
            num_joints, half_size, jitter, score_threshold, replace
        )
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
            joints: ``(B, K, 2)``, pixels.
            scores: ``(B, K)``.
            generator: On the CPU.
            fill: The mean colour ``(3,)``.

        Returns:
            New images ``(B, 3, H, W)``.
        """
        rectangles = self.patches.draw(joints, scores, generator)
        size = (images.shape[-1], images.shape[-2])
        return paint(images, rectangles.union(size), self.fill, fill)

    def extra_repr(self) -> str:
        """Options."""
        return f'{self.patches}, fill={self.fill!r}'


def joint_cutout_of(model: nn.Module, num_joints: NumJoints) -> BatchJointCutout:
    """The Joint Cutout that a model learns with, at another number of joints.

    Args:
        model: Any; the default Joint Cutout stands in for one that has none.
        num_joints: See :class:`BatchJointCutout`.
    """
    own = (part for part in model.modules() if isinstance(part, BatchJointCutout))
    cutout = copy.deepcopy(next(own, BatchJointCutout()))
    cutout.patches = dataclasses.replace(cutout.patches, num_joints=num_joints)
    return cutout
