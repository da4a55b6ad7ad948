"""MM-Fi's actions of the legs; those of one side are the right side's."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.crouching import crouch
from mmpose_ext.simulation.motions.repetitions import Repetitions
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.skeleton import SIDE_SIGNS, SIDES

_RIGHT, _LEFT = 0, 1


def mark_time(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """March on the spot."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(1.0, 1.5))
    height = generator.uniform(0.14, 0.30) * body.leg_length
    swing, elbow = generator.uniform(0.3, 0.8), generator.uniform(0.2, 1.3)
    for leg, begin in ((_RIGHT, 0.0), (_LEFT, 0.5)):
        knots = (begin + 0.01, begin + 0.24, begin + 0.26, begin + 0.48)
        up = repetitions.there_and_back(*knots)
        _lift_foot(body, targets, leg, up * repetitions.size, height, forward=0.12)
        other = f'{SIDES[1 - leg]}_shoulder_flexion'
        targets.angles[other] += swing * up
        targets.angles[f'{SIDES[leg]}_shoulder_flexion'] -= 0.6 * swing * up
    for side in SIDES:
        targets.angles[f'{side}_elbow_flexion'] += elbow
    return targets


def extend_limbs(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Stretch the right arm and the right leg out to the side, hold, come back."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(3.0, 4.4))
    out = repetitions.size * repetitions.there_and_back(0.12, 0.40, 0.62, 0.90)
    _extend_side(body, targets, _RIGHT, out, generator.uniform(1.2, 1.6))
    return targets


def extend_both(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Stretch arm and leg of the right side out, then those of the left."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(5.6, 8.0))
    raised = generator.uniform(1.2, 1.6)
    for leg, begin in ((_RIGHT, 0.0), (_LEFT, 0.5)):
        knots = (begin + 0.05, begin + 0.18, begin + 0.30, begin + 0.46)
        out = repetitions.size * repetitions.there_and_back(*knots)
        _extend_side(body, targets, leg, out, raised)
    return targets


def lunge_ahead(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Step far out toward the right front, bend that knee, step back."""
    angle = np.radians(generator.uniform(25, 50))
    return _lunge(body, t, generator, np.array([np.cos(angle), -np.sin(angle)]))


def lunge_aside(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Step far out to the right, bend that knee, step back."""
    angle = np.radians(generator.uniform(80, 95))
    return _lunge(body, t, generator, np.array([np.cos(angle), -np.sin(angle)]))


def kick_aside(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Kick with the right leg, toward the right."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(1.7, 2.5), size=(0.8, 1.0))
    kicked = repetitions.size * repetitions.there_and_back(0.16, 0.44, 0.50, 0.84)
    height = generator.uniform(0.25, 0.50) * body.leg_length
    ahead, aside = generator.uniform(0.15, 0.4), generator.uniform(0.4, 0.6)
    _shift_weight(targets, _RIGHT, repetitions.there_and_back(0.02, 0.18, 0.80, 0.98))
    targets.ankles[:, _RIGHT, 0] += ahead * body.leg_length * kicked
    targets.ankles[:, _RIGHT, 1] -= aside * body.leg_length * kicked
    targets.ankles[:, _RIGHT, 2] += height * kicked
    targets.foot_pitch[:, _RIGHT] -= 0.2 * kicked
    targets.free[:, _RIGHT] = np.minimum(1, 3 * kicked)
    targets.tilt[:, 2] -= 0.2 * kicked
    targets.angles['lumbar_bend'] -= 0.1 * kicked
    for side in SIDES:
        targets.angles[f'{side}_shoulder_abduction'] += 0.6 * kicked
        targets.angles[f'{side}_elbow_flexion'] += 0.4 * kicked
    return targets


def squat_down(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Squat with the arms forward, hold it, stand up."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(2.2, 3.4), size=(0.6, 1.0))
    down = repetitions.size * repetitions.there_and_back(0.10, 0.44, 0.56, 0.92)
    crouch(body, targets, down)
    raised = generator.uniform(0.8, 1.5)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += raised * down
    return targets


def _lunge(
    body: Body, t: np.ndarray, generator: np.random.Generator, direction: np.ndarray
) -> Targets:
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(2.3, 3.3))
    stepped = repetitions.there_and_back(0.08, 0.34, 0.60, 0.86)
    sunk = repetitions.size * repetitions.there_and_back(0.12, 0.44, 0.54, 0.84)
    length = generator.uniform(0.60, 0.75) * body.leg_length
    way = length * stepped[:, None] * direction
    targets.ankles[:, _RIGHT, :2] += way
    moving = 4 * stepped * (1 - stepped)
    targets.ankles[:, _RIGHT, 2] += 0.09 * moving
    targets.free[:, _RIGHT] = moving
    targets.foot_yaw[:, _RIGHT] += 0.6 * np.arctan2(*direction[::-1]) * stepped
    targets.pelvis[:, :2] += 0.55 * length * sunk[:, None] * direction
    targets.pelvis[:, 2] -= generator.uniform(0.16, 0.26) * body.leg_length * sunk
    targets.tilt[:, 1] += 0.1 * sunk
    on_hips = generator.random() < 0.5
    for side in SIDES:
        targets.angles[f'{side}_shoulder_abduction'] += 0.5 * sunk
        targets.angles[f'{side}_elbow_flexion'] += 1.2 * on_hips
    return targets


def _extend_side(
    body: Body, targets: Targets, leg: int, out: np.ndarray, raised: float
) -> None:
    """Arm and leg of a side out to it, the weight on the other leg."""
    _shift_weight(targets, leg, np.minimum(1, 2 * out))
    targets.ankles[:, leg, 1] += SIDE_SIGNS[leg] * 0.30 * body.leg_length * out
    targets.ankles[:, leg, 2] += 0.10 * body.leg_length * out
    targets.free[:, leg] = np.minimum(1, 3 * out)
    targets.angles[f'{SIDES[leg]}_shoulder_abduction'] += raised * out
    targets.angles[f'{SIDES[leg]}_clavicle_elevation'] += 0.15 * out


def _shift_weight(targets: Targets, leg: int, shift: np.ndarray) -> None:
    """Bring the pelvis over the other foot."""
    away = -SIDE_SIGNS[leg] * abs(targets.ankles[0, leg, 1])
    targets.pelvis[:, 1] += 0.8 * away * shift
    targets.pelvis[:, 2] -= 0.02 * shift


def _lift_foot(
    body: Body,
    targets: Targets,
    leg: int,
    up: np.ndarray,
    height: float,
    *,
    forward: float,
) -> None:
    """Lift a foot under the knee, the weight on the other leg."""
    _shift_weight(targets, leg, 0.7 * up)
    targets.ankles[:, leg, 0] += forward * body.leg_length * up
    targets.ankles[:, leg, 2] += height * up
    targets.foot_pitch[:, leg] += 0.3 * up
    targets.free[:, leg] = np.minimum(1, 3 * up)
