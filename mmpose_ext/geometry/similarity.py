"""Similarities of image planes: as maps of points, and applied to images.

A map is a float tensor ``(..., 2, 3)`` that takes points ``(x, y)`` of one plane to
points of another. Pixels have the centre of the upper left one at ``(0, 0)``, x goes
right and y down, as in OpenCV and MMPose. Sizes are ``(width, height)``.

Products are summed by elements and not by matrix multiplication: under autocast or
TF32 that would round coordinates to whole pixels.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Resampling = Literal['bilinear', 'bicubic', 'nearest']
Size = tuple[int, int]


def similarity(rotation: Tensor, scale: Tensor, flip: Tensor, *, size: Size) -> Tensor:
    """Mirror, turn and zoom a plane about its centre.

    Args:
        rotation: ``(...,)``, radians; positive in the direction of MMPose's
            ``bbox_rotation`` with ``TopdownAffine`` (without ``use_udp``, which turns
            the other way): the content turns counter-clockwise on the screen.
        scale: ``(...,)``, above 1 shows more of the plane, so that its content gets
            smaller, as MMPose's ``bbox_scale`` does.
        flip: ``(...,)``, bool: mirror left and right, before the rotation.
        size: Of the plane.

    Returns:
        ``(..., 2, 3)``.
    """
    rotation, scale, flip = torch.broadcast_tensors(rotation, scale, flip)
    side = torch.where(flip, -1.0, 1.0)
    cos, sin = torch.cos(rotation) / scale, torch.sin(rotation) / scale
    along_x = torch.stack([cos * side, -sin * side], dim=-1)
    along_y = torch.stack([sin, cos], dim=-1)
    centre_x, centre_y = (size[0] - 1) / 2, (size[1] - 1) / 2
    shift = -(along_x * centre_x + along_y * centre_y)
    shift = torch.stack([shift[..., 0] + centre_x, shift[..., 1] + centre_y], dim=-1)
    return torch.stack([along_x, along_y, shift], dim=-1)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The map that is ``inner`` first and ``outer`` after it.

    Args:
        outer: ``(..., 2, 3)``.
        inner: ``(..., 2, 3)``.
    """
    product = (outer[..., :, :2, None] * inner[..., None, :, :]).sum(dim=-2)
    shift = product[..., 2] + outer[..., 2]
    return torch.cat([product[..., :2], shift[..., None]], dim=-1)


def invert(map_: Tensor) -> Tensor:
    """The way back; infinite where a map has none.

    Args:
        map_: ``(..., 2, 3)``.
    """
    (a, b, shift_x), (c, d, shift_y) = (row.unbind(-1) for row in map_.unbind(-2))
    determinant = a * d - b * c
    rows = [
        torch.stack([d, -b, b * shift_y - d * shift_x], dim=-1),
        torch.stack([-c, a, c * shift_x - a * shift_y], dim=-1),
    ]
    return torch.stack(rows, dim=-2) / determinant[..., None, None]


def transform_points(map_: Tensor, points: Tensor) -> Tensor:
    """Take points along.

    Args:
        map_: ``(..., 2, 3)``.
        points: ``(..., K, 2)``, pixels.
    """
    linear, shift = map_[..., None, :, :2], map_[..., None, :, 2]
    return (linear * points[..., None, :]).sum(dim=-1) + shift


