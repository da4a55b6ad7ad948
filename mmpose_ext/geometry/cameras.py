"""Pinhole cameras with lens distortion, and the 2.5D pose representation.

Every function takes NumPy arrays or torch tensors and returns the same kind, in the
type and on the device of its first argument. Camera parameters may be lists, arrays
or tensors; their leading dimensions broadcast against those of the points, so one
camera for all points needs no leading dimension, and a camera for each sample of
points ``(B, T, K, 3)`` has ``f`` of shape ``(B, 1, 1, 2)``.

Camera frame: x right, y down, z forward, metres. World frame: z up, metres. Pixels:
x right, y down, origin in the upper left corner.
"""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

ArrayT = TypeVar('ArrayT', np.ndarray, torch.Tensor)

_CAMERA_FILE = Path(__file__).with_name('h36m_cameras.json')


def world_to_camera(points: ArrayT, R: Any, t: Any) -> ArrayT:  # noqa: N803
    """Move points from the world to the camera: ``x_cam = R x_world + t``.

    Args:
        points: World points ``(..., 3)``, metres.
        R: Rotation ``(..., 3, 3)``, world to camera.
        t: Translation ``(..., 3)``, metres.

    Returns:
        Camera points ``(..., 3)``, metres.

    Raises:
        ValueError: If ``points`` or ``t`` does not end in 3 or ``R`` in 3 x 3.
    """
    _check_last(points, (3,), 'points')
    rotation = _check_last(_like(R, points), (3, 3), 'R')
    shift = _check_last(_like(t, points), (3,), 't')
    return _rotate(rotation, points) + shift


def camera_to_world(points: ArrayT, R: Any, t: Any) -> ArrayT:  # noqa: N803
    """Undo :func:`world_to_camera`: ``x_world = R^T (x_cam - t)``.

    Args:
        points: Camera points ``(..., 3)``, metres.
        R: Rotation ``(..., 3, 3)``, world to camera.
        t: Translation ``(..., 3)``, metres.

    Returns:
        World points ``(..., 3)``, metres.

    Raises:
        ValueError: If ``points`` or ``t`` does not end in 3 or ``R`` in 3 x 3.
    """
    _check_last(points, (3,), 'points')
    rotation = _check_last(_like(R, points), (3, 3), 'R')
    shift = _check_last(_like(t, points), (3,), 't')
    return _rotate(rotation.swapaxes(-1, -2), points - shift)


def project_to_pixels(
    points_cam: ArrayT, f: Any, c: Any, distortion: Any = None
) -> ArrayT:
    """Project camera points into the image.

    The lens model is that of OpenCV's ``projectPoints`` with five coefficients. Points
    with ``z <= 0`` lie behind the camera: their pixels are finite or not, but never
    meaningful, so callers check the depth.

    Args:
        points_cam: Camera points ``(..., 3)``, metres.
        f: Focal lengths ``(..., 2)``, pixels.
        c: Principal point ``(..., 2)``, pixels.
        distortion: ``k1, k2, p1, p2, k3`` as ``(..., 5)``, or ``None`` for no
            distortion.

    Returns:
        Pixels ``(..., 2)``.

    Raises:
        ValueError: If a last dimension is not as stated.
    """
    _check_last(points_cam, (3,), 'points_cam')
    focal, centre = _intrinsics(f, c, points_cam)
    rays = points_cam[..., :2] / points_cam[..., 2:]
    if distortion is not None:
        rays = _distort(rays, _lens(distortion, points_cam))
    return rays * focal + centre


