"""Square crops around a person, and where they lie in the image."""

from __future__ import annotations

import cv2
import numpy as np

MIN_SIDE_PX = 16.0


def person_boxes(keypoints: np.ndarray, padding: float = 1.25) -> np.ndarray:
    """Square boxes around 2D poses.

    Args:
        keypoints: Pixels, ``(F, K, 2)``.
        padding: Side of the box in multiples of the larger extent of the joints.

    Returns:
        Corners x0, y0, x1, y1 in pixels, ``(F, 4)`` float32; parts may lie outside the
        image. Where all joints coincide the side is ``MIN_SIDE_PX``.
    """
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    side = np.maximum((high - low).max(axis=-1, keepdims=True) * padding, MIN_SIDE_PX)
    centre = (low + high) / 2
    return np.concatenate([centre - side / 2, centre + side / 2], -1).astype(np.float32)


def keypoints_in_boxes(keypoints: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Bring 2D poses into units of their crops, whose edges are -1 and 1.

    Args:
        keypoints: Pixels, ``(F, K, 2)``.
        boxes: Corners x0, y0, x1, y1 in pixels, ``(F, 4)``.

    Returns:
        The same shape, float32.
    """
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    return (2 * (keypoints - low) / (high - low) - 1).astype(np.float32)


def crop_square(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Resize the content of a box, bilinearly; black where there is no image.

    Pixel i covers the interval from i to i + 1, in the image and in the crop, so the
    edges of the box fall on the edges of the crop.

    Args:
        image: ``(H, W, 3)``.
        box: Corners x0, y0, x1, y1 in pixels.
        size: Side of the crop.

    Returns:
        The crop, ``(size, size, 3)``.
    """
    x0, y0, x1, _ = (float(value) for value in box)
    scale = size / (x1 - x0)
    shift = 0.5 * scale - 0.5  # OpenCV counts from the centres of pixels
    matrix = np.array([[scale, 0, shift - scale * x0], [0, scale, shift - scale * y0]])
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
