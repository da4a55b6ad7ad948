"""Inverse kinematics of the legs."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.joint_limits import soft_limit
from mmpose_ext.simulation.skeleton import DEGREE_INDEX, JOINT_LIMITS


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
