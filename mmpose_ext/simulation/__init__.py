"""Simulated people: body, motion, what detectors and sensors see of them.

Poses come from :func:`motion`, joint angles from :func:`animate`.
:class:`Scene` dresses people and takes their picture.
``mmpose_ext.datasets.synthetic_human36m`` and ``synthetic_coco`` write data sets of
them: they need the stores of ``mmpose_ext.datasets``, this package does not.
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
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.ray_casting import ray_box, ray_capsule
from mmpose_ext.simulation.scenes import Scene, SeenPerson
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
    'Person',
    'Scene',
    'SeenPerson',
    'animate',
    'capsule_axes',
    'detect_keypoints',
    'forward_kinematics',
    'motion',
    'ray_box',
    'ray_capsule',
]
