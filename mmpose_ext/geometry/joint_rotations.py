"""From joint positions to joint rotations: a rig for animation programs.

Positions do not say how a limb turns about its own axis. What the rig does: the pelvis
has the frame of hips and spine, the upper spine that of itself and the shoulders, and
every other bone turns from its parent's frame by the shortest way. So nothing twists
that has no reason to, and poses that differ little have rotations that differ little.

Every bone has a node of its own. Where several bones leave one joint (hips and spine at
the root, shoulders and neck at the thorax), nodes of the same place turn one bone each,
as in the files of the CMU motion capture database. With constant bone lengths the
rotations therefore give back the positions exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmpose_ext.geometry.skeletons import H36M17, joint_index

_LEFT, _RIGHT = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)
_UP, _DOWN = (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)
_SMALL = 1e-9


class RigNode(NamedTuple):
    """A node of the rig.

    Attributes:
        name: As animation programs call it.
        parent: Index of the parent node, -1 for the first.
        start: Joint of Human3.6M at which the node is.
        end: Joint to which its bone leads; ``None`` for the first node.
        rest: Direction of the bone at rest: x to the person's left, y up, z forward.
        order: Order of its Euler angles, chosen so that the middle one, which must stay
            off 90 degrees, is the turn about the bone.
    """

    name: str
    parent: int
    start: int
    end: int | None
    rest: tuple[float, float, float]
    order: str


def _rig() -> tuple[RigNode, ...]:
    nodes = [RigNode('Hips', -1, H36M17.root, None, _LEFT, 'ZXY')]

    def chain(parent: str, *bones: tuple[str, str, tuple, str]) -> None:
        above = [node.name for node in nodes].index(parent)
        for name, end, rest, order in bones:
            joint = joint_index(end)
            start = H36M17.parents[joint]
            nodes.append(RigNode(name, above, start, joint, rest, order))
            above = len(nodes) - 1

    def leg(side: str, across: tuple) -> None:
        chain(
            'Hips',
            (f'{side[0]}HipJoint', f'{side}_hip', across, 'ZXY'),
            (f'{side}UpLeg', f'{side}_knee', _DOWN, 'XYZ'),
            (f'{side}Leg', f'{side}_foot', _DOWN, 'XYZ'),
        )

    def arm(side: str, across: tuple) -> None:
        chain(
            'Spine',
            (f'{side}Shoulder', f'{side}_shoulder', across, 'ZXY'),
            (f'{side}Arm', f'{side}_elbow', across, 'ZXY'),
            (f'{side}ForeArm', f'{side}_wrist', across, 'ZXY'),
        )

    leg('Right', _RIGHT)
    leg('Left', _LEFT)
    chain('Hips', ('LowerBack', 'spine', _UP, 'XYZ'), ('Spine', 'thorax', _UP, 'XYZ'))
    chain('Spine', ('Neck', 'neck_base', _UP, 'XYZ'), ('Head', 'head', _UP, 'XYZ'))
    arm('Right', _RIGHT)
    arm('Left', _LEFT)
    return tuple(nodes)


RIG: tuple[RigNode, ...] = _rig()
"""Nodes for the 16 bones of Human3.6M-17 and the pelvis, parents and depth first. At
rest a person stands upright, looks along z and holds the arms out sideways."""

_HIPS = (joint_index('right_hip'), joint_index('left_hip'))
_SHOULDERS = (joint_index('right_shoulder'), joint_index('left_shoulder'))


def camera_to_y_up(points: np.ndarray) -> np.ndarray:
    """Camera axes (x right, y down, z forward) as x right, y up, z towards the camera.

    Args:
        points: ``(..., 3)``.
    """
    return points * np.array([1, -1, -1], dtype=points.dtype)


def rig_rotations(poses: np.ndarray) -> np.ndarray:
    """Rotation of each node of :data:`RIG` relative to its parent.

    Args:
        poses: Joints of Human3.6M, y up, any unit, ``(F, 17, 3)``.

    Returns:
        Rotations ``(F, N, 3, 3)``. A bone without length does not turn.

    Raises:
        ValueError: If the poses have another shape.
    """
    if poses.ndim != 3 or poses.shape[1:] != (H36M17.num_joints, 3):
        raise ValueError(f'poses have shape {poses.shape}; expected (F, 17, 3)')
    poses = poses.astype(np.float64)
    whole: list[np.ndarray] = []
    local: list[np.ndarray] = []
    for node in RIG:
        if node.end is None:
            above = np.broadcast_to(np.eye(3), (len(poses), 3, 3))
            turned = swing(np.array(node.rest), _between(poses, *_HIPS))
            spine = _between(poses, node.start, joint_index('spine'))
            own = turned @ twist(turned, np.array(node.rest), np.array(_UP), spine)
        else:
            above = whole[node.parent]
            bone = _between(poses, node.start, node.end)
            own = swing(np.array(node.rest), _into(above, bone))
            if node.name == 'Spine':
                shoulders = _into(above, _between(poses, *_SHOULDERS))
                own = own @ twist(own, np.array(node.rest), np.array(_LEFT), shoulders)
        local.append(own)
        whole.append(above @ own)
    return np.stack(local, axis=1)


def swing(rest: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Shortest turns that bring a direction into others.

    Args:
        rest: A direction of length 1, ``(3,)``.
        directions: Directions of any length, ``(F, 3)``; none for length 0. One that
            is opposite to ``rest`` is reached about some axis.

    Returns:
        Rotations ``(F, 3, 3)``.
    """
    length = np.linalg.norm(directions, axis=-1, keepdims=True)
    unit = np.where(length > _SMALL, directions / np.maximum(length, _SMALL), rest)
    cosine = (unit @ rest)[:, None, None]
    cross = _cross_matrices(np.cross(rest, unit))
    turn = np.eye(3) + cross + cross @ cross / np.maximum(1 + cosine, _SMALL)
    aside = np.roll(rest, 1)  # at a right angle, since `rest` is one of the axes
    half_turn = 2 * np.outer(aside, aside) - np.eye(3)
    return np.where(1 + cosine > 1e-7, turn, half_turn)


def twist(
    turned: np.ndarray, axis: np.ndarray, rest: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """Turns about an axis that bring a second direction as near as possible to others.

    Args:
        turned: Rotations that are already there, ``(F, 3, 3)``; the twist comes first.
        axis: Axis of length 1 before them, ``(3,)``.
        rest: The second direction before them, at a right angle to the axis, ``(3,)``.
        directions: Where it should point after them, ``(F, 3)``; no turn where that is
            along the axis.

    Returns:
        Rotations ``(F, 3, 3)``.
    """
    seen = _into(turned, directions)
    aside = np.cross(axis, rest)
    cosine, sine = seen @ rest, seen @ aside
    length = np.hypot(cosine, sine)
    known = length > _SMALL
    cosine = np.where(known, cosine / np.maximum(length, _SMALL), 1.0)
    sine = np.where(known, sine / np.maximum(length, _SMALL), 0.0)
    cross = _cross_matrices(axis[None])
    share, rest_share = sine[:, None, None], (1 - cosine)[:, None, None]
    return np.eye(3) + share * cross + rest_share * (cross @ cross)


def _between(poses: np.ndarray, start: int, end: int) -> np.ndarray:
    return poses[:, end] - poses[:, start]


def _into(rotations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors ``(F, 3)`` as the turned bodies see them."""
    return np.einsum('fji,fj->fi', rotations, vectors)


def _cross_matrices(vectors: np.ndarray) -> np.ndarray:
    """Matrices ``(F, 3, 3)`` that take the cross product with vectors ``(F, 3)``."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
