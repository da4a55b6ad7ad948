"""The things of a scene: shapes with frames, materials and marks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmpose_ext.simulation.materials import Material
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.ray_casting import ray_box, ray_capsule


@dataclass(frozen=True, eq=False)
class CapsuleShape:
    """All points within a radius of a line.

    Args:
        start: One end of the line ``(3,)``, world, metres.
        end: The other end ``(3,)``; the same point makes a ball.
        radius: Metres.
    """

    start: np.ndarray
    end: np.ndarray
    radius: float

    def depths(self, camera: Pinhole, rays: np.ndarray) -> np.ndarray:
        """Depth ``(...)`` at which rays ``(..., 3)`` of a camera meet it."""
        return ray_capsule(camera.place, rays, self.start, self.end, self.radius)

    def normals(self, points: np.ndarray) -> np.ndarray:
        """Outward normals ``(N, 3)`` at points of the surface."""
        nearest = self.start + self.along(points)[:, None] * (self.end - self.start)
        return (points - nearest) / self.radius

    def along(self, points: np.ndarray) -> np.ndarray:
        """Where on the axis points lie ``(N,)``: 0 at the start, 1 at the end."""
        axis = self.end - self.start
        part = (points - self.start) @ axis / max(axis @ axis, 1e-12)
        return np.clip(part, 0, 1)

    @property
    def corners(self) -> np.ndarray:
        """Corners ``(16, 3)`` of a hull, world, metres."""
        ends = np.stack([self.start, self.end])[:, None]
        return (ends + self.radius * _CORNERS).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class BoxShape:
    """A box.

    Args:
        centre: ``(3,)``, world, metres.
        rotation: ``(3, 3)``, from its axes to the world.
        half_size: Half of each edge ``(3,)``, metres.
    """

    centre: np.ndarray
    rotation: np.ndarray
    half_size: np.ndarray

    def depths(self, camera: Pinhole, rays: np.ndarray) -> np.ndarray:
        """Depth ``(...)`` at which rays ``(..., 3)`` of a camera meet it."""
        return ray_box(camera.place, rays, self.centre, self.rotation, self.half_size)

    def normals(self, points: np.ndarray) -> np.ndarray:
        """Outward normals ``(N, 3)`` at points of the surface."""
        local = (points - self.centre) @ self.rotation / self.half_size
        face = np.abs(local).argmax(axis=-1)
        sign = np.sign(np.take_along_axis(local, face[:, None], axis=-1))
        return sign * self.rotation.T[face]

    def along(self, points: np.ndarray) -> np.ndarray:
        """0 ``(N,)``: a box has no beginning and no end."""
        return np.zeros(len(points))

    @property
    def corners(self) -> np.ndarray:
        """Corners ``(16, 3)``, each twice, world, metres."""
        corners = self.centre + (_CORNERS * self.half_size) @ self.rotation.T
        return np.concatenate([corners, corners])


@dataclass(frozen=True, eq=False)
class Mark:
    """A place of another colour on a thing, such as an eye or a placket.

    Args:
        centre: ``(3,)`` in the thing's frame, metres.
        half_size: Half of its extent along each axis ``(3,)``; infinity reaches on.
        material: What it is made of.
        round: Whether it is an ellipsoid instead of a box.
    """

    centre: np.ndarray
    half_size: np.ndarray
    material: Material
    round: bool = False

    def covers(self, points: np.ndarray) -> np.ndarray:
        """Whether points ``(N, 3)`` of the thing's frame lie in it ``(N,)``."""
        offset = np.abs(points - self.centre) / self.half_size
        if self.round:
            return (offset**2).sum(axis=-1) <= 1
        return offset.max(axis=-1) <= 1


@dataclass(frozen=True, eq=False)
class Solid:
    """A thing with a surface.

    Args:
        shape: Its shape in the world.
        material: What it is made of.
        rotation: ``(3, 3)``, from the frame that carries patterns and marks to the
            world.
        origin: Origin of that frame ``(3,)``, world.
        beyond: What it is made of past ``split``; ``None``: the same.
        split: Part of the axis, from its start, after which ``beyond`` begins.
        marks: Places of other colours; later ones lie on top.
    """

    shape: CapsuleShape | BoxShape
    material: Material
    rotation: np.ndarray = field(default_factory=lambda: np.eye(3))
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))
    beyond: Material | None = None
    split: float = 1.0
    marks: tuple[Mark, ...] = ()

    def colours(self, points: np.ndarray) -> np.ndarray:
        """Linear RGB ``(N, 3)`` at points ``(N, 3)`` of the surface, world."""
        local = (points - self.origin) @ self.rotation
        colours = self.material.colours(local)
        if self.beyond is not None:
            past = self.shape.along(points) > self.split
            colours = np.where(past[:, None], self.beyond.colours(local), colours)
        for mark in self.marks:
            covered = mark.covers(local)
            if covered.any():
                colours = np.array(colours)
                colours[covered] = mark.material.colours(local[covered])
        return colours


_CORNERS = np.array(
    [(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]
)
