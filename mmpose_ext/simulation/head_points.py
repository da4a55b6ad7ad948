"""Nose, eyes and ears: points of the head that the skeleton does not carry."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.kinematics import Kinematics, segment_rotations
from mmpose_ext.simulation.skeleton import POINT_INDEX

HEAD_POINTS = ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear')
"""The points in order, which is COCO's."""

_EYE_ANGLE = np.radians(24.0)


def head_offsets(body: Body) -> np.ndarray:
    """Place of :data:`HEAD_POINTS` in the frame of the head.

    Args:
        body: The person.

    Returns:
        ``(5, 3)``, from the base of the head (:data:`POINTS`' ``'neck_base'``), metres:
        the nose juts out of the head's capsule, eyes and ears lie on it.
    """
    radius = head_radius(body)
    unit = body.stature
    eye = radius * np.array([np.cos(_EYE_ANGLE), np.sin(_EYE_ANGLE)])
    ear = (-0.1 * radius, radius + 0.002 * unit, 0.013 * unit)
    mirror = np.array([1, -1, 1])
    left_eye, left_ear = np.array([*eye, 0.024 * unit]), np.array(ear)
    nose = np.array([radius + 0.012 * unit, 0, 0.002 * unit])
    return np.stack([nose, left_eye, left_eye * mirror, left_ear, left_ear * mirror])


def head_points(body: Body, kinematics: Kinematics) -> np.ndarray:
    """Places of :data:`HEAD_POINTS`.

    Args:
        body: The person.
        kinematics: Its points and rotations.

    Returns:
        ``(..., 5, 3)``, world frame, metres.
    """
    rotation = segment_rotations(kinematics, 'head')
    base = kinematics.points[..., POINT_INDEX['neck_base'], :]
    turned = head_offsets(body) @ np.swapaxes(rotation, -1, -2)
    return base[..., None, :] + turned


def head_radius(body: Body) -> float:
    """Radius of the capsule of the head, metres."""
    return float(body.radii[[capsule.name for capsule in CAPSULES].index('head')])
