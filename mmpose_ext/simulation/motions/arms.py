"""Reaching, gesturing, waving."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.motions.postures import (
    add_postures,
    gesture_posture,
    reach_posture,
)
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.motions.time_signals import keyframes
from mmpose_ext.simulation.motions.turning import moving_about
from mmpose_ext.simulation.skeleton import SIDES


def reach(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Reach for things around, with one hand or both."""
    targets = moving_about(body, t, generator, turn=(0.1, 0.9), rest=(0.6, 3))
    add_postures(targets, t, generator, reach_posture, 1.0)
    return targets


def gesture(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Talk with the hands."""
    targets = moving_about(body, t, generator, turn=(0.1, 0.9), rest=(0.6, 3))
    add_postures(targets, t, generator, gesture_posture, 1.0)
    return targets


def wave(body: Body, t: np.ndarray, generator: np.random.Generator) -> Targets:
    """Raise an arm and wave; rest; again."""
    targets = moving_about(body, t, generator, turn=(0.1, 0.9), rest=(0.6, 3))
    period, rate = generator.uniform(3.5, 6.0), generator.uniform(1.1, 1.9)
    part = (t / period + generator.uniform()) % 1
    up = keyframes(part, [0, 0.08, 0.26, 0.78, 0.96, 1], [0, 0, 1, 1, 0, 0])
    beat = np.sin(2 * np.pi * rate * t + generator.uniform(0, 2 * np.pi)) * up
    sides = SIDES if generator.random() < 0.25 else (SIDES[generator.integers(2)],)
    for side in sides:
        raised = {
            'shoulder_abduction': generator.uniform(0.9, 1.7),
            'shoulder_flexion': generator.uniform(0, 0.4),
            'shoulder_rotation': -generator.uniform(0.9, 1.3),
            'elbow_flexion': generator.uniform(0.5, 1.2),
            'clavicle_elevation': 0.25,
        }
        for name, angle in raised.items():
            targets.angles[f'{side}_{name}'] += angle * up
        targets.angles[f'{side}_elbow_flexion'] += 0.35 * beat
        targets.angles[f'{side}_shoulder_rotation'] += 0.20 * beat
    return targets
