"""Feet that step from footprint to footprint without sliding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.time_signals import (
    freedom,
    keyframes,
    swing_bump,
    swing_progress,
)


@dataclass(frozen=True)
class Gait:
    """How somebody steps; phases are fractions of a stride, which begins at contact.

    Args:
        speed: Metres per second.
        stride: Length of two steps, metres.
        duty: Part of the stride in which a foot is on the floor.
        heel_off: Phase at which the heel leaves the floor.
        heel_rise: Greatest angle of the heel, radians.
        toe_raise: Angle of the toe at contact, radians.
        lift: Further height of the ankle in the swing, metres.
        half_width: Distance of a foot from the line of travel, metres.
        toe_out: Radians.
        dip: By how much the pelvis sinks over the standing leg, as a runner's does,
            amplitude in metres; 0 for a walker, whose pelvis rises there as far as
            the legs make it.
    """

    speed: float
    stride: float
    duty: float
    heel_off: float
    heel_rise: float
    toe_raise: float
    lift: float
    half_width: float
    toe_out: float
    dip: float = 0.0


def stepping_feet(
    body: Body,
    gait: Gait,
    phase: np.ndarray,
    footprints: Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Move the ankles from footprint to footprint.

    A foot lands on the heel, lies flat, rolls over the toe and swings to the next
    footprint; heel and toe do not slide. The swing has roughly the speed
    ``(1 - x^4)^2`` with x from -1 to 1, whose peak is 1.41 times its mean, as when
    people walk.

    Args:
        body: The person.
        gait: How it steps.
        phase: Strides since the start ``(F,)``; the right foot lands at whole numbers,
            the left one half a stride later.
        footprints: From a side (0: right) and the phases ``(N,)`` in the middle of
            its stances to the places ``(N, 2)`` under the ankles and the continuous
            headings ``(N,)``.

    Returns:
        Ankles ``(F, 2, 3)``; foot yaw, foot pitch and how free the feet are ``(F, 2)``.
    """
    sides = []
    for side in range(2):
        cycle = phase - 0.5 * side
        step = np.floor(cycle).astype(int)
        part = cycle - step
        steps = np.arange(step.min(), step.max() + 2)
        place, yaw = footprints(side, steps + gait.duty / 2 + 0.5 * side)
        index = step - steps[0]
        swing = np.clip((part - gait.duty) / (1 - gait.duty), 0, 1)
        moved = swing_progress(swing**0.85)
        heading = yaw[index] + moved * (yaw[index + 1] - yaw[index])
        ground = place[index] + moved[:, None] * (place[index + 1] - place[index])
        heel, toe = _foot_roll(gait, part)
        forward, up = roll_offset(body, heel, toe)
        up = up + gait.lift * swing_bump(swing)
        direction = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        ground = ground + forward[:, None] * direction
        ankle = np.column_stack([ground, body.ankle_height + up])
        sides.append((ankle, heading, heel - toe, freedom(swing)))
    ankles, yaw, pitch, free = (
        np.stack(pair, axis=1) for pair in zip(*sides, strict=True)
    )
    return ankles, yaw, pitch, free


def _foot_roll(gait: Gait, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far heel and toe are up, by the phase of the stride."""
    peak = gait.duty + 0.06
    heel = keyframes(
        part, [0, gait.heel_off, peak, 0.93, 1], [0, 0, gait.heel_rise, 0, 0]
    )
    toe = keyframes(part, [0, 0.10, 0.80, 1], [gait.toe_raise, 0, 0, gait.toe_raise])
    return heel, toe


def roll_offset(
    body: Body, heel: np.ndarray | float, toe: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Way of the ankle, forward and up, when the foot rolls over its toe or heel."""
    front, height = body.offset('left_toe')[0], -body.offset('left_toe')[2]
    rear = -body.offset('left_heel')[0]
    forward = front * (1 - np.cos(heel)) + height * np.sin(heel)
    forward = forward + rear * (np.cos(toe) - 1) - height * np.sin(toe)
    up = front * np.sin(heel) + height * (np.cos(heel) - 1)
    up = up + rear * np.sin(toe) + height * (np.cos(toe) - 1)
    return forward, up


def left_of(heading: np.ndarray) -> np.ndarray:
    """Unit vectors ``(N, 2)`` to the left of a heading."""
    return np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
