"""Simulated people: body, motion, what detectors and sensors see of them.

Poses come from ``mmpose_ext.simulation.motion.motion``, joint angles from
:func:`animate`.
``mmpose_ext.datasets.synthetic_human36m`` writes data sets and is imported by its own name: it
needs the stores of ``mmpose_ext.datasets``, this package does not.
"""

from .body import (
    CAPSULES,
    DEGREES,
    JOINT_LIMITS,
    POINTS,
    SEGMENTS,
    Body,
    JointState,
    Kinematics,
    capsule_axes,
    forward_kinematics,
)
from .detector_noise import detect_keypoints
from .motion import MOTIONS, animate

__all__ = [
    'CAPSULES',
    'DEGREES',
    'JOINT_LIMITS',
    'MOTIONS',
    'POINTS',
    'SEGMENTS',
    'Body',
    'JointState',
    'Kinematics',
    'animate',
    'capsule_axes',
    'detect_keypoints',
    'forward_kinematics',
]
