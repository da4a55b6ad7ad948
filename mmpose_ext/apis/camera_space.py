"""Where people are in the frame of a camera: intrinsics or a guess, and the root."""

from __future__ import annotations

import math

import numpy as np
import torch

from mmpose_ext.geometry import pixels_to_rays, solve_root
from mmpose_ext.structures.tracks import GUESSED, ClipCamera

FIELD_OF_VIEW = 60.0
"""Degrees across the longer side of the image: between phones and webcams."""

_LEAST_WEIGHT = 1e-3
_NEAREST = 0.2
_TINY = 1e-9


def guess_camera(
    image_size: tuple[float, float], field_of_view: float = FIELD_OF_VIEW
) -> ClipCamera:
    """A camera from nothing but an angle, its axis in the middle of the image.

    Args:
        image_size: Width and height in pixels.
        field_of_view: Across the longer side of the image, degrees: horizontally for
            landscape images.

    Raises:
        ValueError: If the angle is not between 1 and 179 degrees.
    """
    if not 1 <= field_of_view <= 179:
        raise ValueError(
            f'field_of_view={field_of_view}; expected 1 to 179 degrees, across the '
            'longer side of the image'
        )
    width, height = image_size
    focal = max(width, height) / 2 / math.tan(math.radians(field_of_view) / 2)
    return ClipCamera((focal, focal), (width / 2, height / 2), GUESSED)


def rotation_to(pixel: tuple[float, float], camera: ClipCamera) -> np.ndarray:
    """The axes of a camera that looks at a pixel, in those of the given camera.

    It is the smallest rotation that takes the optical axis there, so it does not roll.
    A network that sees a person moved to the middle of its picture answers in the axes
    of such a camera.

    Args:
        pixel: ``(x, y)``.
        camera: The camera.

    Returns:
        Rotation ``(3, 3)``: ``x_camera = R x_looking``.
    """
    x, y = pixels_to_rays(np.asarray(pixel, np.float64), camera.f, camera.c)
    x, y, z = np.array([x, y, 1.0]) / math.sqrt(x * x + y * y + 1)
    share = 1 / (1 + z)
    return np.array(
        [
            [1 - share * x * x, -share * x * y, x],
            [-share * x * y, 1 - share * y * y, y],
            [-x, -y, z],
        ]
    )


def solve_roots(
    poses: np.ndarray,
    keypoints: np.ndarray,
    camera: ClipCamera,
    weights: np.ndarray,
) -> np.ndarray:
    """Roots that make poses fit their keypoints best, in closed form.

    See :func:`~mmpose_ext.geometry.solve_root`. Where a pose fits so badly that its
    root would lie behind the camera or in the lens, the depth is that at which pose
    and keypoints have the same size.

    Args:
        poses: Relative to the root, axes of the camera, metres, ``(F, K, 3)``.
        keypoints: Pixels ``(F, K, 2)``.
        camera: Of the keypoints.
        weights: Confidence of joints, 0 to 1, ``(F, K)``.

    Returns:
        Camera frame, metres, ``(F, 3)`` float32.
    """
    rays = pixels_to_rays(np.asarray(keypoints, np.float64), camera.f, camera.c)
    weights = np.maximum(np.asarray(weights, np.float64), _LEAST_WEIGHT)
    pose, rays = np.asarray(poses, np.float64), np.asarray(rays, np.float64)
    root = solve_root(*map(torch.from_numpy, (pose, rays, weights))).numpy()
    wrong = ~(np.isfinite(root).all(axis=-1) & (root[:, 2] >= _NEAREST))
    if wrong.any():
        root[wrong] = _roots_by_size(poses[wrong], rays[wrong], weights[wrong])
    return root.astype(np.float32)


def _roots_by_size(
    poses: np.ndarray, rays: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Weak-perspective roots ``(F, 3)``."""
    share = (weights / weights.sum(axis=-1, keepdims=True))[..., None]
    (pose, pose_size), (ray, ray_size) = (
        _mean_and_size(points, share) for points in (poses[..., :2], rays)
    )
    depth = np.maximum(pose_size / np.maximum(ray_size, _TINY), _NEAREST)
    depth = np.where(ray_size > _TINY, depth, _NEAREST)
    in_plane = ray * depth[:, None] - pose
    return np.concatenate([in_plane, depth[:, None]], axis=-1)


def _mean_and_size(points: np.ndarray, share: np.ndarray) -> tuple:
    mean = (share * points).sum(axis=1)
    rest = points - mean[:, None]
    return mean, np.sqrt((share * np.square(rest)).sum(axis=(1, 2)))