def pixels_to_rays(
    pixels: ArrayT, f: Any, c: Any, distortion: Any = None, *, iterations: int = 20
) -> ArrayT:
    """Undo the projection up to depth.

    With distortion, the fixed-point iteration of OpenCV's ``undistortPoints`` is used;
    20 steps reach floating-point accuracy inside the images of usual lenses.

    Args:
        pixels: Pixels ``(..., 2)``.
        f: Focal lengths ``(..., 2)``, pixels.
        c: Principal point ``(..., 2)``, pixels.
        distortion: ``k1, k2, p1, p2, k3`` as ``(..., 5)`` or ``None``.
        iterations: Steps of the iteration.

    Returns:
        ``(x / z, y / z)`` of shape ``(..., 2)``.

    Raises:
        ValueError: If a last dimension is not as stated.
    """
    _check_last(pixels, (2,), 'pixels')
    focal, centre = _intrinsics(f, c, pixels)
    seen = (pixels - centre) / focal
    if distortion is None:
        return seen
    lens = _lens(distortion, pixels)
    rays = seen
    for _ in range(iterations):
        radial, tangential = _lens_terms(rays, lens)
        rays = (seen - tangential) / radial
    return rays


def root_depth_to_factor(root_depth: ArrayT, f: Any) -> ArrayT:
    """Metres per pixel at the depth of the root.

    The rule is that of the 2.5D labels of lcn-pose, which MotionBERT's data and MMPose
    use: the box of +-1 m around the root is projected without distortion, its width
    counted in whole pixels, ``ratio = (x2 - x1 + 1 px) / 2 m = fx / z_root + 0.5``;
    the factor is ``1 / ratio``.

    Args:
        root_depth: Depth of the root ``(...)``, metres.
        f: Focal lengths ``(..., 2)``, pixels, leading dimensions as ``root_depth``.

    Returns:
        Metres per pixel ``(...)``.
    """
    focal = _check_last(_like(f, root_depth), (2,), 'f')[..., 0]
    return 1 / (focal / root_depth + 0.5)


def factor_to_root_depth(factor: ArrayT, f: Any) -> ArrayT:
    """Undo :func:`root_depth_to_factor`.

    Args:
        factor: Metres per pixel ``(...)``.
        f: Focal lengths ``(..., 2)``, pixels, leading dimensions as ``factor``.

    Returns:
        Depth of the root ``(...)``, metres; NaN where the factor is NaN.
    """
    focal = _check_last(_like(f, factor), (2,), 'f')[..., 0]
    return focal / (1 / factor - 0.5)


def camera_to_image_pose(
    pose_cam: ArrayT, f: Any, c: Any, distortion: Any = None, root: int = 0
) -> tuple[ArrayT, ArrayT]:
    """Turn camera-space poses into 2.5D image poses.

    Args:
        pose_cam: Poses ``(..., K, 3)``, camera frame, absolute metres.
        f: Focal lengths ``(2,)``, or ``(..., 1, 2)`` against ``(..., K, 2)``, pixels.
        c: Principal point, shaped as ``f``, pixels.
        distortion: ``k1, k2, p1, p2, k3`` or ``None``.
        root: Index of the root joint.

    Returns:
        Poses ``(..., K, 3)``: pixels u, v of the true projection and the depth
        relative to the root in pixels, ``(z - z_root) / factor``; and the factor
        ``(...)`` in metres per pixel, see :func:`root_depth_to_factor`.

    Raises:
        ValueError: If a last dimension is not as stated.
    """
    pixels = project_to_pixels(pose_cam, f, c, distortion)
    depth = pose_cam[..., 2:]
    root_depth = depth[..., root : root + 1, :]
    # The joint axis stays while focal lengths broadcast against it.
    factor = root_depth_to_factor(root_depth[..., 0], f)
    relative = (depth - root_depth) / factor[..., None]
    return _concatenate(pixels, relative), factor[..., 0]


