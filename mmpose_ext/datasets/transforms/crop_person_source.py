"""Cut out what all views of a person can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix

# Keeps a labelled and an unlabelled person of 256 x 192 below 0.7 MB together.
_DEFAULT_SIDE = 424 / 256

Rectangle = tuple[int, int, int, int]


@TRANSFORMS.register_module()
class CropPersonSource(BaseTransform):
    """The piece of the image around a person from which views are made on the device.

    The piece holds every view that is zoomed out by at most ``reach``, at any rotation
    and mirrored or not, as far as the image goes, and only pixels that can be seen
    travel to the device. It is cut at whole pixels and not resampled, so that a view
    from it is what the same view from the original image would be, unless it is larger
    than ``max_side``: then it is made smaller once, by averaging areas.

    So views of people who are large in their image are somewhat blurred, which is the
    price of at most 0.7 MB a pair. For an input of 192 x 256 and ``reach=1.5`` the
    piece is 480 pixels of the input wide; the default of 424 leaves 0.88 pixels of the
    piece to one of the view of the box, and 0.66 where a view zooms in to 0.75.
    ``max_side=480`` keeps the view of the box sharp (0.7 MB a person), ``max_side=640``
    those down to 0.75, too (1.2 MB).

    Required Keys:

        - img ``(H, W, 3)``
        - bbox_center ``(1, 2)``, bbox_scale ``(1, 2)`` pixels

    Modified Keys:

        - img: the piece ``(h, w, 3)``
        - bbox_scale, with the input's aspect ratio, as ``TopdownAffine`` sets it

    Added Keys:

        - source_to_input ``(2, 3)`` float32: from pixels of the piece to those of the
          network's input, for the view without any augmentation; what
          ``TopdownAffine`` would do to the original image
        - source_reach: ``reach``, by which the model knows how far its views may zoom

    Args:
        input_size: Width and height of the network's input.
        reach: Greatest factor by which a view shows more than the box.
        max_side: Longest side of the piece, pixels. ``None`` takes 424 for an input of
            256, and others in this ratio.
        use_udp: As in ``TopdownAffine``.

    Raises:
        ValueError: If an option is out of range; later, if the box lies outside of the
            image or is empty, or a required key is missing.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        *,
        reach: float = 1.5,
        max_side: int | None = None,
        use_udp: bool = False,
    ) -> None:
        if len(input_size) != 2 or min(input_size) < 1:
            raise ValueError(
                f'input_size={tuple(input_size)}; expected the width and height of the '
                'network input'
            )
        if not reach >= 1:
            raise ValueError(
                f'reach={reach}; expected at least 1, the box itself. Take the '
                'greatest scale of the views, 1.5 for scale=0.5'
            )
        longer = max(input_size)
        if max_side is None:
            max_side = round(longer * _DEFAULT_SIDE)
        if max_side < longer:
            raise ValueError(
                f'max_side={max_side} is less than the input {tuple(input_size)}; '
                'views would be blurred'
            )
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.reach, self.max_side = float(reach), int(max_side)
        self.use_udp = use_udp

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut the piece out.

        Args:
            results: The sample, keys as listed for the class.
        """
        missing = [k for k in ('img', 'bbox_center', 'bbox_scale') if k not in results]
        if missing:
            raise ValueError(
                f"CropPersonSource needs {missing}; put dict(type='LoadImage') and "
                "dict(type='GetBBoxCenterScale') before it"
            )
        if len(results['bbox_center']) != 1:
            raise ValueError(
                f'got {len(results["bbox_center"])} boxes; CropPersonSource takes one '
                "person a sample (data_mode='topdown')"
            )
        center = np.asarray(results['bbox_center'][0], dtype=np.float64)
        scale = with_aspect_ratio(results['bbox_scale'][0], self.input_size)
        if not (np.isfinite(center).all() and (scale > 0).all()):
            raise ValueError(f'the box has centre {center} and size {scale} pixels')
        warp_matrix = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        image_to_input = warp_matrix(center, scale, 0.0, self.input_size)
        left, top, right, bottom = piece_of(
            results['img'], image_to_input, self.input_size, self.reach
        )
        piece = results['img'][top:bottom, left:right]
        piece, size_to_piece = shrink(piece, self.max_side)
        size_to_piece[:, 2] += (left, top)
        results['source_to_input'] = after(image_to_input, size_to_piece)
        results['source_reach'] = self.reach
        results['bbox_scale'] = scale[None].astype(np.float32)
        results['img'] = np.ascontiguousarray(piece)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(input_size={self.input_size}, reach={self.reach}, '
            f'max_side={self.max_side}, use_udp={self.use_udp})'
        )


def with_aspect_ratio(scale: np.ndarray, input_size: tuple[int, int]) -> np.ndarray:
    """A box of at least this size with the aspect ratio of the input.

    Args:
        scale: Width and height of the box ``(2,)``, pixels.
        input_size: Width and height.
    """
    width, height = input_size
    zoom = max(float(scale[0]) / width, float(scale[1]) / height)
    return np.array([width * zoom, height * zoom])


def piece_of(
    image: np.ndarray,
    image_to_input: np.ndarray,
    input_size: tuple[int, int],
    reach: float,
) -> Rectangle:
    """The rectangle of the image that views can show: left, top, right, bottom.

    Views turn and zoom the input plane about its centre, so all they show lies in a
    disc around what is seen there. Right and bottom are the first column and row that
    do not belong to it.

    Raises:
        ValueError: If nothing of the image is in reach.
    """
    middle = (np.array(input_size) - 1) / 2
    zoom = np.diag(image_to_input[:, :2])
    seen = (middle - image_to_input[:, 2]) / zoom
    # One more pixel on each side for the interpolation at the border.
    radius = reach * math.hypot(*input_size) / 2 / zoom + 1
    limits = np.array([image.shape[1], image.shape[0]])
    first = np.clip(np.floor(seen - radius), 0, limits).astype(int)
    last = np.clip(np.ceil(seen + radius) + 1, 0, limits).astype(int)
    if (first >= last).any():
        raise ValueError(
            f'the box around ({seen[0]:.0f}, {seen[1]:.0f}) lies outside of the image '
            f'of {limits[0]} x {limits[1]} pixels'
        )
    return (int(first[0]), int(first[1]), int(last[0]), int(last[1]))


def shrink(image: np.ndarray, max_side: int) -> tuple[np.ndarray, np.ndarray]:
    """Make an image smaller whose longer side exceeds a number of pixels.

    Args:
        image: ``(h, w, 3)``.
        max_side: Pixels.

    Returns:
        The image, and the map ``(2, 3)`` from its pixels to those of the given one.
    """
    height, width = image.shape[:2]
    factor = max_side / max(height, width)
    identity = np.eye(2, 3)
    if factor >= 1:
        return image, identity
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    ratio = np.array([width / size[0], height / size[1]])
    back = identity * ratio[:, None]
    # The outer edges of both images coincide, not the centres of their first pixels.
    back[:, 2] = (ratio - 1) / 2
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), back


def after(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The map that is ``inner`` first and ``outer`` after it, ``(2, 3)`` float32."""
    return (outer @ np.vstack([inner, [0, 0, 1]])).astype(np.float32)
