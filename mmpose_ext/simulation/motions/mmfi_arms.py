"""MM-Fi's actions of the arms; those of one side are the right side's."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.repetitions import Repetitions
from mmpose_ext.simulation.motions.standing import standing_targets
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.skeleton import SIDES


def stretch(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Stretch with both arms overhead, hold it, relax for a while."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(4.5, 6.5), size=(0.75, 1.0))
    up = repetitions.size * repetitions.there_and_back(0.18, 0.38, 0.68, 0.90)
    raised, aside = generator.uniform(2.2, 2.9), generator.uniform(0.1, 0.5)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += raised * up
        targets.angles[f'{side}_shoulder_abduction'] += aside * up
        targets.angles[f'{side}_elbow_flexion'] += 2 * up * (1 - up)
        targets.angles[f'{side}_clavicle_elevation'] += 0.35 * up
    targets.angles['lumbar_flexion'] -= 0.15 * up
    targets.angles['chest_flexion'] -= 0.12 * up
    targets.angles['head_flexion'] -= 0.25 * up
    return targets


def expand_chest(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Arms bent before the chest open to the sides and come back."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(1.5, 2.3))
    wide = repetitions.size * repetitions.there_and_back(0.05, 0.45, 0.52, 0.95)
    level, bent = generator.uniform(1.25, 1.55), generator.uniform(1.5, 2.0)
    for side in SIDES:
        targets.angles[f'{side}_shoulder_flexion'] += level
        targets.angles[f'{side}_shoulder_abduction'] += 1.45 * wide - 0.1
        targets.angles[f'{side}_shoulder_rotation'] += 0.9 * (1 - wide)
        targets.angles[f'{side}_elbow_flexion'] += bent * (1 - 0.9 * wide)
        targets.angles[f'{side}_clavicle_protraction'] += 0.2 - 0.5 * wide
    targets.angles['chest_flexion'] -= 0.2 * wide
    return targets


def swing_arms(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """One arm goes up while the other goes back, in turn: vertical chest expansion."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(1.5, 2.2))
    swap = repetitions.size * repetitions.through(
        [0, 0.42, 0.5, 0.92, 1], [0, 1, 1, 0, 0]
    )
    raised, back = generator.uniform(2.5, 2.95), generator.uniform(0.4, 0.8)
    for side, up in zip(SIDES, (swap, 1 - swap), strict=True):
        targets.angles[f'{side}_shoulder_flexion'] += (raised + back) * up - back
        targets.angles[f'{side}_clavicle_elevation'] += 0.3 * up
    targets.angles['chest_flexion'] -= 0.15
    targets.angles['chest_bend'] += 0.1 * (swap - 0.5)
    return targets


def raise_hand(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Raise the right hand, hold it up, lower it, rest."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(2.6, 3.8), size=(0.8, 1.0))
    up = repetitions.size * repetitions.there_and_back(0.12, 0.42, 0.58, 0.88)
    raised, aside = generator.uniform(2.2, 2.8), generator.uniform(0.0, 0.6)
    targets.angles['right_shoulder_flexion'] += raised * up
    targets.angles['right_shoulder_abduction'] += aside * up
    targets.angles['right_elbow_flexion'] += generator.uniform(0.0, 0.5) * up
    targets.angles['right_clavicle_elevation'] += 0.3 * up
    return targets


def wave_hand(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Wave with the raised right hand, with short rests."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(3.2, 4.8), size=(0.7, 1.0))
    rate = generator.uniform(0.8, 1.4)
    on = repetitions.size * repetitions.there_and_back(0.14, 0.24, 0.82, 0.92)
    beat = on * np.sin(2 * np.pi * rate * t + generator.uniform(0, 2 * np.pi))
    raised = generator.uniform(0.6, 1.5)
    targets.angles['right_shoulder_abduction'] += raised
    targets.angles['right_shoulder_rotation'] -= generator.uniform(0.9, 1.3)
    targets.angles['right_elbow_flexion'] += generator.uniform(0.8, 1.5) + 0.3 * beat
    targets.angles['right_shoulder_abduction'] += 0.2 * beat
    targets.angles['right_clavicle_elevation'] += 0.2
    return targets


def throw(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Draw the right arm back and throw across, toward the left."""
    targets = standing_targets(body, t, generator)
    repetitions = Repetitions.draw(t, generator, period=(1.7, 2.5))
    knots = [0, 0.08, 0.38, 0.58, 0.68, 0.94, 1]
    back = repetitions.size * repetitions.through(knots, [0, 0, 1, 0, 0, 0, 0])
    thrown = repetitions.size * repetitions.through(knots, [0, 0, 0, 1, 1, 0, 0])
    high = generator.uniform(1.2, 1.9)
    targets.angles['right_shoulder_flexion'] += 0.5 * high * back + high * thrown
    targets.angles['right_shoulder_abduction'] += 1.1 * back - 0.3 * thrown
    targets.angles['right_shoulder_rotation'] += 0.5 * thrown - 0.8 * back
    targets.angles['right_elbow_flexion'] += 1.5 * back
    targets.angles['right_clavicle_protraction'] += 0.3 * thrown - 0.2 * back
    turn = thrown - 0.8 * back
    targets.tilt[:, 0] += 0.25 * turn
    targets.angles['lumbar_twist'] += 0.25 * turn
    targets.angles['chest_twist'] += 0.4 * turn
    targets.angles['head_twist'] -= 0.2 * turn
    targets.angles['lumbar_flexion'] += 0.15 * thrown
    targets.angles['left_shoulder_flexion'] += 0.4 * back
    return targets
