"""From targets to joint angles.

The pelvis comes down as far as the legs need, the legs follow by inverse kinematics,
and every angle is clamped to its joint's limits.
"""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.joint_limits import clamp_to_limits
from mmpose_ext.simulation.kinematics import (
    JointState,
    forward_kinematics,
    joint_rotation,
    segment_rotations,
)
from mmpose_ext.simulation.leg_kinematics import leg_angles, limb_rotation_to_angles
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.skeleton import DEGREE_INDEX, DEGREES, SIDE_SIGNS, SIDES

_EASE = 0.06
"""Part of its length over which a swinging leg resists being stretched."""


_SOFT_MARGIN = np.radians(8.0)
"""How close to its limit an angle of the upper body slows down."""


def solve(body: Body, targets: Targets) -> JointState:
    """Find the joint angles that meet the targets, as far as the limits allow.

    Args:
        body: The person.
        targets: What is asked.

    Returns:
        Postures ``(F,)``; every angle lies within its joint's limits.
    """
    angles = np.zeros((len(targets.pelvis), len(DEGREES)))
    angles[:, :3] = targets.tilt
    for name, value in targets.angles.items():
        angles[:, DEGREE_INDEX[name]] = value
    angles = clamp_to_limits(angles, margin=_SOFT_MARGIN)
    pelvis = targets.pelvis.copy()
    ceiling = reachable_height(body, targets, 0.996)
    pelvis[:, 2] = _soft_minimum(pelvis[:, 2], _soft_minimum(*ceiling.T))
    _bend_legs(body, targets, pelvis, angles)
    angles = clamp_to_limits(angles)
    _level_feet(body, targets, JointState(angles, pelvis))
    return JointState(clamp_to_limits(angles), pelvis)


def reachable_height(body: Body, targets: Targets, extension: float) -> np.ndarray:
    """Greatest height of the root ``(F, 2)`` at which each leg reaches its ankle.

    A free foot allows more.

    Args:
        body: The person.
        targets: Places of the pelvis (its height is not used) and the ankles.
        extension: Part of the leg's length that may be used.

    Returns:
        Heights for the right and the left leg, metres.
    """
    hips = _hip_offsets(body, targets.tilt)
    gap = targets.pelvis[:, None, :2] + hips[..., :2] - targets.ankles[..., :2]
    room = (extension * body.leg_length) ** 2 - (gap**2).sum(-1)
    rise = np.sqrt(np.maximum(room, (0.3 * body.leg_length) ** 2))
    slack = 0.3 * body.leg_length * targets.free
    return targets.ankles[..., 2] + rise - hips[..., 2] + slack


def _bend_legs(
    body: Body, targets: Targets, pelvis: np.ndarray, angles: np.ndarray
) -> None:
    """Fill in the angles of hips and knees."""
    rotation = joint_rotation(angles, 'pelvis')
    hips = pelvis[:, None] + _hip_offsets(body, targets.tilt)
    yaw = targets.foot_yaw
    knee_axis = np.stack([-np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)], axis=-1)
    for index, (side, sign) in enumerate(zip(SIDES, SIDE_SIGNS, strict=True)):
        mirror = np.array([1, sign, 1])
        reach = _into_frame(rotation, targets.ankles[:, index] - hips[:, index])
        axis = _into_frame(rotation, knee_axis[:, index])
        solved = leg_angles(
            reach * mirror,
            sign * axis * mirror,
            body,
            ease=_EASE * targets.free[:, index],
        )
        names = ('hip_flexion', 'hip_abduction', 'hip_rotation', 'knee_flexion')
        for name, value in zip(names, solved, strict=True):
            angles[:, DEGREE_INDEX[f'{side}_{name}']] = value


def _level_feet(body: Body, targets: Targets, state: JointState) -> None:
    """Fill in the angles of the ankles, so that the feet lie as asked."""
    kinematics = forward_kinematics(body, state)
    for index, (side, sign) in enumerate(zip(SIDES, SIDE_SIGNS, strict=True)):
        yaw, pitch = targets.foot_yaw[:, index], targets.foot_pitch[:, index]
        cos, sin, zero = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)
        up_tilt, along = np.sin(pitch), np.cos(pitch)
        foot = np.stack(
            [
                np.stack([cos * along, -sin, cos * up_tilt], axis=-1),
                np.stack([sin * along, cos, sin * up_tilt], axis=-1),
                np.stack([-up_tilt, zero, along], axis=-1),
            ],
            axis=-2,
        )
        shank = segment_rotations(kinematics, f'{side}_shank')
        mirror = np.diag([1, sign, 1])
        local = mirror @ np.swapaxes(shank, -1, -2) @ foot @ mirror
        dorsiflexion, eversion, _ = limb_rotation_to_angles(local)
        state.angles[:, DEGREE_INDEX[f'{side}_ankle_dorsiflexion']] = dorsiflexion
        state.angles[:, DEGREE_INDEX[f'{side}_ankle_eversion']] = eversion


def _hip_offsets(body: Body, tilt: np.ndarray) -> np.ndarray:
    """Right and left hip ``(F, 2, 3)`` against the root, world frame."""
    angles = np.zeros((len(tilt), len(DEGREES)))
    angles[:, :3] = tilt
    rotation = joint_rotation(clamp_to_limits(angles, margin=_SOFT_MARGIN), 'pelvis')
    offsets = np.stack([body.offset(f'{side}_hip') for side in SIDES])
    return offsets @ np.swapaxes(rotation, -1, -2)


def _soft_minimum(a: np.ndarray, b: np.ndarray, width: float = 0.03) -> np.ndarray:
    """The lesser of two, rounded where they differ by less than ``width``."""
    near = np.maximum(1 - np.abs(a - b) / width, 0)
    return np.minimum(a, b) - width / 6 * near**3


def _into_frame(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.einsum('fji,fj->fi', rotation, vector)