def image_pose_to_camera(
    pose_image: ArrayT,
    factor: Any,
    root_depth: Any,
    f: Any,
    c: Any,
    root: int = 0,
    *,
    distortion: Any = None,
) -> ArrayT:
    """Turn 2.5D image poses into camera-space poses.

    Depths are taken relative to the pose's own root, ``z = root_depth + (z_px -
    z_px[root]) * factor``, so any constant offset of the third channel cancels; then
    ``x = (u - cx) z / fx`` and likewise y, after undistortion if ``distortion`` is
    given. It inverts :func:`camera_to_image_pose` when the same arguments are used.

    Args:
        pose_image: Poses ``(..., K, 3)``, absolute pixels u, v and depth in pixels.
        factor: Metres per pixel ``(...)``.
        root_depth: Depth of the root in the camera frame ``(...)``, metres.
        f: Focal lengths ``(2,)`` or ``(..., 1, 2)``, pixels.
        c: Principal point, shaped as ``f``, pixels.
        root: Index of the root joint.
        distortion: ``k1, k2, p1, p2, k3`` or ``None``.

    Returns:
        Poses ``(..., K, 3)``, camera frame, absolute metres.

    Raises:
        ValueError: If a last dimension is not as stated.
    """
    _check_last(pose_image, (3,), 'pose_image')
    rays = pixels_to_rays(pose_image[..., :2], f, c, distortion)
    scale = _like(factor, pose_image)[..., None, None]
    offset = _like(root_depth, pose_image)[..., None, None]
    depth_px = pose_image[..., 2:]
    depth = offset + (depth_px - depth_px[..., root : root + 1, :]) * scale
    return _concatenate(rays * depth, depth)


def h36m_cameras() -> dict[str, dict[str, dict[str, Any]]]:
    """Calibration of the four Human3.6M cameras for its eleven subjects.

    Source: karfly/human36m-camera-parameters (MIT, see ``LICENSE.h36m_cameras``),
    translations converted to metres.

    Returns:
        ``{subject: {camera: {'intrinsics': {'f', 'c', 'distortion'}, 'extrinsics':
        {'R', 't'}, 'image_size': (width, height)}}}`` with lists of floats, as in
        :class:`mmpose_ext.datasets.frame_store.SequenceInfo`. The caller owns it.
    """
    return copy.deepcopy(_read_h36m_cameras())


@functools.cache
def _read_h36m_cameras() -> dict[str, dict[str, dict[str, Any]]]:
    data = json.loads(_CAMERA_FILE.read_text(encoding='utf-8'))
    return {
        subject: {
            camera: {
                'intrinsics': data['intrinsics'][camera],
                'extrinsics': extrinsics,
                'image_size': tuple(data['image_size'][camera]),
            }
            for camera, extrinsics in cameras.items()
        }
        for subject, cameras in data['extrinsics'].items()
    }


def _rotate(rotation: ArrayT, points: ArrayT) -> ArrayT:
    if rotation.ndim == 2:
        return points @ rotation.T
    return (rotation @ points[..., None])[..., 0]


def _intrinsics(f: Any, c: Any, points: ArrayT) -> tuple[ArrayT, ArrayT]:
    return (
        _check_last(_like(f, points), (2,), 'f'),
        _check_last(_like(c, points), (2,), 'c'),
    )


def _lens(distortion: Any, points: ArrayT) -> ArrayT:
    return _check_last(_like(distortion, points), (5,), 'distortion')


def _distort(rays: ArrayT, lens: ArrayT) -> ArrayT:
    radial, tangential = _lens_terms(rays, lens)
    return rays * radial + tangential


def _lens_terms(rays: ArrayT, lens: ArrayT) -> tuple[ArrayT, ArrayT]:
    """Radial factor ``(..., 1)`` and tangential shift ``(..., 2)``."""
    k1, k2, p1, p2, k3 = (lens[..., i : i + 1] for i in range(5))
    x, y = rays[..., :1], rays[..., 1:]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    shift_x = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    shift_y = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return radial, _concatenate(shift_x, shift_y)


def _concatenate(left: ArrayT, right: ArrayT) -> ArrayT:
    if isinstance(left, torch.Tensor):
        return torch.cat([left, right], dim=-1)
    return np.concatenate([left, right], axis=-1)


def _like(value: Any, reference: ArrayT) -> ArrayT:
    """``value`` as the kind, type and device of ``reference``."""
    if isinstance(reference, torch.Tensor):
        return torch.as_tensor(value, dtype=reference.dtype, device=reference.device)
    return np.asarray(value, dtype=reference.dtype)


def _check_last(value: ArrayT, expected: tuple[int, ...], name: str) -> ArrayT:
    if tuple(value.shape[-len(expected) :]) != expected:
        raise ValueError(
            f'{name} has shape {tuple(value.shape)}; its last dimensions must be '
            f'{expected}'
        )
    return value
