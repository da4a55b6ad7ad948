"""The camera that looks at a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.geometry import project_to_pixels, world_to_camera

_NEAR = 0.05


@dataclass(frozen=True, eq=False)
class Pinhole:
    """A camera without distortion; the centre of the upper left pixel is (0, 0).

    Args:
        place: Where it is ``(3,)``, world (z up), metres.
        rotation: World to camera (x right, y down, z forward) ``(3, 3)``.
        focal: Focal length, pixels.
        size: ``(width, height)``, pixels.
    """

    place: np.ndarray
    rotation: np.ndarray
    focal: float
    size: tuple[int, int]

    @classmethod
    def looking(
        cls,
        place: np.ndarray,
        *,
        yaw: float = 0.0,
        pitch: float = 0.0,
        roll: float = 0.0,
        focal: float,
        size: tuple[int, int],
    ) -> Pinhole:
        """A camera that looks along +x, turned.

        Args:
            place: See above.
            yaw: To the left, radians.
            pitch: Downward, radians.
            roll: Clockwise as seen from behind, radians.
            focal: See above.
            size: See above.
        """
        ahead = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
        cos, sin = np.cos(yaw), np.sin(yaw)
        turned = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        cos, sin = np.cos(pitch), np.sin(pitch)
        lowered = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        cos, sin = np.cos(roll), np.sin(roll)
        rolled = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
        return cls(place, rolled @ lowered @ ahead @ turned, focal, size)

    @property
    def centre(self) -> np.ndarray:
        """Principal point ``(2,)``: the middle of the image."""
        return (np.asarray(self.size) - 1) / 2

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points ``(..., 3)`` in the camera's frame; z is their depth."""
        return world_to_camera(
            points, self.rotation, -self.rotation @ np.asarray(self.place)
        )

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels ``(..., 2)`` and depths ``(...)`` of world points ``(..., 3)``."""
        cam = self.to_camera(np.asarray(points, np.float64))
        with np.errstate(divide='ignore', invalid='ignore'):
            pixels = project_to_pixels(cam, [self.focal] * 2, self.centre)
        return pixels, cam[..., 2]

    def rays(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Directions through pixels, in the world.

        Args:
            x: Columns ``(...)``, pixels, whole or not.
            y: Rows, which broadcast against them.

        Returns:
            ``(..., 3)``; each goes one metre deep, so that multiples of it are depths.
        """
        columns = (np.asarray(x) - self.centre[0]) / self.focal
        rows = (np.asarray(y) - self.centre[1]) / self.focal
        rays = np.empty((*np.broadcast_shapes(columns.shape, rows.shape), 3))
        # One axis at a time: loops over pixels, not over three numbers.
        for axis, (right, down, ahead) in enumerate(self.rotation.T):
            np.add(columns * right, rows * down + ahead, out=rays[..., axis])
        return rays

    def windows(self, points: np.ndarray) -> np.ndarray:
        """Which pixels may see the convex hulls of some points.

        Args:
            points: Corners of the hulls ``(S, N, 3)``, world, metres.

        Returns:
            First column and row, and those after the last, ``(S, 2, 2)``, within the
            picture; nothing lies between them if no pixel sees the hull.
        """
        size = np.asarray(self.size)
        pixels, depths = self.project(points)
        crosses = depths.min(axis=1) < _NEAR
        behind = depths.max(axis=1) < _NEAR
        low = np.where(crosses[:, None], 0, np.floor(pixels.min(axis=1)))
        high = np.where(crosses[:, None], size, np.ceil(pixels.max(axis=1)) + 1)
        high = np.where(behind[:, None], 0, high)
        windows = np.stack([low, high], axis=1)
        return np.clip(windows, 0, size).astype(int)
