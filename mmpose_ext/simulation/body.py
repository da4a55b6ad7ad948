"""An articulated person: bone lengths, joint limits, kinematics, capsules.

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

_POINT_INDEX = {name: i for i, name in enumerate(POINTS)}
_SEGMENT_INDEX = {segment.name: i for i, segment in enumerate(SEGMENTS)}
_SEGMENT_DEGREES = tuple(
    tuple(i for i, degree in enumerate(DEGREES) if degree.segment == segment.name)
    for segment in SEGMENTS
)


@dataclass(frozen=True)
class Capsule:
    """A bone with flesh around it: all points within a radius of a line.

    Args:
        name: For example ``'left_thigh'``.
        start: Point at one end of the axis.
        end: Point at the other end.
        radius: Typical radius as a fraction of the stature.
        inset: Whether ``end`` is a point of the skin, so that the axis stops one
            radius before it.
    """

    name: str
    start: str
    end: str
    radius: float
    inset: bool = False


CAPSULES: tuple[Capsule, ...] = (
    Capsule('pelvis', 'right_hip', 'left_hip', 0.058),
    Capsule('abdomen', 'root', 'spine', 0.066),
    Capsule('chest', 'spine', 'thorax', 0.072, inset=True),
    Capsule('neck', 'thorax', 'neck_base', 0.032),
    Capsule('head', 'neck_base', 'head', 0.052, inset=True),
    *(
        Capsule(f'{side}_{name}', f'{side}_{start}', f'{side}_{end}', radius)
        for side in SIDES
        for name, start, end, radius in (
            ('upper_arm', 'shoulder', 'elbow', 0.026),
            ('forearm', 'elbow', 'wrist', 0.020),
            ('hand', 'wrist', 'hand', 0.021),
            ('thigh', 'hip', 'knee', 0.043),
            ('shank', 'knee', 'foot', 0.029),
            ('foot', 'heel', 'toe', 0.017),
        )
    ),
    Capsule('shoulders', 'right_shoulder', 'left_shoulder', 0.034),
)
"""The capsules that make up the surface of the body."""


@dataclass(frozen=True, eq=False)
class Body:
    """The measures of one person; left and right are alike.

    Args:
        stature: Height of the head's top over the floor when standing, metres.
        offsets: ``(P, 3)`` place of each point of :data:`POINTS` in the frame of the
            segment that carries it, from the point in which this is hinged, metres.
        radii: ``(C,)`` radius of each capsule of :data:`CAPSULES`, metres.
    """

    stature: float
    offsets: np.ndarray
    radii: np.ndarray

    @classmethod
    def sample(cls, generator: np.random.Generator) -> Body:
        """Draw an adult.

        Statures follow two normal distributions (women 1.63 m, men 1.76 m, deviations
        65 and 70 mm). Segments are fractions of the stature between the joint centres
        (after Drillis and Contini, 1966; Winter, Biomechanics and Motor Control of
        Human Movement, 2009) that vary by 2 to 8 per cent between people, girths by
        10 per cent.

        Args:
            generator: Source of randomness.

        Returns:
            The measures.
        """
        mean, deviation = ((1.63, 0.065), (1.76, 0.070))[generator.integers(2)]
        stature = float(np.clip(generator.normal(mean, deviation), 1.48, 1.98))
        spread = np.clip(generator.normal(size=len(_PROPORTIONS)), -2, 2)
        measures = {
            name: stature * typical * (1 + variation * z)
            for (name, (typical, variation)), z in zip(
                _PROPORTIONS.items(), spread, strict=True
            )
        }
        girth = float(np.exp(0.1 * np.clip(generator.normal(), -2, 2)))
        radii = stature * np.array([capsule.radius for capsule in CAPSULES])
        is_foot = np.array([capsule.name.endswith('foot') for capsule in CAPSULES])
        radii = np.where(is_foot, radii, girth * radii)
        offsets = _standing_offsets(stature, measures)
        offsets.setflags(write=False)
        radii.setflags(write=False)
        return cls(stature, offsets, radii)

    def offset(self, point: str) -> np.ndarray:
        """Offset ``(3,)`` of a point by name."""
        return self.offsets[_POINT_INDEX[point]]

    @property
    def bone_lengths(self) -> np.ndarray:
        """Distance ``(17,)`` of each joint from its parent, metres; 0 for the root."""
        return np.linalg.norm(self.offsets[: H36M17.num_joints], axis=-1)

    @property
    def thigh_length(self) -> float:
        """Hip to knee, metres."""
        return -float(self.offset('left_knee')[2])

    @property
    def shank_length(self) -> float:
        """Knee to ankle, metres."""
        return -float(self.offset('left_foot')[2])

    @property
    def leg_length(self) -> float:
        """Hip to ankle with the knee straight, metres."""
        return self.thigh_length + self.shank_length

    @property
    def foot_radius(self) -> float:
        """Radius of the capsule of a foot, metres."""
        return float(
            self.radii[[capsule.name for capsule in CAPSULES].index('left_foot')]
        )

    @property
    def ankle_height(self) -> float:
        """Height of the ankle over the floor when the foot is flat, metres."""
        return self.foot_radius - float(self.offset('left_toe')[2])


_PROPORTIONS: dict[str, tuple[float, float]] = {
    'hip_half_width': (0.058, 0.08),
    'thigh': (0.245, 0.025),
    'shank': (0.246, 0.025),
    'ankle_height': (0.043, 0.04),
    'lumbar': (0.138, 0.03),
    'chest': (0.155, 0.03),
    'neck_share': (0.385, 0.03),
    'shoulder_half_width': (0.092, 0.06),
    'upper_arm': (0.163, 0.03),
    'forearm': (0.144, 0.03),
    'hand': (0.052, 0.04),
    'heel': (0.033, 0.06),
    'toe': (0.085, 0.04),
}
"""Typical fraction of the stature and its coefficient of variation; ``neck_share`` is
the part of the neck in what lies between the thorax and the top of the head."""


def _standing_offsets(stature: float, measures: dict[str, float]) -> np.ndarray:
    m = measures
    trunk = m['ankle_height'] + m['shank'] + m['thigh'] + m['lumbar'] + m['chest']
    neck = m['neck_share'] / stature * (stature - trunk)
    head = stature - trunk - neck
    sole = stature * 0.017 - m['ankle_height']
    offsets = {
        'spine': (0, 0, m['lumbar']),
        'thorax': (-0.010 * stature, 0, m['chest']),
        'neck_base': (0.022 * stature, 0, neck),
        'head': (-0.008 * stature, 0, head),
    }
    for side, sign in zip(SIDES, SIDE_SIGNS, strict=True):
        offsets |= {
            f'{side}_hip': (0, sign * m['hip_half_width'], 0),
            f'{side}_knee': (0, 0, -m['thigh']),
            f'{side}_foot': (0, 0, -m['shank']),
            f'{side}_heel': (-m['heel'], 0, sole),
            f'{side}_toe': (m['toe'], 0, sole),
            f'{side}_shoulder': (
                *(0.008 * stature, sign * m['shoulder_half_width']),
                -0.014 * stature,
            ),
            f'{side}_elbow': (0, 0, -m['upper_arm']),
            f'{side}_wrist': (0, 0, -m['forearm']),
            f'{side}_hand': (0, 0, -m['forearm'] - m['hand']),
        }
    return np.array([offsets.get(name, (0, 0, 0)) for name in POINTS], np.float64)


@dataclass(frozen=True, eq=False)
class JointState:
    """Postures.

    Args:
        angles: Joint angles ``(..., D)`` in the order of :data:`DEGREES`, radians.
        root: Place of the root ``(..., 3)``, world frame, metres.
    """

    angles: np.ndarray
    root: np.ndarray


@dataclass(frozen=True, eq=False)
class Kinematics:
    """Where everything is.

    Args:
        points: World places ``(..., P, 3)`` of :data:`POINTS`, metres.
        rotations: Rotation ``(..., S, 3, 3)`` of each segment of :data:`SEGMENTS`,
            segment frame to world.
    """

    points: np.ndarray
    rotations: np.ndarray

    @property
    def pose(self) -> np.ndarray:
        """The Human3.6M-17 joints ``(..., 17, 3)``, world frame, metres."""
        return self.points[..., : H36M17.num_joints, :]


def clamp_to_limits(angles: np.ndarray, *, margin: float = 0.0) -> np.ndarray:
    """Move joint angles into :data:`JOINT_LIMITS`.

    Args:
        angles: Joint angles ``(..., D)``, radians.
        margin: Angles that come closer to a limit than this, in radians, approach it
            smoothly; 0 cuts them off.

    Returns:
        Angles ``(..., D)`` within the limits.
    """
    low, high = JOINT_LIMITS.T
    if margin > 0:
        angles = soft_limit(angles, high - margin, high)
        angles = -soft_limit(-angles, -low - margin, -low)
    return np.clip(angles, low, high)


def forward_kinematics(body: Body, state: JointState) -> Kinematics:
    """Place every point and segment of a body.

    Args:
        body: The person.
        state: Postures with any leading dimensions. The angles are taken as they are;
            :func:`clamp_to_limits` bounds them.

    Returns:
        Points and rotations with the same leading dimensions.

    Raises:
        ValueError: If the angles are not ``(..., D)`` or the root not ``(..., 3)``.
    """
    angles, root = np.asarray(state.angles), np.asarray(state.root)
    if angles.shape != (*root.shape[:-1], len(DEGREES)) or root.shape[-1:] != (3,):
        raise ValueError(
            f'angles {angles.shape} and root {root.shape} do not fit: expected '
            f'(..., {len(DEGREES)}) and (..., 3)'
        )
    batch = root.shape[:-1]
    rotations = np.empty((*batch, len(SEGMENTS), 3, 3))
    points = np.empty((*batch, len(POINTS), 3))
    points[..., 0, :] = root
    for index, segment in enumerate(SEGMENTS):
        rotation = joint_rotation(angles, segment.name)
        if segment.parent is not None:
            rotation = rotations[..., _SEGMENT_INDEX[segment.parent], :, :] @ rotation
        rotations[..., index, :, :] = rotation
        origin = points[..., _POINT_INDEX[segment.origin], :]
        for point in segment.points:
            points[..., _POINT_INDEX[point], :] = origin + rotation @ body.offset(point)
    return Kinematics(points, rotations)


def joint_rotation(angles: np.ndarray, segment: str) -> np.ndarray:
    """Rotation of one segment against its parent.

    Args:
        angles: Joint angles ``(..., D)``, radians.
        segment: Name of the segment.

    Returns:
        ``(..., 3, 3)``, segment frame to the parent's frame (the world's for the
        pelvis).
    """
    rotation = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for column in _SEGMENT_DEGREES[_SEGMENT_INDEX[segment]]:
        degree = DEGREES[column]
        rotation = rotation @ _axis_rotation(
            degree.axis, degree.sign * angles[..., column]
        )
    return rotation


def segment_rotations(kinematics: Kinematics, segment: str) -> np.ndarray:
    """Rotation ``(..., 3, 3)`` of one segment, by name."""
    return kinematics.rotations[..., _SEGMENT_INDEX[segment], :, :]


def capsule_axes(
    body: Body, kinematics: Kinematics
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The surface of the body as capsules.

    Args:
        body: The person.
        kinematics: Its points.

    Returns:
        Both ends of each axis ``(..., C, 3)``, world frame, metres, and the radii
        ``(C,)``, in the order of :data:`CAPSULES`.
    """
    start = kinematics.points[..., [_POINT_INDEX[c.start] for c in CAPSULES], :]
    end = kinematics.points[..., [_POINT_INDEX[c.end] for c in CAPSULES], :]
    inset = np.where([capsule.inset for capsule in CAPSULES], body.radii, 0.0)
    length = np.linalg.norm(end - start, axis=-1)
    keep = 1 - np.minimum(inset, length) / length
    return start, start + keep[..., None] * (end - start), body.radii


