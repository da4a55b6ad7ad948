"""What lies behind everything: floor, wall or sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmpose_ext.simulation.materials import Material, fabric, hsv, random_colour
from mmpose_ext.simulation.noise_images import noise_image
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.renderer import Light
from mmpose_ext.simulation.shadows import floor_shadow
from mmpose_ext.simulation.solids import Solid

KINDS = ('room', 'outdoors', 'abstract')
"""Kinds of background."""

_FAR = 60.0
_NOWHERE = 1e5


@dataclass(frozen=True, eq=False)
class Background:
    """What lies behind everything.

    Args:
        kind: One of :data:`KINDS`.
        floor: Material of the floor.
        wall: Material of the wall of a room, or of the sky line outdoors.
        distance: How far the wall is from the camera, metres.
        yaw: Direction of the wall's normal against the camera's, radians.
        panels: Pictures and windows of the wall: left, low, right, high ``(N, 4)``,
            metres.
        panel_materials: Their materials.
        sky: Linear RGB at the horizon and in the zenith ``(2, 3)``.
        unevenness: Strength of the stains on everything, as a fraction.
        seed: Of the noise.
    """

    kind: str
    floor: Material
    wall: Material
    distance: float
    yaw: float
    panels: np.ndarray
    panel_materials: tuple[Material, ...]
    sky: np.ndarray
    unevenness: float
    seed: int

    @classmethod
    def sample(cls, generator: np.random.Generator, *, distance: float) -> Background:
        """Draw a background.

        Args:
            generator: Source of randomness.
            distance: How far it must be at least, metres.
        """
        kind = str(generator.choice(KINDS, p=(0.45, 0.35, 0.2)))
        count = int(generator.integers(0, 7))
        corner = generator.uniform((-5, 0), (4, 2), (count, 2))
        size = generator.uniform(0.2, 1.8, (count, 2))
        return cls(
            kind,
            _building_material(generator, period=(0.15, 1.2)),
            _building_material(generator, period=(0.1, 0.9)),
            distance + generator.uniform(0.3, 5),
            generator.uniform(-0.6, 0.6),
            np.concatenate([corner, corner + size], axis=1),
            tuple(fabric(generator, plain=0.3) for _ in range(count)),
            np.stack(
                [
                    hsv(generator.uniform(0.5, 0.65), generator.uniform(0, 0.3), 0.95),
                    hsv(generator.uniform(0.55, 0.62), generator.uniform(0, 0.7), 0.85),
                ]
            ),
            generator.uniform(0.05, 0.4),
            int(generator.integers(2**31)),
        )

    def paint(
        self, camera: Pinhole, light: Light, solids: Sequence[Solid]
    ) -> np.ndarray:
        """The background as the camera sees it, with the solids' shadows.

        Args:
            camera: The camera.
            light: The light.
            solids: What stands on the floor.

        Returns:
            Linear RGB ``(height, width, 3)``, float32.
        """
        generator = np.random.default_rng(self.seed)
        size = camera.size
        grain = noise_image(size, generator, octaves=(3, 10, 37))
        if self.kind == 'abstract':
            return _abstract(size, generator, (self.floor, self.wall))
        columns, rows = (np.arange(length) for length in size)
        rays = camera.rays(columns, rows[:, None]).astype(np.float32)
        image = np.empty_like(rays)
        with np.errstate(divide='ignore'):
            depth = -np.float32(camera.place[2]) / rays[..., 2]
        wall = self._wall_depth(camera, rays) if self.kind == 'room' else _FAR
        on_floor = (rays[..., 2] < 0) & (depth < wall)
        beyond = rays[~on_floor]
        if self.kind == 'room':
            image[~on_floor] = self._wall(camera, beyond, light)
        else:
            image[~on_floor] = self._sky(beyond, light, generator)
        self._lay_floor(image, on_floor, depth, rays, camera, light, solids)
        image *= 1 + self.unevenness * grain[..., None]
        return np.maximum(image, 0)

    def _lay_floor(
        self,
        image: np.ndarray,
        on_floor: np.ndarray,
        depth: np.ndarray,
        rays: np.ndarray,
        camera: Pinhole,
        light: Light,
        solids: Sequence[Solid],
    ) -> None:
        """Paint the floor, with shadows and haze, over ``image`` in place."""
        place = camera.place.astype(np.float32)
        points = place + depth[on_floor, None] * rays[on_floor]
        plane = np.full((*depth.shape, 2), _NOWHERE, np.float32)
        plane[on_floor] = points[:, :2]
        shadow = floor_shadow(solids, light, camera, plane)[on_floor, None]
        lamp, ambient = np.float32(light.colour), np.float32(0.9 * light.ambient)
        lit = np.float32(light.direction[2]) * (1 - shadow) * lamp
        floor = _flattened(self.floor, points, depth[on_floor], camera)
        floor = floor * (lit + ambient * (1 - 0.35 * shadow))
        if self.kind == 'outdoors':
            haze = np.minimum(depth[on_floor, None] / _FAR, 1)
            horizon = self.sky[0] * (light.direction[2] * lamp + ambient)
            floor += haze * (np.float32(horizon) - floor)
        image[on_floor] = floor

    def _wall_depth(self, camera: Pinhole, rays: np.ndarray) -> np.ndarray:
        normal, _ = self._wall_axes(camera)
        with np.errstate(divide='ignore'):
            depth = np.float32(self.distance) / (rays @ np.float32(normal))
        return np.where(depth > 0, depth, np.inf)

    def _wall_axes(self, camera: Pinhole) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors ``(3,)`` into the wall and along it, both level."""
        ahead = camera.rotation[2, :2]
        yaw = np.arctan2(ahead[1], ahead[0]) + self.yaw
        return np.array([np.cos(yaw), np.sin(yaw), 0]), np.array(
            [np.sin(yaw), -np.cos(yaw), 0]
        )

    def _wall(self, camera: Pinhole, rays: np.ndarray, light: Light) -> np.ndarray:
        normal, side = self._wall_axes(camera)
        depth = np.minimum(self._wall_depth(camera, rays), 1e3)
        points = depth[:, None] * rays
        across = points @ np.float32(side)
        height = points[:, 2] + np.float32(camera.place[2])
        local = np.stack([np.zeros_like(across), across, height], axis=-1)
        colours = np.array(_flattened(self.wall, local, depth, camera))
        for (left, low, right, high), material in zip(
            self.panels, self.panel_materials, strict=True
        ):
            inside = (across > left) & (across < right) & (height > low)
            inside &= height < high
            colours[inside] = material.colours(local[inside])
        towards = max(float(-normal @ light.direction), 0)
        return colours * np.float32(towards * light.colour + light.ambient)

    def _sky(
        self, rays: np.ndarray, light: Light, generator: np.random.Generator
    ) -> np.ndarray:
        level = np.hypot(rays[:, 0], rays[:, 1])
        slope, azimuth = rays[:, 2] / level, np.arctan2(rays[:, 1], rays[:, 0])
        part = np.clip(slope / 0.6, 0, 1)[:, None]
        low, high = self.sky.astype(np.float32)
        image = low + part * (high - low)
        rate, phase = generator.uniform(2, 40, 5), generator.uniform(0, 6.3, 5)
        ridge = np.sin(azimuth[:, None] * np.float32(rate) + np.float32(phase))
        if generator.random() < 0.5:  # houses rather than trees
            ridge = np.sign(ridge)
        skyline = generator.uniform(0.0, 0.3) + 0.04 * ridge.sum(axis=1)
        near = np.clip((skyline - slope) * 200, 0, 1)
        below = near > 0
        local = np.stack([0 * slope, azimuth * 12, slope * 12], axis=-1)[below]
        hills = self.wall.colours(local) * (0.4 * light.colour + light.ambient)
        image[below] += near[below, None] * (hills - image[below])
        return image


