"""Put poses of one data set where the people of another one stand before the camera."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmpose_ext.geometry.cameras import pixels_to_rays, project_to_pixels


def place_like_target(
    pose: Tensor,
    keypoints: Tensor,
    f: Any,
    c: Any,
    *,
    distortion: Any = None,
    weight: Tensor | None = None,
    refinements: int = 0,
    per_window: bool = True,
    min_depth: float = 0.5,
    root: int = 0,
) -> tuple[Tensor, Tensor]:
    """Move source poses along the rays of target roots until they look as large.

    The function F of PoSynDA (Liu et al., ACM MM 2023, Eq. 3), which is the global
    position alignment of PoseDA (Chai et al., ICCV 2023). With ``dX, dY`` the extent of
    the source pose and ``w, h`` that of the target's keypoints, the weak-perspective
    depth of the root is ``z = (fx dX + fy dY) / (w + h)``; the root goes to depth z on
    the ray of the target's root. Scale and place change; the pose, seen relative to its
    root, and the viewpoint do not.

    Frame t of the source goes with frame t of the target, window with window, so that
    an order of frames stays one. The formula was written for single frames. Applied to
    each frame of a window it lets the depth follow every change of either outline: a
    source person who raises an arm steps back. By default extents are therefore
    averaged over the window first, which gives one depth a window: the root track is as
    smooth as the target's 2D track, and the size is that of the target on average,
    while a target's walk towards the camera within the window is not copied.
    ``per_window=False`` is the formula of the paper, frame by frame.

    The weak-perspective size is wrong where limbs point to or from the camera; each
    refinement multiplies z by the projected over the wanted size. On motion capture at
    2 to 8 m the sizes spread by 3 per cent around the target's, by 0.2 after one
    refinement and by 0.03 after two.

    Keypoints, ``f`` and ``c`` share one unit: pixels, or any normalised coordinates
    whose scale is the same along x and y. The result does not depend on it. Nothing is
    checked but shapes, so nothing waits for the device. What cannot be placed is still
    finite: no joint comes nearer than ``min_depth``, whatever the target's size, and
    no root further than 100 m; frames without a root or a second joint in ``weight``
    take the depth of their window.

    Args:
        pose: Source poses ``(..., T, K, 3)``, camera axes (x right, y down, z forward),
            metres, with any root.
        keypoints: Target keypoints ``(..., T, K, 2)``.
        f: Focal lengths of the target's cameras ``(..., 2)``, one a window: leading
            dimensions broadcast against those of ``pose`` without T and K.
        c: Principal points, likewise.
        distortion: ``k1, k2, p1, p2, k3`` as ``(..., 5)``, likewise, zeros for a window
            without, or ``None``. Rays of roots are undistorted, the result is
            distorted.
        weight: 0 for target joints that are not known ``(..., T, K)``; they and the
            source's same joints do not count for the size, and a frame counts only
            where its root is known.
        refinements: Steps of the refinement.
        per_window: One depth a window (default) or one a frame.
        min_depth: Least depth of any joint, metres.
        root: Index of the root joint in both.

    Returns:
        Placed poses ``(..., T, K, 3)``, absolute metres, and their projection ``(...,
        T, K, 2)`` in the unit of the keypoints, both in the type of ``pose``, at least
        single precision. The pose minus its root, a lifter's target, is the same before
        and after but for rounding.

    Raises:
        ValueError: If shapes do not fit, ``root`` is no joint or ``refinements`` is
            negative.
    """
    _check_windows(pose, keypoints, root, refinements)
    dtype = torch.promote_types(pose.dtype, torch.float32)
    pose, keypoints = pose.to(dtype), keypoints.to(dtype)
    focal = _of_window(f, 2, pose, 'f')
    centre = _of_window(c, 2, pose, 'c')
    lens = None if distortion is None else _of_window(distortion, 5, pose, 'distortion')

    relative = pose - pose[..., root : root + 1, :]
    rays = pixels_to_rays(keypoints[..., root : root + 1, :], focal, centre, lens)
    direction = torch.cat([rays, torch.ones_like(rays[..., :1])], dim=-1)
    seen = torch.ones_like(keypoints[..., :1]) if weight is None else weight[..., None]
    seen = seen > 0
    counts = seen[..., root : root + 1, :] & (seen.sum(-2, keepdim=True) > 1)
    nearest = min_depth - relative[..., 2:].amin((-3, -2) if per_window else -2, True)

    def size(points: Tensor) -> Tensor:
        return _size(points, seen, counts, per_window)

    def bounded(depth: Tensor) -> Tensor:
        depth = depth.nan_to_num(posinf=_FAR).clamp(max=_FAR)
        return torch.maximum(depth, nearest)

    wanted = size(keypoints)
    depth = bounded(size(relative[..., :2] * focal) / wanted)
    for _ in range(refinements):
        projected = project_to_pixels(relative + depth * direction, focal, centre, lens)
        depth = bounded(depth * size(projected) / wanted)
    placed = relative + depth * direction
    return placed, project_to_pixels(placed, focal, centre, lens)


_FAR = 100.0


def _size(points: Tensor, seen: Tensor, counts: Tensor, per_window: bool) -> Tensor:
    """Width plus height ``(..., T or 1, 1, 1)`` of what lies in the image plane.

    Args:
        points: ``(..., T, K, 2)``.
        seen: Joints that count ``(..., T, K, 1)``.
        counts: Frames that count ``(..., T, 1, 1)``; others get the window's size.
        per_window: Mean over the frames that count.
    """
    high = points.masked_fill(~seen, -torch.inf).amax(-2, keepdim=True)
    low = points.masked_fill(~seen, torch.inf).amin(-2, keepdim=True)
    size = (high - low).sum(-1, keepdim=True)
    number = counts.sum(-3, keepdim=True).clamp(min=1)
    mean = size.masked_fill(~counts, 0).sum(-3, keepdim=True) / number
    return mean if per_window else torch.where(counts, size, mean)


def _of_window(value: Any, length: int, pose: Tensor, name: str) -> Tensor:
    """Parameters ``(..., length)`` of windows, to go with ``pose``."""
    value = torch.as_tensor(value, dtype=pose.dtype, device=pose.device)
    expected = (*pose.shape[:-3], length)
    try:
        value.expand(expected)
    except RuntimeError:
        fits = False
    else:
        fits = value.shape[-1:] == (length,)
    if not fits:
        raise ValueError(
            f'{name} has shape {tuple(value.shape)}; pose {tuple(pose.shape)} needs '
            f'{expected}, one row a window, or {(length,)} for all'
        )
    return value[..., None, None, :]


def _check_windows(
    pose: Tensor, keypoints: Tensor, root: int, refinements: int
) -> None:
    if pose.ndim < 3 or pose.shape[-1] != 3:
        raise ValueError(f'pose must be (..., T, K, 3), got {tuple(pose.shape)}')
    if keypoints.shape != (*pose.shape[:-1], 2):
        raise ValueError(
            f'keypoints have shape {tuple(keypoints.shape)}; pose {tuple(pose.shape)} '
            f'needs {(*pose.shape[:-1], 2)}: frame goes with frame, joint with joint'
        )
    if not 0 <= root < pose.shape[-2]:
        raise ValueError(f'root={root}; joints are numbered 0 to {pose.shape[-2] - 1}')
    if refinements < 0:
        raise ValueError(f'refinements={refinements}; expected 0 or more')
