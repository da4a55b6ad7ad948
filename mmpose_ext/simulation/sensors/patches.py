"""The surface of a person as small patches, for sensors that add up echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.sensors.surface import Surface


@dataclass(frozen=True, eq=False)
class Patches:
    """Small pieces of a surface, each of which stays with its flesh.

    Args:
        places: ``(..., P, 3)``, metres.
        normals: Outward unit vectors ``(..., P, 3)``.
        areas: ``(P,)``, square metres.
        bare: Whether it is skin, otherwise cloth ``(P,)``.
    """

    places: np.ndarray
    normals: np.ndarray
    areas: np.ndarray
    bare: np.ndarray


def surface_patches(surface: Surface, size_m: float) -> Patches:
    """Cut a surface into patches.

    The tube of each capsule is cut into rings and these into squares; the round ends
    have patches of their own. Where capsules run into each other patches may lie
    inside the body.

    Args:
        surface: Capsules ``(..., C)``; their lengths at the first moment, which hardly
            change, decide how many patches there are.
        size_m: Rough edge of a patch, metres.

    Returns:
        The patches ``(..., P)``, in the same order at all moments.
    """
    axes = surface.ends - surface.starts
    lengths = np.linalg.norm(axes, axis=-1, keepdims=True)
    index, along, polar, angle, areas = _layout(
        lengths.reshape(-1, len(surface.radii))[0], surface.radii, size_m
    )

    ahead = axes / np.maximum(lengths, 1e-9)
    side = surface.across - (surface.across * ahead).sum(-1, keepdims=True) * ahead
    side = side / np.linalg.norm(side, axis=-1, keepdims=True)
    other = np.cross(ahead, side)
    normals = (np.sin(polar) * np.cos(angle))[:, None] * side[..., index, :]
    normals += (np.sin(polar) * np.sin(angle))[:, None] * other[..., index, :]
    normals += np.cos(polar)[:, None] * ahead[..., index, :]
    places = surface.starts[..., index, :] + along[:, None] * axes[..., index, :]
    places += surface.radii[index, None] * normals
    return Patches(places, normals, areas, surface.bare[index])


def _layout(
    lengths: np.ndarray, radii: np.ndarray, size_m: float
) -> tuple[np.ndarray, ...]:
    """Capsule, part of the axis, polar angle, angle about the axis and area."""
    rows = []
    for index, (length, radius) in enumerate(zip(lengths, radii, strict=True)):
        around = max(4, round(2 * np.pi * radius / size_m))
        rings = max(1, round(length / size_m))
        area = 2 * np.pi * radius * length / (rings * around)
        for ring in range(rings):
            rows += _ring(index, (ring + 0.5) / rings, np.pi / 2, around, area)
        cap = 2 * np.pi * radius**2 / (around // 2)
        for end, polar in ((0.0, 0.75 * np.pi), (1.0, 0.25 * np.pi)):
            rows += _ring(index, end, polar, around // 2, cap)
    columns = np.array(rows).T
    return columns[0].astype(int), *columns[1:]


def _ring(
    index: int, along: float, polar: float, count: int, area: float
) -> list[tuple[float, ...]]:
    return [
        (index, along, polar, 2 * np.pi * number / count, area)
        for number in range(count)
    ]
