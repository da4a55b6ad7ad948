"""Kicking."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import keyframes
from mmpose_ext.simulation.skeleton import SIDE_SIGNS, SIDES


def kick(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Swing a leg back and kick forward, standing on the other."""
    targets = standing_targets(body, t, generator)
    rest, slow = generator.uniform(0.2, 0.9), generator.uniform(0.9, 1.25)
    knots = np.cumsum([0, rest, *slow * np.array([0.35, 0.33, 0.30, 0.25, 0.5, 0.3])])
    time = (t + generator.uniform(0, knots[-1])) % knots[-1]
    leg = int(generator.integers(2))
    power = generator.uniform(0.85, 1.1) * body.leg_length
    lifted, back, front, held, down = knots[2:7]
    swung_back = keyframes(time, [lifted, back, front - 0.06], [0, 1, 0])
    thrown = keyframes(time, [back - 0.03, front, held, down], [0, 1, 0.8, 0])
    height = generator.uniform(0.15, 0.50)
    along = power * (0.78 * thrown - 0.45 * swung_back)
    targets.ankles[:, leg, 0] += along
    targets.ankles[:, leg, 2] += body.leg_length * (0.34 * swung_back + height * thrown)
    targets.foot_pitch[:, leg] += 1.1 * swung_back - 0.2 * thrown
    targets.free[:, leg] += np.maximum(swung_back, thrown)
    away = -SIDE_SIGNS[leg] * abs(targets.ankles[0, leg, 1])
    shift = keyframes(time, [knots[1], lifted, down, knots[-1]], [0, 1, 1, 0])
    targets.pelvis[:, 1] += 0.85 * away * shift
    targets.pelvis[:, 2] -= 0.03 * shift
    _counter_kick(targets, leg, along / body.leg_length, shift)
    return targets


def _counter_kick(
    targets: Targets, leg: int, turned: np.ndarray, shift: np.ndarray
) -> None:
    """Lean back and turn with the leg, arms against it and out for balance."""
    targets.tilt[:, 1] -= 0.25 * turned
    targets.tilt[:, 0] -= SIDE_SIGNS[leg] * 0.30 * turned
    targets.angles['lumbar_twist'] += SIDE_SIGNS[leg] * 0.2 * turned
    targets.angles['chest_twist'] += SIDE_SIGNS[leg] * 0.35 * turned
    for index, side in enumerate(SIDES):
        sign = 1 if index == leg else -1
        targets.angles[f'{side}_shoulder_flexion'] -= sign * 0.7 * turned
        targets.angles[f'{side}_shoulder_abduction'] += 0.45 * shift
        targets.angles[f'{side}_elbow_flexion'] += 0.3 * shift
