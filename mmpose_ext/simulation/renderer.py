"""Cast rays at solids, then shade what they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.solids import Solid

NOTHING = -1
"""Index of a ray that meets no solid."""


@dataclass(frozen=True, eq=False)
class Light:
    """The light of a scene.

    Args:
        direction: Unit vector ``(3,)`` towards the lamp or the sun, world.
        colour: Linear RGB ``(3,)`` of that light.
        ambient: Linear RGB ``(3,)`` of the light from everywhere.
    """

    direction: np.ndarray
    colour: np.ndarray
    ambient: np.ndarray

    @classmethod
    def sample(cls, generator: np.random.Generator) -> Light:
        """Draw one from above, more often than not from behind the camera."""
        direction = np.array(
            [*generator.normal(0, 0.7, 2), generator.uniform(0.45, 1.3)]
        )
        if generator.random() < 0.6:
            direction[0] = -abs(direction[0])
        warm = generator.normal(0, 0.06)
        colour = generator.uniform(0.55, 1.1) * np.array([1 + warm, 1, 1 - warm])
        tint = 1 + generator.normal(0, 0.05, 3)
        ambient = generator.uniform(0.3, 0.65) * tint
        return cls(direction / np.linalg.norm(direction), colour, ambient)


def cast(
    solids: Sequence[Solid], camera: Pinhole, *, oversample: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Find what each ray of a camera meets first.

    Args:
        solids: The things.
        camera: The camera.
        oversample: Rays a pixel along each axis.

    Returns:
        Depth (metres, infinity where there is nothing) and index of the solid
        (:data:`NOTHING` where there is none), both
        ``(height * oversample, width * oversample)``.
    """
    columns, rows = (_ray_places(length, oversample) for length in camera.size)
    depth = np.full((len(rows), len(columns)), np.inf, np.float32)
    index = np.full(depth.shape, NOTHING, np.int16)
    if not solids:
        return depth, index
    windows = camera.windows(np.stack([solid.shape.corners for solid in solids]))
    for number, (solid, bounds) in enumerate(zip(solids, windows, strict=True)):
        (left, top), (right, bottom) = bounds * oversample
        window = (slice(top, bottom), slice(left, right))
        rays = camera.rays(columns[left:right], rows[top:bottom, None])
        found = solid.shape.depths(camera, rays)
        nearer = found < depth[window]
        depth[window][nearer] = found[nearer]
        index[window][nearer] = number
    return depth, index


def shade(
    solids: Sequence[Solid],
    camera: Pinhole,
    light: Light,
    depth: np.ndarray,
    index: np.ndarray,
) -> np.ndarray:
    """Colour what the rays met.

    Faces turned to the light are bright, faces that the camera sees at a grazing angle
    are a little darker, so that limbs stand out from a trunk of the same colour.

    Args:
        solids: As given to :func:`cast`.
        camera: As given there.
        light: The light.
        depth: As found there.
        index: As found there.

    Returns:
        Linear RGB ``(h, w, 3)``, float32; 0 where there is nothing.
    """
    oversample = len(depth) // camera.size[1]
    flat = index.ravel()
    hit = np.flatnonzero(flat != NOTHING)
    order = hit[np.argsort(flat[hit], kind='stable')]
    columns, rows = (_ray_places(length, oversample) for length in camera.size)
    row, column = np.divmod(order, len(columns))
    rays = camera.rays(columns[column], rows[row]).astype(np.float32)
    points = np.float32(camera.place) + depth.ravel()[order, None] * rays
    colours, normals = np.empty_like(points), np.empty_like(points)
    numbers, counts = np.unique(flat[order], return_counts=True)
    for number, end, count in zip(numbers, np.cumsum(counts), counts, strict=True):
        part = slice(end - count, end)
        colours[part] = solids[number].colours(points[part])
        normals[part] = solids[number].shape.normals(points[part])
    facing = np.abs(np.einsum('ni,ni->n', normals, rays))
    facing /= np.sqrt(np.einsum('ni,ni->n', rays, rays))
    direction, lamp, ambient = (
        value.astype(np.float32)
        for value in (light.direction, light.colour, light.ambient)
    )
    lit = np.maximum(normals @ direction, 0)[:, None] * lamp
    sky = 0.75 + 0.25 * normals[:, 2:]
    colours *= (lit + sky * ambient) * (0.6 + 0.4 * facing[:, None])
    image = np.zeros((flat.size, 3), np.float32)
    image[order] = colours
    return image.reshape(*index.shape, 3)


def _ray_places(length: int, oversample: int) -> np.ndarray:
    """Where along an axis of ``length`` pixels the rays go through, pixels."""
    return (np.arange(length * oversample) + 0.5) / oversample - 0.5
