"""The plane of a network's heatmaps and how it lies over the input image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmpose_ext.codecs.heatmaps import encode_heatmaps, render_like
from mmpose_ext.geometry.similarity import Resampling, plane_to_plane, warp


@dataclass(frozen=True)
class HeatmapPlane:
    """Size of heatmaps and input, and the form of a joint in a heatmap.

    Args:
        input_size: Width and height of the network's input, pixels.
        heatmap_size: Width and height of a heatmap, heatmap pixels.
        sigma: Of the Gaussian at a joint, heatmap pixels.
        unbiased: Centre the Gaussian on the joint itself (DARK), not on the nearest
            pixel.
        udp: Outermost pixel centres of both planes coincide (UDP); otherwise a heatmap
            pixel is a fixed number of input pixels (MSRA).
    """

    input_size: tuple[int, int]
    heatmap_size: tuple[int, int]
    sigma: float
    unbiased: bool = False
    udp: bool = False

    @classmethod
    def of(cls, codec: Any) -> HeatmapPlane:
        """The plane of MMPose's ``MSRAHeatmap`` or ``UDPHeatmap``.

        Raises:
            ValueError: If the codec is of another kind, or draws no Gaussians.
        """
        kind = type(codec).__name__
        udp = kind == 'UDPHeatmap'
        gaussian = getattr(codec, 'heatmap_type', 'gaussian') == 'gaussian'
        if kind not in ('MSRAHeatmap', 'UDPHeatmap') or not gaussian:
            raise ValueError(
                f'learning from unlabelled images needs heads with MSRAHeatmap or '
                f"UDPHeatmap (heatmap_type='gaussian') as decoder, got {kind}"
            )
        return cls(
            input_size=_size(codec.input_size),
            heatmap_size=_size(codec.heatmap_size),
            sigma=codec.sigma,
            unbiased=getattr(codec, 'unbiased', False),
            udp=udp,
        )

    def encode(self, keypoints: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmaps of labelled joints.

        Args:
            keypoints: ``(B, K, 2)``, input pixels.
            weights: ``(B, K)``, 0 where a joint has no label.

        Returns:
            ``(B, K, h, w)`` and the weights ``(B, K)``, 0 for joints outside.
        """
        return encode_heatmaps(
            keypoints,
            weights,
            input_size=self.input_size,
            heatmap_size=self.heatmap_size,
            sigma=self.sigma,
            unbiased=self.unbiased,
            udp=self.udp,
        )

    def render(self, points: Tensor, scores: Tensor) -> Tensor:
        """Gaussians ``(B, K, h, w)`` of given heights at points in heatmap pixels."""
        return render_like(points, scores, size=self.heatmap_size, sigma=self.sigma)

    def map_from_input(self, map_: Tensor) -> Tensor:
        """The same map ``(B, 2, 3)`` in heatmap pixels instead of input pixels."""
        return plane_to_plane(map_, self.input_size, self.heatmap_size, udp=self.udp)

    def carry(
        self, heatmaps: Tensor, map_: Tensor, flip_indices: Tensor, mode: Resampling
    ) -> Tensor:
        """Heatmaps of one view, seen in another.

        Args:
            heatmaps: ``(B, K, h, w)``.
            map_: ``(B, 2, 3)``, input pixels of the one view to those of the other.
            flip_indices: ``(K,)``, the joint that a joint becomes in a mirror.
            mode: Of the resampling, ``'bilinear'`` or ``'bicubic'``.
        """
        moved = warp(heatmaps, self.map_from_input(map_), self.heatmap_size, mode=mode)
        return swap_sides(moved, map_, flip_indices)

    def to_input(self, points: Tensor) -> Tensor:
        """Heatmap pixels ``(..., 2)`` to input pixels."""
        along_x, along_y = self._stride
        return torch.stack([points[..., 0] * along_x, points[..., 1] * along_y], dim=-1)

    @property
    def _stride(self) -> tuple[float, float]:
        """Input pixels of a heatmap pixel, along x and y."""
        less = int(self.udp)
        width, height = (
            (pixels - less) / (cells - less)
            for pixels, cells in zip(self.input_size, self.heatmap_size, strict=True)
        )
        return width, height


def swap_sides(values: Tensor, map_: Tensor, flip_indices: Tensor) -> Tensor:
    """Exchange left and right joints of the samples that a map mirrors.

    Args:
        values: ``(B, K, ...)``.
        map_: ``(B, 2, 3)``.
        flip_indices: ``(K,)``.
    """
    mirrored = map_[:, 0, 0] * map_[:, 1, 1] < map_[:, 0, 1] * map_[:, 1, 0]
    shape = (-1, *[1] * (values.ndim - 1))
    return torch.where(mirrored.view(shape), values[:, flip_indices], values)


def _size(size: Sequence[int]) -> tuple[int, int]:
    return int(size[0]), int(size[1])
