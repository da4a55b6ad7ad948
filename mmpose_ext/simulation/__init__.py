"""Simulated people: body, motion, what detectors and sensors see of them.

Poses come from :func:`motion`, joint angles from :func:`animate`.
``mmpose_ext.datasets.synthetic_human36m`` writes data sets of them: it needs the stores
of ``mmpose_ext.datasets``, this package does not.
"""

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.detector_noise import detect_keypoints
from mmpose_ext.simulation.kinematics import (
    JointState,
    Kinematics,
    capsule_axes,
    forward_kinematics,
)
from mmpose_ext.simulation.motions import MOTIONS, animate, motion
from mmpose_ext.simulation.skeleton import DEGREES, JOINT_LIMITS, POINTS, SEGMENTS

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
    'motion',
]