def _flattened(
    material: Material, points: np.ndarray, depth: np.ndarray, camera: Pinhole
) -> np.ndarray:
    """Colours of a surface whose pattern fades where it is finer than a pixel."""
    colours = material.colours(points)
    mean = 0.5 * (material.colour + material.accent)
    if material.pattern == 'plain':
        mean = material.colour
    finest = np.abs(material.waves).max() / np.pi
    fade = np.clip(depth * np.float32(finest / camera.focal), 0, 1)[:, None]
    return colours + fade * (np.float32(mean) - colours)


def _building_material(
    generator: np.random.Generator, *, period: tuple[float, float]
) -> Material:
    """Like a fabric, but mostly dull and with little contrast."""
    material = fabric(generator, plain=0.25, period=period)
    dullness, contrast = generator.uniform(0, 0.8), generator.uniform(0.1, 1)
    colour = material.colour + dullness * (material.colour.mean() - material.colour)
    accent = colour + contrast * (material.accent - colour)
    return replace(material, colour=colour, accent=accent, relief=0.0)


def _abstract(
    size: tuple[int, int],
    generator: np.random.Generator,
    materials: tuple[Material, Material],
) -> np.ndarray:
    """Noise of several colours, with flat shapes on it."""
    width, height = size
    image = np.empty((height, width, 3), np.float32)
    octaves = tuple(generator.permutation([3, 7, 17, 41])[:3])
    common = noise_image(size, generator, octaves=octaves)
    for channel in range(3):
        own = noise_image(size, generator, octaves=octaves)
        image[..., channel] = 0.7 * common + 0.4 * own
    first, second = (material.colour for material in materials)
    image = 0.5 * (first + second) + 0.6 * image * np.abs(first - second)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    y = y[:, None]
    for _ in range(generator.integers(4, 22)):
        middle = generator.uniform(0, (width, height)).astype(np.float32)
        half = width * np.exp(generator.uniform(np.log(0.0125), np.log(0.19), 2))
        turn = generator.uniform(0, np.pi)
        cos, sin = np.cos(turn), np.sin(turn)
        right, down = x - middle[0], y - middle[1]
        along = right * np.float32(cos / half[0]) + down * np.float32(sin / half[0])
        across = down * np.float32(cos / half[1]) - right * np.float32(sin / half[1])
        if generator.random() < 0.5:
            inside = np.maximum(np.abs(along), np.abs(across)) < 1
        else:
            inside = along * along + across * across < 1
        image[inside] = random_colour(generator)
    return np.maximum(image, 0).astype(np.float32)
