"""Points, segments, joint angles and joint limits of the articulated person.

The body frame and the world are right-handed, z up, metres; at rest the person
stands upright at the origin of the pelvis, looks along +x, has the left side on +y
and lets the arms hang. Seventeen rigid segments carry twenty-three points: the
Human3.6M-17 joints, then heel and toe of each foot and the middle of each hand, which
later renderers and sensors need.

A posture is a vector of joint angles in anatomical terms (knee flexion, shoulder
abduction, ...) and the place of the root; :data:`DEGREES` names the angles in order
and :data:`JOINT_LIMITS` bounds them. Angles are in radians, limits of a joint lie
within the active range of motion of healthy adults (American Academy of Orthopaedic
Surgeons, Joint Motion, 1965).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.geometry import H36M17

SIDES: tuple[str, str] = ('right', 'left')
"""Order of the sides wherever an axis of two stands for them."""


SIDE_SIGNS = np.array([-1.0, 1.0])
"""Sign of y of each side."""


POINTS: tuple[str, ...] = H36M17.joint_names + tuple(
    f'{side}_{part}' for side in SIDES for part in ('heel', 'toe', 'hand')
)
"""Names of the points of :func:`forward_kinematics`; the first 17 are the joints."""


POINT_INDEX = {name: i for i, name in enumerate(POINTS)}


@dataclass(frozen=True)
class Segment:
    """One rigid part of the body.

    Args:
        name: For example ``'left_thigh'``.
        parent: The segment against which its joint angles are measured.
        origin: The point in which it is hinged.
        points: The points that it carries.
    """

    name: str
    parent: str | None
    origin: str
    points: tuple[str, ...]


def _side_segments(side: str) -> tuple[Segment, ...]:
    return (
        Segment(f'{side}_clavicle', 'chest', 'thorax', (f'{side}_shoulder',)),
        Segment(f'{side}_upper_arm', 'chest', f'{side}_shoulder', (f'{side}_elbow',)),
        Segment(
            f'{side}_forearm',
            f'{side}_upper_arm',
            f'{side}_elbow',
            (f'{side}_wrist', f'{side}_hand'),
        ),
        Segment(f'{side}_thigh', 'pelvis', f'{side}_hip', (f'{side}_knee',)),
        Segment(f'{side}_shank', f'{side}_thigh', f'{side}_knee', (f'{side}_foot',)),
        Segment(
            f'{side}_foot',
            f'{side}_shank',
            f'{side}_foot',
            (f'{side}_heel', f'{side}_toe'),
        ),
    )


SEGMENTS: tuple[Segment, ...] = (
    Segment('pelvis', None, 'root', ('right_hip', 'left_hip')),
    Segment('lumbar', 'pelvis', 'root', ('spine',)),
    Segment('chest', 'lumbar', 'spine', ('thorax',)),
    Segment('neck', 'chest', 'thorax', ('neck_base',)),
    Segment('head', 'neck', 'neck_base', ('head',)),
    *_side_segments('right'),
    *_side_segments('left'),
)
"""The segments, parents first."""


SEGMENT_INDEX = {segment.name: i for i, segment in enumerate(SEGMENTS)}


@dataclass(frozen=True)
class Degree:
    """One joint angle.

    Args:
        name: For example ``'left_knee_flexion'``.
        segment: The segment that it turns.
        axis: Axis in the frame of the parent: 0, 1 or 2.
        sign: Direction of a positive angle around that axis.
        limits: Least and greatest angle, degrees.
    """

    name: str
    segment: str
    axis: int
    sign: float
    limits: tuple[float, float]


def _trunk_degrees(
    segment: str, flexion: tuple[float, float], bend: float, twist: float
) -> tuple[Degree, ...]:
    return (
        Degree(f'{segment}_flexion', segment, 1, 1, flexion),
        Degree(f'{segment}_bend', segment, 0, 1, (-bend, bend)),
        Degree(f'{segment}_twist', segment, 2, 1, (-twist, twist)),
    )


def _side_degrees(side: str) -> tuple[Degree, ...]:
    mirror = 1.0 if side == 'left' else -1.0
    table = (
        ('clavicle_elevation', 'clavicle', 0, mirror, (-10, 35)),
        ('clavicle_protraction', 'clavicle', 2, -mirror, (-20, 30)),
        ('shoulder_flexion', 'upper_arm', 1, -1, (-55, 175)),
        ('shoulder_abduction', 'upper_arm', 0, mirror, (-30, 170)),
        ('shoulder_rotation', 'upper_arm', 2, -mirror, (-90, 80)),
        ('elbow_flexion', 'forearm', 1, -1, (0, 145)),
        ('hip_flexion', 'thigh', 1, -1, (-30, 125)),
        ('hip_abduction', 'thigh', 0, mirror, (-25, 50)),
        ('hip_rotation', 'thigh', 2, -mirror, (-45, 45)),
        ('knee_flexion', 'shank', 1, 1, (0, 150)),
        ('ankle_dorsiflexion', 'foot', 1, -1, (-55, 40)),
        ('ankle_eversion', 'foot', 0, mirror, (-35, 35)),
    )
    return tuple(
        Degree(f'{side}_{name}', f'{side}_{segment}', axis, sign, limits)
        for name, segment, axis, sign, limits in table
    )


DEGREES: tuple[Degree, ...] = (
    Degree('pelvis_yaw', 'pelvis', 2, 1, (-np.inf, np.inf)),
    Degree('pelvis_pitch', 'pelvis', 1, 1, (-45, 100)),
    Degree('pelvis_roll', 'pelvis', 0, 1, (-45, 45)),
    *_trunk_degrees('lumbar', (-25, 55), 25, 20),
    *_trunk_degrees('chest', (-15, 35), 25, 35),
    *_trunk_degrees('neck', (-40, 40), 25, 40),
    *_trunk_degrees('head', (-30, 30), 20, 40),
    *_side_degrees('right'),
    *_side_degrees('left'),
)
"""The joint angles in order. Rotations of a segment apply in the order given here, the
first being the outermost. Positive are: yaw and twist to the left, pitch and flexion of
the trunk forward, roll and bend to the right; flexion of a limb forward (of the knee
backward), abduction and eversion outward, rotation inward."""


DEGREE_INDEX: dict[str, int] = {degree.name: i for i, degree in enumerate(DEGREES)}
"""Column of each joint angle."""


JOINT_LIMITS: np.ndarray = np.radians([degree.limits for degree in DEGREES])
"""Least and greatest angle ``(D, 2)``, radians."""
JOINT_LIMITS.setflags(write=False)


SEGMENT_DEGREES = tuple(
    tuple(i for i, degree in enumerate(DEGREES) if degree.segment == segment.name)
    for segment in SEGMENTS
)
