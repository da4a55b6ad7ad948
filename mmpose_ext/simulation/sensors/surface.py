"""What sensors meet: the surface of a person as capsules of skin and cloth.

Sensors are given surfaces, walls and antennas, and nothing else of a person: no angle
or name of an action reaches them. The ends of a capsule's axis are joints, though. The
camera's detector uses them: before its noise, its keypoints are projections of the very
joints of the ground truth. LiDAR, radar and WiFi meet the skin alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.kinematics import (
    Kinematics,
    capsule_axes,
    segment_rotations,
)
from mmpose_ext.simulation.ray_casting import ray_capsule

BARE = ('neck', 'head', 'forearm', 'hand')
"""Parts of the body that show the skin."""

_SEGMENT_OF = {'abdomen': 'lumbar', 'shoulders': 'chest', 'hand': 'forearm'}
_TOLERANCE_M = 0.02


@dataclass(frozen=True, eq=False)
class Surface:
    """Capsules at one moment or at many.

    Args:
        starts: One end of each axis ``(..., C, 3)``, metres.
        ends: The other end ``(..., C, 3)``.
        across: A vector ``(..., C, 3)`` that is fixed to each capsule and not along
            its axis: it tells how the capsule turns about the axis.
        radii: ``(C,)``, metres.
        bare: Whether it is skin, otherwise cloth ``(C,)``.
    """

    starts: np.ndarray
    ends: np.ndarray
    across: np.ndarray
    radii: np.ndarray
    bare: np.ndarray

    def __getitem__(self, moments: int | slice | np.ndarray) -> Surface:
        """The surface at some of the moments (along the first axis)."""
        return Surface(
            *(self.starts[moments], self.ends[moments], self.across[moments]),
            *(self.radii, self.bare),
        )

    def of_material(self, skin: float, cloth: float) -> np.ndarray:
        """A property of each capsule ``(C,)``, given that of skin and of cloth."""
        return np.where(self.bare, skin, cloth)


def body_surface(body: Body, kinematics: Kinematics, *, cloth_m: float) -> Surface:
    """The surface of a clothed person.

    Args:
        body: The person.
        kinematics: Its postures ``(...,)``, world or camera frame, metres.
        cloth_m: Thickness of the clothes, metres.

    Returns:
        The capsules ``(..., C)`` in the order of :data:`CAPSULES`.
    """
    starts, ends, radii = capsule_axes(body, kinematics)
    bare = np.array([_part(capsule.name) in BARE for capsule in CAPSULES])
    across = [
        segment_rotations(kinematics, _segment(capsule.name))[
            ..., 2 if _part(capsule.name) == 'foot' else 0
        ]
        for capsule in CAPSULES
    ]
    return Surface(
        *(starts, ends, np.stack(across, axis=-2)),
        *(radii + np.where(bare, 0.0, cloth_m), bare),
    )


def hidden(surface: Surface, points: np.ndarray, viewer: np.ndarray) -> np.ndarray:
    """Whether a capsule lies between a viewer and points of the surface.

    Args:
        surface: Capsules at one moment ``(C, 3)``.
        points: ``(N, 3)``, metres.
        viewer: ``(3,)``, metres.

    Returns:
        ``(N,)``; what lies within 2 cm before a point is taken for its own flesh.
    """
    ways = points - viewer
    met = ray_capsule(
        viewer, ways[:, None], surface.starts, surface.ends, surface.radii
    ).min(axis=1)
    return (1 - met) * np.linalg.norm(ways, axis=-1) > _TOLERANCE_M


def _part(name: str) -> str:
    return name.removeprefix('left_').removeprefix('right_')


def _segment(name: str) -> str:
    part = _part(name)
    return name.removesuffix(part) + _SEGMENT_OF.get(part, part)
