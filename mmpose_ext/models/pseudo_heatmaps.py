"""What a teacher's heatmaps on the easy view say about the hard view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmpose_ext.codecs.heatmap_plane import HeatmapPlane, swap_sides
from mmpose_ext.codecs.heatmaps import maxima
from mmpose_ext.geometry.similarity import (
    Resampling,
    inside,
    transform_points,
)

Form = Literal['warped', 'rendered', 'gaussian']


class PseudoHeatmaps(nn.Module):
    """Targets for the hard view, and how much each pixel of them counts.

    ``T_e->h`` of the paper (Eq. 4): the map between the views, exact in the pixels of
    the heatmaps. (The released code turns heatmaps about a centre that is a fraction
    of a pixel off that of the image.)

    Forms of the target:

    - ``'warped'``: the heatmaps themselves, resampled (the paper);
    - ``'rendered'``: a Gaussian of the codec's width at each maximum, as high as the
      maximum: neither width nor height suffer from zoom and resampling;
    - ``'gaussian'``: the same with height 1, as DataDistill makes its labels.

    Args:
        plane: The plane of the heatmaps.
        flip_indices: The joint that each joint becomes in a mirror.
        form: See above.
        resampling: ``'bilinear'`` or ``'bicubic'``.
        validity_mask: Leave out what the easy view does not see: pixels of the hard
            view that lie outside of the easy one. The paper says nothing of them; the
            released code teaches them as background (``False``).
        score_threshold: Use a joint only if its maximum is greater (the failed
            attempts A1 to A4 of Fig. 8); 0 or more and less than 1.
        pixel_weight: ``a`` and ``p``: give each pixel the weight ``1 + a H^p`` with H
            the target, clipped to [0, 1] (the failed attempt C; the paper does not name
            its functions); ``a`` at least -1 and ``p`` above 0.
        joints: Indices of the joints to learn; ``None`` means all.

    Raises:
        ValueError: If an option is out of range.
    """

    trusted: Tensor
    flip_indices: Tensor

    def __init__(
        self,
        plane: HeatmapPlane,
        flip_indices: Sequence[int],
        *,
        form: Form = 'warped',
        resampling: Resampling = 'bilinear',
        validity_mask: bool = True,
        score_threshold: float | None = None,
        pixel_weight: Sequence[float] | None = None,
        joints: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if form not in ('warped', 'rendered', 'gaussian'):
            raise ValueError(
                f"form must be 'warped', 'rendered' or 'gaussian', got {form!r}"
            )
        if resampling not in ('bilinear', 'bicubic'):
            raise ValueError(
                f"resampling must be 'bilinear' or 'bicubic', got {resampling!r}"
            )
        number = len(flip_indices)
        chosen = list(range(number)) if joints is None else list(joints)
        if not chosen or not all(0 <= joint < number for joint in chosen):
            raise ValueError(f'joints must be in 0 to {number - 1}, got {chosen}')
        if score_threshold is not None and not 0 <= score_threshold < 1:
            raise ValueError(
                f'score_threshold={score_threshold}: expected 0 or more and less than '
                '1, the height of a sure joint, or None'
            )
        if pixel_weight is not None:
            pixel_weight = check_pixel_weight(pixel_weight)
        self.plane, self.form, self.resampling = plane, form, resampling
        self.validity_mask = validity_mask
        self.score_threshold, self.pixel_weight = score_threshold, pixel_weight
        trusted = torch.zeros(number).index_fill_(0, torch.tensor(chosen), 1.0)
        self.register_buffer('trusted', trusted, persistent=False)
        self.register_buffer(
            'flip_indices', torch.as_tensor(flip_indices), persistent=False
        )

    def forward(
        self, heatmaps: Tensor, easy_to_hard: Tensor, trust: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Targets and weights.

        Args:
            heatmaps: The teacher's, on the easy view ``(B, K, h, w)``.
            easy_to_hard: ``(B, 2, 3)``, input pixels.
            trust: A weight for each joint ``(B, K)``, in the order of ``heatmaps``.

        Returns:
            Target ``(B, K, h, w)`` and a weight that broadcasts to it.
        """
        points, scores = maxima(heatmaps)
        if self.form == 'warped':
            target = self.plane.carry(
                heatmaps, easy_to_hard, self.flip_indices, self.resampling
            )
        else:
            target = self._render(points, scores, easy_to_hard)
        joint_weight = self.trusted.expand_as(scores)
        if self.score_threshold is not None:
            joint_weight = joint_weight * (scores > self.score_threshold)
        if trust is not None:
            joint_weight = joint_weight * trust
        joint_weight = swap_sides(joint_weight, easy_to_hard, self.flip_indices)
        return target, self._weigh(target, joint_weight, easy_to_hard)

    def joints_in(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Maxima of heatmaps in input pixels ``(B, K, 2)`` and their heights."""
        points, scores = maxima(heatmaps.detach())
        return self.plane.to_input(points), scores

    def _render(self, points: Tensor, scores: Tensor, easy_to_hard: Tensor) -> Tensor:
        points = transform_points(self.plane.map_from_input(easy_to_hard), points)
        heights = scores if self.form == 'rendered' else torch.ones_like(scores)
        rendered = self.plane.render(points, heights)
        return swap_sides(rendered, easy_to_hard, self.flip_indices)

    def _weigh(
        self, target: Tensor, joint_weight: Tensor, easy_to_hard: Tensor
    ) -> Tensor:
        weight = joint_weight[..., None, None]
        if self.validity_mask:
            size = self.plane.heatmap_size
            weight = weight * inside(
                self.plane.map_from_input(easy_to_hard), size, size
            )
        if self.pixel_weight is not None:
            slope, power = self.pixel_weight
            height = target.detach().clamp(0, 1)
            weight = weight * (1 + slope * height**power)
        return weight


def check_pixel_weight(values: Sequence[float]) -> tuple[float, float]:
    """``a`` and ``p`` of :class:`PseudoHeatmaps`, if no weight gets negative by them.

    Raises:
        ValueError: If one does, or there are not two numbers.
    """
    pair = isinstance(values, Sequence) and len(values) == 2
    if not pair or not (values[0] >= -1 and values[1] > 0):
        raise ValueError(
            f'pixel_weight={values}: expected two numbers a, p for weights of 1 + a H^p'
            ', a at least -1 and p above 0, for example (4, 1)'
        )
    return values[0], values[1]
