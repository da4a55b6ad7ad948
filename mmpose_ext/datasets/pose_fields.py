"""From world-space poses and a calibrated camera to the fields of a pose store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmpose_ext.geometry import camera_to_image_pose, world_to_camera


def world_pose_to_fields(
    pose_world: np.ndarray,
    intrinsics: Mapping[str, Any],
    extrinsics: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """See poses with a camera.

    It is computed in double precision and stored in single.

    Args:
        pose_world: Poses ``(F, K, 3)``, world frame (z up), metres; root is joint 0.
        intrinsics: ``{'f', 'c', 'distortion'}`` in pixels, OpenCV's order;
            ``distortion`` may be missing.
        extrinsics: ``{'R', 't'}`` with ``x_cam = R x_world + t``, metres.

    Returns:
        ``pose_cam`` ``(F, K, 3)``, camera frame, metres; ``pose_image`` ``(F, K, 3)``,
        pixels of the true projection and root-relative depth in pixels; ``factor``
        ``(F,)``, metres per pixel. All float32. Joints that leave the image keep
        their pixels; those behind the camera have meaningless ones.

    Raises:
        ValueError: If the poses are not ``(F, K, 3)`` or not finite.
    """
    pose_world = np.asarray(pose_world, dtype=np.float64)
    if pose_world.ndim != 3 or pose_world.shape[-1] != 3:
        raise ValueError(
            f'poses have shape {pose_world.shape}, expected (frames, joints, 3)'
        )
    if not np.isfinite(pose_world).all():
        frame = int(np.argwhere(~np.isfinite(pose_world))[0, 0])
        raise ValueError(f'poses hold NaN or infinity, first in frame {frame}')
    pose_cam = world_to_camera(pose_world, extrinsics['R'], extrinsics['t'])
    pose_image, factor = camera_to_image_pose(
        pose_cam, intrinsics['f'], intrinsics['c'], intrinsics.get('distortion')
    )
    return {
        'pose_cam': pose_cam.astype(np.float32),
        'pose_image': pose_image.astype(np.float32),
        'factor': factor.astype(np.float32),
    }


def outside_image(
    pose_cam: np.ndarray, pose_image: np.ndarray, image_size: tuple[int, int]
) -> np.ndarray:
    """Frames in which a joint lies behind the camera or outside the image.

    Args:
        pose_cam: Poses ``(F, K, 3)``, camera frame, metres.
        pose_image: Poses ``(F, K, 3)`` or ``(F, K, 2)``, pixels first.
        image_size: ``(width, height)``.

    Returns:
        Flags ``(F,)``.
    """
    pixels = pose_image[..., :2]
    inside = (pixels >= 0) & (pixels < np.asarray(image_size))
    seen = inside.all(axis=-1) & (pose_cam[..., 2] > 0)
    return np.logical_not(seen.all(axis=-1))