def plane_to_plane(
    map_: Tensor, size_from: Size, size_to: Size, *, udp: bool = False
) -> Tensor:
    """A map in the pixels of another grid over the same plane.

    With ``S`` from the pixels of the first grid to those of the second it is
    ``S map S^-1``.

    Args:
        map_: ``(..., 2, 3)``, in pixels of ``size_from``, for example of the input.
        size_from: Of the grid that the map is given in.
        size_to: Of the grid that it is wanted in, for example of the heatmaps.
        udp: The outermost pixel centres of both grids coincide (UDP). Otherwise the
            first ones do, and pixels are in the ratio of the sizes (MSRA).

    Returns:
        ``(..., 2, 3)``. It is no longer a similarity where the ratio of pixels differs
        between x and y, and still shows the same movement.
    """
    less = int(udp)
    x, y = ((b - less) / (a - less) for a, b in zip(size_from, size_to, strict=True))
    (a, b, shift_x), (c, d, shift_y) = (row.unbind(-1) for row in map_.unbind(-2))
    rows = [
        torch.stack([a, b * (x / y), shift_x * x], dim=-1),
        torch.stack([c * (y / x), d, shift_y * y], dim=-1),
    ]
    return torch.stack(rows, dim=-2)


def warp(
    images: Tensor, map_: Tensor, size: Size, *, mode: Resampling = 'bilinear'
) -> Tensor:
    """Resample images so that each point lands where a map takes it.

    One call for all images, exact to a small fraction of a pixel. Nothing smooths what
    is made smaller, as ``cv2.warpAffine`` does not.

    Args:
        images: ``(B, C, h, w)`` of any type, images or heatmaps.
        map_: ``(B, 2, 3)``, pixels of ``images`` to pixels of the result.
        size: Of the result.
        mode: ``'bilinear'``, ``'bicubic'`` or ``'nearest'``.

    Returns:
        ``(B, C, H, W)``, float32, 0 where there is no image.

    Raises:
        ValueError: If the shapes do not fit.
    """
    return warp_views(images, map_[:, None], size, mode=mode)[0]


def warp_views(
    images: Tensor, maps: Tensor, size: Size, *, mode: Resampling = 'bilinear'
) -> tuple[Tensor, ...]:
    """Resample each image several times, as :func:`warp`, in one call.

    Args:
        images: ``(B, C, h, w)``.
        maps: ``(B, V, 2, 3)``, V views of each image.
        size: Of each view.
        mode: See :func:`warp`.

    Returns:
        V tensors ``(B, C, H, W)``, float32.

    Raises:
        ValueError: If the shapes do not fit.
    """
    fits = images.ndim == maps.ndim == 4 and maps.shape[2:] == (2, 3)
    if not fits or len(maps) != len(images):
        raise ValueError(
            'expected images (B, C, h, w) and maps (B, 2, 3), or (B, V, 2, 3) for '
            f'several views, got {tuple(images.shape)} and {tuple(maps.shape)}'
        )
    height, width = images.shape[-2:]
    x, y = _preimages(maps.float(), size)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    # The views of an image, one below the other.
    views = F.grid_sample(
        images.float(),
        grid.flatten(1, 2),
        mode=mode,
        padding_mode='zeros',
        align_corners=False,
    )
    return views.chunk(maps.shape[1], dim=2)


def inside(map_: Tensor, source_size: Size, size: Size) -> Tensor:
    """Which pixels of a warped image show the source.

    Args:
        map_: ``(B, 2, 3)``, pixels of the source to pixels of the result.
        source_size: Of the source.
        size: Of the result.

    Returns:
        ``(B, 1, H, W)``, true where a pixel's centre comes from the area of a pixel of
        the source.
    """
    x, y = _preimages(map_.float(), size)
    across = (x >= -0.5) & (x <= source_size[0] - 0.5)
    down = (y >= -0.5) & (y <= source_size[1] - 0.5)
    return (across & down)[:, None]


def _preimages(map_: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """Where the pixels of a plane come from: x and y, each ``(..., H, W)``."""
    columns = torch.arange(size[0], device=map_.device, dtype=map_.dtype)
    rows = torch.arange(size[1], device=map_.device, dtype=map_.dtype)[:, None]
    back = invert(map_)[..., None, None]
    x, y = (
        back[..., i, 0, :, :] * columns
        + back[..., i, 1, :, :] * rows
        + back[..., i, 2, :, :]
        for i in (0, 1)
    )
    return x, y
