"""A spinning LiDAR scanner: points on the surface that its rays meet first."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.ray_casting import ray_capsule
from mmpose_ext.simulation.sensors.parameters import LidarParameters
from mmpose_ext.simulation.sensors.surface import Surface

_REFERENCE_M = 3.0


def scan(
    surface: Surface,
    reflectivity: np.ndarray,
    place: np.ndarray,
    axes: np.ndarray,
    *,
    parameters: LidarParameters,
    generator: np.random.Generator,
) -> np.ndarray:
    """Take one turn of the scanner.

    Beams stand one above the other and are shot at equal steps of azimuth. An echo gets
    lost the more easily, the less light comes back: by the reflectivity of the
    material, the cosine of incidence and the square of the range. Points of other
    things are not returned, as those of MM-Fi are cut out around the person.

    Args:
        surface: Capsules at one moment ``(C, 3)``, world, metres.
        reflectivity: Of each capsule ``(C,)``, 0 to 1.
        place: Where the scanner is ``(3,)``.
        axes: Its directions ahead, left and up, as rows ``(3, 3)``.
        parameters: The scanner.
        generator: Source of randomness.

    Returns:
        Points ``(N, 3)``, world, metres, beam by beam.
    """
    low, high = np.radians(parameters.vertical_deg)
    elevations = np.linspace(low, high, parameters.num_beams)
    step = 2 * np.pi / parameters.columns
    # No two turns begin at the same angle.
    begin = step * generator.random()
    row, column, capsule = _candidates(surface, place, axes, elevations, begin, step)
    if not len(row):
        return np.empty((0, 3))
    azimuth, elevation = begin + step * column, elevations[row]
    level = np.cos(elevation)
    rays = np.column_stack(
        [level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)]
    )
    rays = rays @ axes
    starts, ends = surface.starts[capsule], surface.ends[capsule]
    radii = surface.radii[capsule]
    ranges = ray_capsule(place, rays, starts, ends, radii)

    ray = row * (2 * parameters.columns) + column + parameters.columns
    order = np.lexsort((ranges, ray))
    first = np.concatenate([[True], np.diff(ray[order]) > 0])
    met = order[first]
    met = met[np.isfinite(ranges[met])]
    points = place + ranges[met, None] * rays[met]
    cosine = _cosine(points, rays[met], starts[met], ends[met], radii[met])
    signal = reflectivity[capsule[met]] * cosine * (_REFERENCE_M / ranges[met]) ** 2
    found = generator.random(len(met)) < (1 - parameters.drop_rate) * (
        1 - np.exp(-signal / parameters.drop_signal)
    )
    noise = parameters.noise_m * generator.standard_normal(len(met))
    return (points + noise[:, None] * rays[met])[found]


def _candidates(
    surface: Surface,
    place: np.ndarray,
    axes: np.ndarray,
    elevations: np.ndarray,
    begin: float,
    step: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a ray (its row and column) and a capsule that it may meet ``(N,)``."""
    ends = np.stack([surface.starts, surface.ends]) - place
    ahead, left, up = np.moveaxis(ends @ axes.T, -1, 0)
    level = np.hypot(ahead, left)
    azimuth, elevation = np.arctan2(left, ahead), np.arctan2(up, level)
    wide = np.arcsin(np.minimum(surface.radii / level, 1))
    high = np.arcsin(np.minimum(surface.radii / np.hypot(level, up), 1))
    first = np.floor(((azimuth - wide).min(axis=0) - begin) / step).astype(int)
    last = np.ceil(((azimuth + wide).max(axis=0) - begin) / step).astype(int)
    # A straight line may bulge a little beyond the elevations of its ends.
    spare = elevations[1] - elevations[0]
    bottom = np.searchsorted(elevations, (elevation - high).min(axis=0) - spare)
    top = np.searchsorted(elevations, (elevation + high).max(axis=0) + spare)
    width, height = last - first + 1, top - bottom
    counts = width * height
    capsule = np.repeat(np.arange(len(counts)), counts)
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    row = bottom[capsule] + number // width[capsule]
    column = first[capsule] + number % width[capsule]
    return row, column, capsule


def _cosine(
    points: np.ndarray,
    rays: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    radii: np.ndarray,
) -> np.ndarray:
    """Cosine of incidence ``(N,)`` of rays on capsules."""
    axes, offsets = ends - starts, points - starts
    part = (offsets * axes).sum(-1) / np.maximum((axes * axes).sum(-1), 1e-12)
    normals = offsets - np.clip(part, 0, 1)[:, None] * axes
    return np.abs((normals * rays).sum(-1)) / radii
