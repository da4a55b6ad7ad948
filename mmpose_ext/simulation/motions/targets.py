"""What a motion asks of a body, and the world in which it asks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

GRAVITY = 9.81
"""Metres per second squared."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What a motion asks of a body, in a world with z up, metres and radians.

    Args:
        pelvis: Place of the root ``(F, 3)``.
        tilt: Yaw, pitch (forward) and roll (to the right) of the pelvis ``(F, 3)``.
        ankles: Place of the right and left ankle ``(F, 2, 3)``.
        foot_yaw: Heading of the feet ``(F, 2)``.
        foot_pitch: How far the heel is up (negative: the toe) ``(F, 2)``.
        free: 0 for a foot that must be where it is asked to be, up to 1 for one that
            may be drawn nearer if the leg is too short ``(F, 2)``.
        angles: Angles ``(F,)`` of the upper body by name; others are zero.
    """

    pelvis: np.ndarray
    tilt: np.ndarray
    ankles: np.ndarray
    foot_yaw: np.ndarray
    foot_pitch: np.ndarray
    free: np.ndarray
    angles: dict[str, np.ndarray] = field(default_factory=dict)


def placed(targets: Targets, room: float, generator: np.random.Generator) -> Targets:
    """Turn everything to a random heading and move it by up to ``room`` metres."""
    yaw, shift = generator.uniform(-np.pi, np.pi), generator.uniform(-room, room, 2)
    cos, sin = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    offset = np.array([*shift, 0])
    return Targets(
        pelvis=targets.pelvis @ rotation.T + offset,
        tilt=targets.tilt + [yaw, 0, 0],
        ankles=targets.ankles @ rotation.T + offset,
        foot_yaw=targets.foot_yaw + yaw,
        foot_pitch=targets.foot_pitch,
        free=targets.free,
        angles=targets.angles,
    )
