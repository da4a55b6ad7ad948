"""Gaussian heatmaps of batches of people, drawn and read on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def encode_heatmaps(
    keypoints: Tensor,
    weights: Tensor,
    *,
    input_size: tuple[int, int],
    heatmap_size: tuple[int, int],
    sigma: float,
    unbiased: bool = False,
    udp: bool = False,
) -> tuple[Tensor, Tensor]:
    """Draw the heatmaps that MMPose's codecs draw, for a batch at once.

    Equal to ``MSRAHeatmap.encode`` (either ``unbiased``) or, with ``udp``, to
    ``UDPHeatmap.encode`` with ``heatmap_type='gaussian'``, of each sample: where three
    sigma is not a whole number also in how they move the window of a Gaussian.

    Args:
        keypoints: ``(B, K, 2)``, input pixels. May be NaN where the weight is 0.
        weights: ``(B, K)``; a joint with less than 0.5 is not drawn.
        input_size: Width and height of the input, pixels.
        heatmap_size: Width and height of a heatmap.
        sigma: Of a Gaussian, heatmap pixels.
        unbiased: Centre Gaussians on the joints instead of the nearest pixels (DARK).
        udp: Use UDP's scale between planes; its Gaussians are centred on the joints.

    Returns:
        Heatmaps ``(B, K, h, w)``, float32, and the weights ``(B, K)``, 0 for joints
        that were to be drawn and leave no trace in the plane.

    Raises:
        ValueError: If both ``unbiased`` and ``udp`` are asked for.
    """
    if unbiased and udp:
        raise ValueError('unbiased=True is an option of MSRA heatmaps, not of udp=True')
    less = int(udp)
    axes = [
        _Axis(keypoints[..., i].float() / ((pixels - less) / (cells - less)), cells)
        for i, (pixels, cells) in enumerate(zip(input_size, heatmap_size, strict=True))
    ]
    asked = weights >= 0.5
    seen = axes[0].meets(3 * sigma, unbiased) & axes[1].meets(3 * sigma, unbiased)
    across, down = (axis.gaussian(sigma, unbiased, udp) for axis in axes)
    heatmaps = down[..., :, None] * across[..., None, :]
    drawn = (asked & seen)[..., None, None]
    return torch.where(drawn, heatmaps, 0.0), torch.where(asked & ~seen, 0.0, weights)


def maxima(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Places and heights of the greatest values.

    Args:
        heatmaps: ``(B, K, h, w)``.

    Returns:
        Points ``(B, K, 2)``, whole heatmap pixels, float32, and heights ``(B, K)``.
    """
    heights, index = heatmaps.flatten(-2).max(dim=-1)
    width = heatmaps.shape[-1]
    x, y = index % width, torch.div(index, width, rounding_mode='floor')
    return torch.stack([x, y], dim=-1).float(), heights


def render_like(
    points: Tensor, scores: Tensor, *, size: tuple[int, int], sigma: float
) -> Tensor:
    """Draw Gaussians of given heights, centred on points between pixels.

    Args:
        points: ``(B, K, 2)``, heatmap pixels.
        scores: Heights ``(B, K)``.
        size: Width and height of a heatmap.
        sigma: Heatmap pixels.

    Returns:
        ``(B, K, h, w)``, float32.
    """
    across, down = (_bell(points[..., i].float(), size[i], sigma) for i in (0, 1))
    return scores.float()[..., None, None] * down[..., :, None] * across[..., None, :]


class _Axis:
    """One coordinate of joints: a Gaussian is the product of one along each axis.

    Args:
        position: ``(B, K)``, heatmap pixels.
        cells: Length of the axis.
    """

    def __init__(self, position: Tensor, cells: int) -> None:
        self.position, self.cells = position, cells
        self.pixel = (position + 0.5).trunc()

    def meets(self, radius: float, unbiased: bool) -> Tensor:
        """Whether the window of the Gaussian has a part in the plane ``(B, K)``."""
        first, behind = self._window(radius, unbiased)
        return (first < self.cells) & (behind >= 0)

    def gaussian(self, sigma: float, unbiased: bool, udp: bool) -> Tensor:
        """The factor of this axis ``(B, K, cells)``."""
        if unbiased:
            return _bell(self.position, self.cells, sigma)
        radius = 3 * sigma
        first, behind = self._window(radius, unbiased)
        centre = first + (2 * radius + 1) // 2
        if udp:
            centre = centre + self.position - self.pixel
        cells = torch.arange(self.cells, device=centre.device)
        window = (cells >= first[..., None]) & (cells < behind[..., None])
        return torch.where(window, _bell(centre, self.cells, sigma), 0.0)

    def _window(self, radius: float, unbiased: bool) -> tuple[Tensor, Tensor]:
        if unbiased:
            return self.position - radius, self.position + radius + 1
        return (self.pixel - radius).trunc(), (self.pixel + radius + 1).trunc()


def _bell(centre: Tensor, cells: int, sigma: float) -> Tensor:
    """``exp(-(x - centre)^2 / (2 sigma^2))`` at each cell ``(..., cells)``."""
    distance = torch.arange(cells, device=centre.device) - centre[..., None]
    return torch.exp(distance.square() / (-2 * sigma**2))
