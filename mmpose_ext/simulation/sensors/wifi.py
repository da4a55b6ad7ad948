"""Channel state information between a transmitter and three antennas in a room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.sensors.multipath import (
    LIGHT_MPS,
    blocked_share,
    frequencies,
    image_sources,
    path_response,
    scattered_response,
)
from mmpose_ext.simulation.sensors.parameters import Room, WifiParameters
from mmpose_ext.simulation.sensors.patches import Patches
from mmpose_ext.simulation.sensors.surface import Surface

_CHUNK = 64


@dataclass(frozen=True, eq=False)
class Link:
    """A transmitter and the antennas of a receiver in a room.

    Args:
        room: The room.
        transmitter: ``(3,)``, world, metres.
        antennas: ``(A, 3)``.
        parameters: Band, and how paths are followed.
    """

    room: Room
    transmitter: np.ndarray
    antennas: np.ndarray
    parameters: WifiParameters

    @property
    def frequency(self) -> np.ndarray:
        """Of the sub-carriers ``(114,)``, hertz."""
        return frequencies(self.parameters.centre_hz, self.parameters.spacing_hz)

    @property
    def wavelength_m(self) -> float:
        """In the middle of the band, metres."""
        return LIGHT_MPS / self.parameters.centre_hz

    def direct(self) -> np.ndarray:
        """The direct path alone ``(A, 114)``, complex."""
        lengths = np.linalg.norm(self.antennas - self.transmitter, axis=-1)
        gains = self.wavelength_m / (4 * np.pi * lengths)
        return path_response(lengths[:, None], gains[:, None], self.frequency)

    def surroundings(self) -> np.ndarray:
        """Walls and furniture without the direct path ``(A, 114)``, complex."""
        sources, shares = self._images(self.parameters.room_order)
        lengths = np.linalg.norm(self.antennas[:, None] - sources[1:], axis=-1)
        gains = shares[1:] * self.wavelength_m / (4 * np.pi * lengths)
        total = path_response(lengths, gains, self.frequency)
        things = np.array(self.room.furniture).reshape(-1, 4)
        if not len(things):
            return total
        there = np.linalg.norm(things[:, :3] - self.transmitter, axis=-1)
        back = np.linalg.norm(self.antennas[:, None] - things[:, :3], axis=-1)
        gains = self.wavelength_m * np.sqrt(things[:, 3]) / (4 * np.pi) ** 1.5
        gains = gains / (there * back)
        return total + path_response(there + back, gains, self.frequency)

    def person(self, patches: Patches) -> np.ndarray:
        """What a person scatters.

        Patches reflect as physical optics has it, ``area * reflectivity / (4 pi d1
        d2)`` times the cosines of both ways, if they face both; that one limb hides
        another is left aside, since waves of 6 cm go round limbs.

        Args:
            patches: At moments ``(M, P)``, world, metres.

        Returns:
            ``(M, A, 114)``, complex.
        """
        sources, shares = self._images(self.parameters.body_order)
        to_patches, lit = _ways(patches, sources)
        from_patches, seen = _ways(patches, self.antennas)
        reflectivity = np.where(
            patches.bare,
            self.parameters.skin_reflectivity,
            self.parameters.cloth_reflectivity,
        )
        sent = shares[:, None] * lit / to_patches
        received = patches.areas * reflectivity * seen / (4 * np.pi * from_patches)
        return scattered_response(
            to_patches, sent, from_patches, received, self.frequency
        )

    def response(self, surface: Surface, patches: Patches) -> np.ndarray:
        """The channel with a person in the room.

        Args:
            surface: Capsules at moments ``(M, C)``, world, metres.
            patches: The same surface cut up ``(M, P)``.

        Returns:
            ``(M, A, 114)``, complex: field that arrives against the one sent.
        """
        free = blocked_share(
            self.transmitter,
            self.antennas,
            surface.starts,
            surface.ends,
            surface.radii,
            self.wavelength_m,
        )
        total = free[..., None] * self.direct() + self.surroundings()
        for begin in range(0, len(total), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            total[part] += self.person(
                Patches(
                    *(patches.places[part], patches.normals[part]),
                    *(patches.areas, patches.bare),
                )
            )
        return total

    def _images(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        walls = np.array(self.room.walls_m)
        reflection = np.array(self.room.reflection).reshape(3, 2)
        return image_sources(self.transmitter, walls, reflection, order)


def _ways(patches: Patches, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances ``(M, N, P)`` of places from patches and roots of the cosines."""
    ways = places[:, None] - patches.places[:, None]
    distances = np.sqrt(np.einsum('...i,...i', ways, ways))
    cosines = np.einsum('...i,...i', ways, patches.normals[:, None]) / distances
    return distances, np.sqrt(np.maximum(cosines, 0))
