"""Shadows on the floor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.renderer import Light
from mmpose_ext.simulation.solids import BoxShape, Solid


def floor_shadow(
    solids: Sequence[Solid], light: Light, camera: Pinhole, plane: np.ndarray
) -> np.ndarray:
    """How much of the light solids keep from the floor.

    The axis of a capsule is cast along the light; what lies within its radius is dark,
    with a soft edge. A box counts as a capsule.

    Args:
        solids: The things.
        light: The light, from above.
        camera: The camera.
        plane: World x and y ``(H, W, 2)`` of the floor that each pixel of the camera
            shows, metres; far away where it shows none.

    Returns:
        ``(H, W)`` float32, 0 (lit) to 1 (dark).
    """
    shadow = np.zeros(plane.shape[:2], np.float32)
    if not solids:
        return shadow
    slant = light.direction[:2] / light.direction[2]
    cores = [_core(solid) for solid in solids]
    ends, radii = (np.array(values) for values in zip(*cores, strict=True))
    cast = ends[..., :2] - slant * ends[..., 2:]
    reach = 1.5 * radii + 0.04
    corners = cast[:, :, None] + reach[:, None, None, None] * _SQUARE
    corners = np.pad(corners.reshape(len(radii), -1, 2), ((0, 0), (0, 0), (0, 1)))
    softness = 1 / (reach - 0.6 * radii)
    for line, far, soft, bounds in zip(
        *(cast.astype(np.float32), reach, softness, camera.windows(corners)),
        strict=True,
    ):
        (left, top), (right, bottom) = bounds
        window = (slice(top, bottom), slice(left, right))
        away = _distance(plane[window], *line)
        dark = np.minimum((np.float32(far) - away) * np.float32(soft), 1)
        shadow[window] = np.maximum(shadow[window], dark)
    return shadow


_SQUARE = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])


def _core(solid: Solid) -> tuple[np.ndarray, float]:
    """Ends ``(2, 3)`` and radius of a capsule that is as large as a solid."""
    shape = solid.shape
    if isinstance(shape, BoxShape):
        half = shape.half_size[2] * shape.rotation[:, 2]
        radius = float(shape.half_size[:2].min())
        return np.stack([shape.centre - half, shape.centre + half]), radius
    return np.stack([shape.start, shape.end]), shape.radius


def _distance(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Distance ``(...)`` of points ``(..., 2)`` from a line with ends."""
    axis = end - start
    x, y = points[..., 0] - start[0], points[..., 1] - start[1]
    scale = max(float(axis @ axis), 1e-9)
    part = np.clip(x * (axis[0] / scale) + y * (axis[1] / scale), 0, 1)
    return np.hypot(x - part * axis[0], y - part * axis[1])
