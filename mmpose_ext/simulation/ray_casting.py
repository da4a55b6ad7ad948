"""Where rays meet capsules and boxes: pure functions, for cameras and other sensors."""

from __future__ import annotations

import numpy as np


def ray_capsule(
    origins: np.ndarray,
    directions: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    radius: np.ndarray | float,
) -> np.ndarray:
    """How far along rays the surface of a capsule is.

    A capsule is the union of a tube between the ends of its axis and a ball at each
    end, so a ray enters it where it first enters one of the three. All arguments
    broadcast: many rays against one capsule, or ``(N, 1, 3)`` against ``(C, 3)``.

    Args:
        origins: Where the rays start ``(..., 3)``.
        directions: Where they go ``(..., 3)``, of any length but zero.
        start: One end of the axis ``(..., 3)``.
        end: The other end ``(..., 3)``; the same point makes a ball.
        radius: ``(...)``, in the unit of the points.

    Returns:
        ``(...)`` multiples of ``directions`` up to the surface; infinity for a ray that
        misses, 0 for one that starts inside.
    """
    axis, from_start = end - start, origins - start
    radius2 = np.asarray(radius) ** 2
    length2 = _dot(axis, axis)
    speed2, speed = _dot(directions, directions), _dot(directions, axis)
    towards, along = _dot(directions, from_start), _dot(from_start, axis)
    apart2 = _dot(from_start, from_start)

    # Across the axis; every term is multiplied by length2 to avoid a division.
    tube = _entry(
        length2 * speed2 - speed**2,
        length2 * towards - along * speed,
        length2 * (apart2 - radius2) - along**2,
    )
    with np.errstate(invalid='ignore'):
        place = along + tube * speed
        tube = np.where((place >= 0) & (place <= length2), tube, np.inf)
    ball = _entry(speed2, towards, apart2 - radius2)
    other = _entry(speed2, towards - speed, apart2 - 2 * along + length2 - radius2)
    distance = np.minimum(np.minimum(tube, ball), other)
    part = np.clip(along / np.maximum(length2, 1e-12), 0, 1)
    inside = apart2 - 2 * part * along + part**2 * length2 < radius2
    return np.where(inside, 0.0, distance)


def ray_box(
    origins: np.ndarray,
    directions: np.ndarray,
    centre: np.ndarray,
    rotation: np.ndarray,
    half_size: np.ndarray,
) -> np.ndarray:
    """How far along rays the surface of a box is.

    Args:
        origins: Where the rays start ``(..., 3)``.
        directions: Where they go ``(..., 3)``, of any length but zero.
        centre: ``(3,)``.
        rotation: ``(3, 3)``, from the box's axes to those of the rays.
        half_size: Half of each edge ``(3,)``.

    Returns:
        ``(...)`` multiples of ``directions``, as :func:`ray_capsule` gives them.
    """
    local = (origins - centre) @ rotation
    with np.errstate(divide='ignore', invalid='ignore'):
        inverse = 1 / (directions @ rotation)
        first = (-half_size - local) * inverse
        second = (half_size - local) * inverse
    # A ray in the plane of a face: 0 / 0. It touches the face, so take it as inside.
    near = np.nan_to_num(np.minimum(first, second), nan=-np.inf).max(axis=-1)
    far = np.nan_to_num(np.maximum(first, second), nan=np.inf).min(axis=-1)
    return np.where((near <= far) & (far > 0), np.maximum(near, 0.0), np.inf)


def _entry(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Lesser root of ``a t^2 + 2 b t + c``; infinity if none, or it is not ahead."""
    with np.errstate(divide='ignore', invalid='ignore'):
        root = (-b - np.sqrt(b * b - a * c)) / a
    return np.where(root >= 0, root, np.inf)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if b.ndim == 1:
        return a @ b
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
