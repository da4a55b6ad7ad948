"""MM-Fi's actions of the trunk; those of one side are the right side's."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.crouching import crouch
from mmpose_ext.simulation.motions.repetitions import Repetitions
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.skeleton import SIDES


def twist(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Turn the trunk to the right with bent arms, and back."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(1.8, 2.8))
    turned = repetitions.size * repetitions.there_and_back(0.06, 0.44, 0.54, 0.94)
    level, bent = generator.uniform(0.5, 1.3), generator.uniform(1.3, 1.9)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += level
        targets.angles[f'{side}_shoulder_abduction'] += 0.4
        targets.angles[f'{side}_shoulder_rotation'] += 0.7
        targets.angles[f'{side}_elbow_flexion'] += bent
    targets.tilt[:, 0] -= 0.45 * turned
    targets.angles['lumbar_twist'] -= 0.30 * turned
    targets.angles['chest_twist'] -= 0.50 * turned
    targets.angles['neck_twist'] -= 0.25 * turned
    return targets


def extend_body(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Bend the trunk to the left with the right arm overhead, hold it, come back."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(2.2, 3.2))
    bent = repetitions.size * repetitions.there_and_back(0.06, 0.44, 0.54, 0.94)
    targets.angles['right_shoulder_abduction'] += generator.uniform(2.3, 2.7) * bent
    targets.angles['right_elbow_flexion'] += generator.uniform(0.1, 0.6) * bent
    targets.angles['right_clavicle_elevation'] += 0.4 * bent
    targets.tilt[:, 2] -= 0.16 * bent
    targets.angles['lumbar_bend'] -= 0.35 * bent
    targets.angles['chest_bend'] -= 0.35 * bent
    targets.angles['neck_bend'] -= 0.15 * bent
    targets.angles['left_shoulder_abduction'] += 0.3 * bent
    targets.pelvis[:, 1] -= 0.06 * body.stature * bent
    return targets


def bow(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Bow from the hips, hold it, straighten up."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(2.4, 3.6), size=(0.75, 1.0))
    down = repetitions.size * repetitions.there_and_back(0.10, 0.44, 0.58, 0.92)
    targets.tilt[:, 1] += 0.75 * down
    targets.pelvis[:, 0] -= 0.08 * down
    targets.angles['lumbar_flexion'] += 0.45 * down
    targets.angles['chest_flexion'] += 0.25 * down
    targets.angles['head_flexion'] += 0.10 * down
    hang = generator.uniform(0.3, 1.0)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += hang * down
    return targets


def pick_up(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Crouch, pick a thing up from the floor with the right hand, stand up with it."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(2.4, 3.6))
    down = repetitions.size * repetitions.there_and_back(0.06, 0.42, 0.52, 0.90)
    knees = generator.uniform(0.4, 1.0)
    crouch(body, targets, knees * down)
    targets.tilt[:, 1] += 0.6 * (1 - 0.5 * knees) * down
    targets.angles['lumbar_flexion'] += 0.35 * down
    targets.angles['chest_flexion'] += 0.25 * down
    targets.angles['right_shoulder_flexion'] += (1.2 + 0.3 * knees) * down
    targets.angles['left_shoulder_flexion'] += 0.6 * down
    targets.angles['left_elbow_flexion'] += 0.8 * down
    carry = repetitions.through([0, 0.20, 0.52, 0.90, 1], [1, 0, 0, 1, 1])
    targets.angles['right_elbow_flexion'] += 1.0 * carry
    return targets
