"""Jumping."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import BPoly

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.stepping import roll_offset
from mmpose_ext.simulation.motions.targets import GRAVITY, Targets
from mmpose_ext.simulation.motions.time_signals import freedom, keyframes, swing_bump
from mmpose_ext.simulation.skeleton import SIDES


def jump(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Crouch, push off, fly a parabola, land, stand."""
    targets = standing_targets(body, t, generator)
    height = generator.uniform(0.10, 0.34)
    lift_off_speed = np.sqrt(2 * GRAVITY * height)
    flight = 2 * lift_off_speed / GRAVITY
    depth = generator.uniform(0.26, 0.36) * body.leg_length
    toe_pitch = generator.uniform(0.65, 0.85)
    standing = targets.pelvis[:, 2].mean()
    lift_off = standing + roll_offset(body, toe_pitch, 0.0)[1] - 0.03
    push = (lift_off - standing + depth) / (0.55 * lift_off_speed)
    crouch, rest = generator.uniform(0.40, 0.55), generator.uniform(0.15, 0.5)
    recover = generator.uniform(0.5, 0.7)
    absorb = depth / (0.42 * lift_off_speed)
    knots = np.cumsum([0, rest, crouch, push, flight, absorb, recover])
    time = (t + generator.uniform(0, knots[-1])) % knots[-1]
    bottom_push = 1.2 * lift_off_speed / push
    states = [
        (standing, 0, 0),
        (standing, 0, 0),
        (standing - depth, 0, bottom_push),
        (lift_off, lift_off_speed, -GRAVITY),
        (lift_off, -lift_off_speed, -GRAVITY),
        (standing - 0.8 * depth, 0, 0.5 * bottom_push),
        (standing, 0, 0),
    ]
    targets.pelvis[:, 2] += BPoly.from_derivatives(knots, states)(time) - standing
    tuck, reach = generator.uniform(0, 0.12), generator.uniform(0.5, 1.7)
    _fly_with_feet(body, targets, time, knots, lift_off_speed, toe_pitch, tuck)
    _bend_and_throw_arms(body, targets, time, knots, reach)
    return targets


def _fly_with_feet(
    body: Body,
    targets: Targets,
    time: np.ndarray,
    knots: np.ndarray,
    lift_off_speed: float,
    toe_pitch: float,
    tuck: float,
) -> None:
    """Roll over the toes, follow the parabola, land on the toes."""
    begin, stop = knots[3], knots[4]
    since = time - begin
    rise = lift_off_speed * since - GRAVITY / 2 * since**2
    rise = 0.5 * (rise + np.sqrt(rise**2 + 0.02**2))
    pitch = keyframes(
        time,
        [knots[2], begin, stop, stop + 0.12],
        [0, toe_pitch, 0.7 * toe_pitch, 0],
    )
    forward, up = roll_offset(body, pitch, np.zeros_like(pitch))
    flight = 2 * lift_off_speed / GRAVITY
    flown = np.clip(since / flight, 0, 1)
    targets.free[:] = freedom(flown)[:, None]
    targets.ankles[..., 2] += (up + rise + tuck * swing_bump(flown))[:, None]
    targets.ankles[..., 0] += forward[:, None]
    targets.foot_pitch[:] += pitch[:, None]


def _bend_and_throw_arms(
    body: Body,
    targets: Targets,
    time: np.ndarray,
    knots: np.ndarray,
    reach: float,
) -> None:
    """Bend the trunk in the crouch and the landing, throw the arms up at take-off."""
    rest, begin, stop = knots[1], knots[3], knots[4]
    bent = keyframes(time, [rest, *knots[2:]], [0, 1, -0.15, 0.1, 0.8, 0])
    targets.pelvis[:, 0] -= 0.17 * body.leg_length * bent
    targets.tilt[:, 1] += 0.45 * bent
    targets.angles['lumbar_flexion'] += 0.30 * bent
    targets.angles['head_flexion'] -= 0.30 * bent
    arms = keyframes(
        time,
        [rest, knots[2] - 0.12, begin + 0.10, stop + 0.05, *knots[5:]],
        [0, -0.6, reach, 0.7 * reach, 0.3, 0],
    )
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += arms
        targets.angles[f'{side}_elbow_flexion'] += 0.3 * bent
