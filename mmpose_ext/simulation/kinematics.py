"""Forward kinematics: from joint angles to points, rotations and capsules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.geometry import H36M17
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.skeleton import (
    DEGREES,
    POINT_INDEX,
    POINTS,
    SEGMENT_DEGREES,
    SEGMENT_INDEX,
    SEGMENTS,
)


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
            rotation = rotations[..., SEGMENT_INDEX[segment.parent], :, :] @ rotation
        rotations[..., index, :, :] = rotation
        origin = points[..., POINT_INDEX[segment.origin], :]
        for point in segment.points:
            points[..., POINT_INDEX[point], :] = origin + rotation @ body.offset(point)
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
    for column in SEGMENT_DEGREES[SEGMENT_INDEX[segment]]:
        degree = DEGREES[column]
        rotation = rotation @ _axis_rotation(
            degree.axis, degree.sign * angles[..., column]
        )
    return rotation


def segment_rotations(kinematics: Kinematics, segment: str) -> np.ndarray:
    """Rotation ``(..., 3, 3)`` of one segment, by name."""
    return kinematics.rotations[..., SEGMENT_INDEX[segment], :, :]


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
    start = kinematics.points[..., [POINT_INDEX[c.start] for c in CAPSULES], :]
    end = kinematics.points[..., [POINT_INDEX[c.end] for c in CAPSULES], :]
    inset = np.where([capsule.inset for capsule in CAPSULES], body.radii, 0.0)
    length = np.linalg.norm(end - start, axis=-1)
    keep = 1 - np.minimum(inset, length) / length
    return start, start + keep[..., None] * (end - start), body.radii


def _axis_rotation(axis: int, angle: np.ndarray) -> np.ndarray:
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., axis, axis] = 1
    rotation[..., first, first] = rotation[..., second, second] = np.cos(angle)
    rotation[..., second, first] = np.sin(angle)
    rotation[..., first, second] = -np.sin(angle)
    return rotation
