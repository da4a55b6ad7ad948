"""Squatting, sitting down, bending to the floor."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.postures import add_postures, gesture_posture
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import keyframes, repeated
from mmpose_ext.simulation.skeleton import SIDES


def squat(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Squat again and again, arms forward."""
    targets = standing_targets(body, t, generator)
    down = repeated(t, generator, (1.8, 3.6), (0.45, 1.0), (0.08, 0.42, 0.52, 0.92))
    crouch(body, targets, down)
    raised = generator.uniform(0.2, 1.5)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += raised * down
        targets.angles[f'{side}_elbow_flexion'] += 0.3 * (1.5 - raised) * down
    return targets


def sit(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Sit down on a seat, stay a while, stand up."""
    targets = standing_targets(body, t, generator)
    period = generator.uniform(4.5, 8.0)
    sit_down, stand_up = generator.uniform(0.9, 1.5, 2)
    knots = [0, 0.5, 0.5 + sit_down, period - stand_up, period]
    time = (t + generator.uniform(0, period)) % period
    seated = keyframes(time, knots, [0, 0, 1, 1, 0])
    seat = generator.uniform(0.39, 0.48) + 0.05 * body.stature
    standing = targets.pelvis[:, 2].copy()
    targets.pelvis[:, 2] = standing + seated * (seat - standing)
    back = 0.95 * body.thigh_length * (1 - (1 - seated) ** 2)
    targets.pelvis[:, 0] -= back
    moving = 4 * seated * (1 - seated)
    targets.tilt[:, 1] += 0.65 * moving - 0.15 * seated
    targets.angles['lumbar_flexion'] += 0.30 * moving + 0.20 * seated
    targets.angles['chest_flexion'] += 0.10 * seated
    targets.angles['neck_flexion'] -= 0.35 * moving
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += 0.45 * seated + 0.4 * moving
        targets.angles[f'{side}_elbow_flexion'] += 0.55 * seated
        targets.angles[f'{side}_shoulder_rotation'] += 0.25 * seated
    add_postures(targets, t, generator, gesture_posture, seated)
    return targets


def bend(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Bend down to the floor, as to pick something up."""
    targets = standing_targets(body, t, generator)
    down = repeated(t, generator, (2.4, 4.2), (0.5, 1.0), (0.1, 0.42, 0.55, 0.92))
    knees = generator.uniform(0.15, 0.8)
    crouch(body, targets, knees * down)
    rest = 1 - 0.5 * knees
    targets.pelvis[:, 0] -= 0.08 * rest * down
    targets.tilt[:, 1] += 0.75 * rest * down
    targets.angles['lumbar_flexion'] += 0.65 * rest * down
    targets.angles['chest_flexion'] += 0.30 * down
    both = generator.random() < 0.5
    first = int(generator.integers(2))
    for index, side in enumerate(SIDES):
        share = 1.0 if both or index == first else 0.7
        targets.angles[f'{side}_shoulder_flexion'] += (
            (1.25 + 0.35 * knees) * share * down
        )
        targets.angles[f'{side}_elbow_flexion'] += 0.2 * (1 - share) * down
    return targets


def crouch(body: Body, targets: Targets, down: np.ndarray) -> None:
    """Bend the knees; 1 brings the thighs to the horizontal."""
    targets.pelvis[:, 2] -= 0.46 * body.leg_length * down
    targets.pelvis[:, 0] -= 0.48 * body.thigh_length * down
    targets.tilt[:, 1] += 0.60 * down
    targets.angles['lumbar_flexion'] += 0.40 * down
    targets.angles['neck_flexion'] -= 0.25 * down
    targets.angles['head_flexion'] -= 0.25 * down