def leg_angles(
    hip_to_ankle: np.ndarray,
    knee_axis: np.ndarray,
    body: Body,
    *,
    ease: np.ndarray | float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inverse kinematics of the left leg (mirror y for the right one).

    Targets out of reach are moved smoothly onto the reach: the leg is never longer than
    99.95 per cent of its length, and never bent by more than the knee allows.

    Args:
        hip_to_ankle: Target ``(..., 3)`` in the frame of the pelvis, metres.
        knee_axis: The axis ``(..., 3)`` around which the knee should flex, pelvis
            frame; it points to the left for a knee that points forward.
        body: The person.
        ease: Part of the leg's length over which it resists being stretched, ``(...)``;
            0 lets it reach targets up to 99.4 per cent exactly.

    Returns:
        Hip flexion, abduction, rotation and knee flexion ``(...)``, radians.
    """
    thigh, shank = body.thigh_length, body.shank_length
    distance = np.linalg.norm(hip_to_ankle, axis=-1)
    direction = hip_to_ankle / distance[..., None]
    limit = JOINT_LIMITS[DEGREE_INDEX['left_knee_flexion'], 1]
    shortest = np.sqrt(thigh**2 + shank**2 + 2 * thigh * shank * np.cos(limit))
    full = thigh + shank
    reach = np.maximum(
        soft_limit(distance, (0.994 - ease) * full, 0.9995 * full), shortest
    )
    knee = np.arccos((reach**2 - thigh**2 - shank**2) / (2 * thigh * shank))
    axis = knee_axis - (knee_axis * direction).sum(-1, keepdims=True) * direction
    axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    hip = np.arctan2(shank * np.sin(knee), thigh + shank * np.cos(knee))[..., None]
    up = -direction * np.cos(hip) - np.cross(axis, -direction) * np.sin(hip)
    rotation = np.stack([np.cross(axis, up), axis, up], axis=-1)
    flexion, abduction, twist = limb_rotation_to_angles(rotation)
    return flexion, abduction, twist, knee


def limb_rotation_to_angles(
    rotation: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flexion, abduction and inward rotation of a left limb against its parent.

    Args:
        rotation: ``(..., 3, 3)``, limb frame to parent frame.

    Returns:
        The three angles ``(...)``, radians, in the order in which they apply.
    """
    flexion = -np.arctan2(rotation[..., 0, 2], rotation[..., 2, 2])
    abduction = np.arcsin(np.clip(-rotation[..., 1, 2], -1, 1))
    twist = -np.arctan2(rotation[..., 1, 0], rotation[..., 1, 1])
    return flexion, abduction, twist


def soft_limit(
    value: np.ndarray, start: np.ndarray | float, end: np.ndarray | float
) -> np.ndarray:
    """Bend values above ``start`` towards ``end``, twice differentiably.

    An infinite ``end`` leaves the values as they are.
    """
    finite = np.isfinite(end)
    first, last = np.where(finite, start, 0.0), np.where(finite, end, 1.0)
    over = np.maximum(value - first, 0)
    bent = np.minimum(value, first) + (last - first) * np.tanh(over / (last - first))
    return np.where(finite, bent, value)


def _axis_rotation(axis: int, angle: np.ndarray) -> np.ndarray:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., axis, axis] = 1
    rotation[..., first, first] = rotation[..., second, second] = np.cos(angle)
    rotation[..., second, first] = np.sin(angle)
    rotation[..., first, second] = -np.sin(angle)
    return rotation
