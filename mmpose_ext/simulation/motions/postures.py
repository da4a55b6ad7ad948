"""Random postures of the upper body, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import (
    LEAD_S,
    forked_generator,
    keyframes,
)
from mmpose_ext.simulation.skeleton import DEGREE_INDEX, DEGREES, SIDE_SIGNS, SIDES


def add_postures(
    targets: Targets,
    t: np.ndarray,
    generator: np.random.Generator,
    draw: Callable[[np.random.Generator], tuple[dict[str, float], float, float]],
    weight: np.ndarray | float,
) -> None:
    """Go through random postures, each with its time to move and to stay."""
    schedule = forked_generator(generator)
    knots, postures = [-LEAD_S], [np.zeros(len(DEGREES))]
    while knots[-1] < t[-1] + LEAD_S:
        posture, move, stay = draw(schedule)
        vector = np.zeros(len(DEGREES))
        vector[[DEGREE_INDEX[name] for name in posture]] = list(posture.values())
        knots += [knots[-1] + move, knots[-1] + move + stay]
        postures += [vector, vector]
    values = keyframes(t, np.array(knots), np.array(postures))
    targets.tilt[:] += (np.asarray(weight).reshape(-1, 1)) * values[:, :3]
    for name in targets.angles:
        targets.angles[name] += weight * values[:, DEGREE_INDEX[name]]


def reach_posture(
    generator: np.random.Generator,
) -> tuple[dict[str, float], float, float]:
    """Draw where a hand or both reach, and how the trunk and the head follow.

    Args:
        generator: Source of randomness.

    Returns:
        Angles by name, radians; seconds to get there and seconds to stay.
    """
    move, stay = generator.uniform(0.55, 1.1), generator.uniform(0.1, 0.6)
    if generator.random() < 0.25:
        return {}, move, stay
    posture: dict[str, float] = {}
    both = generator.random() < 0.3
    leading = int(generator.integers(2))
    aside, raised = generator.uniform(-0.3, 1.1), generator.uniform(0.3, 2.5)
    for index, side in enumerate(SIDES):
        if not both and index != leading:
            continue
        posture |= {
            f'{side}_shoulder_flexion': raised,
            f'{side}_shoulder_abduction': aside if raised < 1.8 else 0.3 * aside,
            f'{side}_elbow_flexion': generator.uniform(-0.1, 0.6),
            f'{side}_clavicle_protraction': 0.25,
            f'{side}_clavicle_elevation': 0.15 * raised,
        }
    towards = 0.0 if both else SIDE_SIGNS[leading] * aside
    lean = generator.uniform(0, 0.35) * (raised < 1.8)
    twist = towards - (0.0 if both else SIDE_SIGNS[leading] * 0.3)
    posture |= {
        'pelvis_pitch': 0.4 * lean,
        'pelvis_yaw': 0.2 * twist,
        'lumbar_flexion': 0.8 * lean,
        'lumbar_twist': 0.2 * twist,
        'chest_twist': 0.35 * twist,
        'neck_twist': 0.3 * towards,
        'head_twist': 0.3 * towards,
        'head_flexion': 0.25 * (1.2 - raised),
        'lumbar_bend': -0.12 * towards,
    }
    return posture, move, stay


def gesture_posture(
    generator: np.random.Generator,
) -> tuple[dict[str, float], float, float]:
    """Draw what the hands and the head of somebody who talks do next.

    Args:
        generator: Source of randomness.

    Returns:
        Angles by name, radians; seconds to get there and seconds to stay.
    """
    move, stay = generator.uniform(0.35, 0.8), generator.uniform(0.0, 0.5) + 0.02
    posture = {
        'neck_twist': generator.uniform(-0.3, 0.3),
        'head_twist': generator.uniform(-0.3, 0.3),
        'head_flexion': generator.uniform(-0.15, 0.3),
        'chest_twist': generator.uniform(-0.15, 0.15),
    }
    for side in SIDES:
        if generator.random() < 0.3:
            continue
        posture |= {
            f'{side}_shoulder_flexion': generator.uniform(0.1, 1.0),
            f'{side}_shoulder_abduction': generator.uniform(-0.1, 0.5),
            f'{side}_shoulder_rotation': generator.uniform(-0.4, 0.6),
            f'{side}_elbow_flexion': generator.uniform(0.5, 1.6),
        }
    return posture, move, stay
