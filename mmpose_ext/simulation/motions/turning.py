"""Turning and small steps on the spot."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.stepping import Gait, left_of, stepping_feet
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import (
    LEAD_S,
    forked_generator,
    swing_progress,
)
from mmpose_ext.simulation.skeleton import SIDE_SIGNS


def turn(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Turn on the spot, now this way, now that, with rests."""
    return moving_about(body, t, generator, turn=(0.7, 3.3), rest=(0.1, 0.8))


def moving_about(
    body: Body,
    t: np.ndarray,
    generator: np.random.Generator,
    *,
    turn: tuple[float, float],
    rest: tuple[float, float],
) -> Targets:
    """Stand, turn and step a little aside in small steps, stand again."""
    times, strides, headings, places = _draw_steps(
        forked_generator(generator), t[-1] + LEAD_S, turn=turn, rest=rest
    )
    gait = _small_steps(body, generator)
    index = np.clip(np.searchsorted(times, t, side='right') - 1, 0, len(times) - 2)
    part = np.clip((t - times[index]) / np.diff(times)[index], 0, 1)
    phase = strides[index] + swing_progress(part) * np.diff(strides)[index]
    # The phase rests at whole strides, where both feet are on the floor.
    along, first = np.unique(strides, return_index=True)

    def place_of(phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        heading = np.interp(phases, along, headings[first])
        columns = places[first].T
        return np.stack([np.interp(phases, along, c) for c in columns], -1), heading

    def footprints(side: int, phases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place, heading = place_of(phases)
        place = place + SIDE_SIGNS[side] * gait.half_width * left_of(heading)
        return place, heading + SIDE_SIGNS[side] * gait.toe_out

    targets = standing_targets(body, t, generator)
    ankles, foot_yaw, foot_pitch, free = stepping_feet(body, gait, phase, footprints)
    targets.ankles[:], targets.foot_yaw[:] = ankles, foot_yaw
    targets.foot_pitch[:], targets.free[:] = foot_pitch, free
    place, heading = place_of(phase)
    targets.tilt[:, 0] += heading
    shift = 0.4 * gait.half_width * np.sin(2 * np.pi * phase)
    targets.pelvis[:, :2] += place - shift[:, None] * left_of(heading)
    targets.pelvis[:, 2] -= 0.01
    return targets


def _draw_steps(
    schedule: np.random.Generator,
    end: float,
    *,
    turn: tuple[float, float],
    rest: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times ``(N,)``; strides done, headings ``(N,)`` and places ``(N, 2)`` by then."""
    knots, strides, headings = [-LEAD_S], [0.0], [0.0]
    places = [np.zeros(2)]
    while knots[-1] < end:
        angle = schedule.choice([-1, 1]) * schedule.uniform(*turn)
        count = max(1, round(abs(angle)))
        begin = knots[-1] + schedule.uniform(*rest)
        knots += [begin, begin + count * schedule.uniform(0.85, 1.2)]
        strides += [strides[-1], strides[-1] + count]
        headings += [headings[-1], headings[-1] + angle]
        places += [places[-1], schedule.uniform(-0.2, 0.2, 2)]
    return (
        np.array(knots),
        np.array(strides),
        np.array(headings),
        np.array(places),
    )


def _small_steps(body: Body, generator: np.random.Generator) -> Gait:
    return Gait(
        speed=0.0,
        stride=0.0,
        duty=0.62,
        heel_off=0.5,
        heel_rise=np.radians(35),
        toe_raise=0.0,
        lift=generator.uniform(0.03, 0.06),
        half_width=generator.uniform(0.05, 0.075) * body.stature,
        toe_out=np.radians(generator.uniform(3, 12)),
    )
