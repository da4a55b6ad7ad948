"""Which keypoints a picture shows."""

from __future__ import annotations

import numpy as np

OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2
"""COCO's flags."""


def keypoint_visibility(
    keypoints: np.ndarray,
    depths: np.ndarray,
    tolerances: np.ndarray,
    depth_image: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """Tell visible keypoints from hidden ones and from those outside.

    A keypoint is hidden where something lies before it by more than the flesh and the
    cloth around it.

    Args:
        keypoints: ``(K, 2)``, pixels; the centre of the upper left pixel is (0, 0).
        depths: Their depths ``(K,)``, metres.
        tolerances: How far before a keypoint its own surface may be ``(K,)``, metres.
        depth_image: Depth of what is seen, metres, infinity where there is nothing; a
            multiple of ``size``.
        size: ``(width, height)`` of the picture, pixels.

    Returns:
        ``(K,)`` int: 0 outside the picture, 1 hidden, 2 visible.
    """
    keypoints = np.asarray(keypoints, np.float64)
    limits = np.asarray(size) - 1
    with np.errstate(invalid='ignore'):
        inside = (depths > 0) & ((keypoints >= 0) & (keypoints <= limits)).all(axis=-1)
    oversample = depth_image.shape[1] // size[0]
    places = np.where(inside[:, None], keypoints, 0)
    column, row = np.floor((places + 0.5) * oversample).astype(int).T
    hidden = depth_image[row, column] < depths - tolerances
    return np.where(inside, np.where(hidden, HIDDEN, VISIBLE), OUTSIDE)
