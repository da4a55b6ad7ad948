"""The SMPL body: from shape and pose to vertices and joints, in NumPy.

Loper et al., SMPL: A Skinned Multi-Person Linear Model, 2015. Letters: F frames,
V vertices, K joints, S shape coefficients. Everything is computed in double precision,
in the frame and the unit of the translation (metres); :func:`rotvec_to_rotmat` takes
any leading dimensions, the others frames along axis 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmpose_ext.geometry.skeletons import Skeleton

SMPL24 = Skeleton(
    name='smpl24',
    joint_names=(
        *('pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee'),
        *('spine2', 'left_ankle', 'right_ankle', 'spine3', 'left_foot', 'right_foot'),
        *('neck', 'left_collar', 'right_collar', 'head', 'left_shoulder'),
        *('right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist'),
        *('left_hand', 'right_hand'),
    ),
    parents=(
        *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
        *(9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
    ),
    flip_pairs=(
        *((1, 2), (4, 5), (7, 8), (10, 11), (13, 14)),
        *((16, 17), (18, 19), (20, 21), (22, 23)),
    ),
)
"""The 24 joints of SMPL. Its feet are toes, its ``head`` lies at the base of the skull
and its three spine joints between pelvis and neck; it has no top of the head."""


@dataclass(frozen=True)
class SmplModel:
    """The arrays of a body model.

    Args:
        template: Mean body at rest, ``(V, 3)``, metres; its left side is at +x.
        shape_basis: Change of the template with each coefficient, ``(V, 3, S)``.
        pose_basis: Change with each entry of the rotations of joints 1 to K - 1 minus
            the identity, row by row, ``(V, 3, 9 (K - 1))``.
        joint_regressor: Joints at rest as weighted vertices, ``(K, V)``.
        weights: Skinning weights, ``(V, K)``.
        parents: Parent of each joint, ``(K,)``; -1 for joint 0, else a smaller index.

    Raises:
        ValueError: If shapes do not fit each other or the tree is not in that order.
    """

    template: np.ndarray
    shape_basis: np.ndarray
    pose_basis: np.ndarray
    joint_regressor: np.ndarray
    weights: np.ndarray
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        vertices, joints = len(self.template), len(self.parents)
        expected = {
            'template': (vertices, 3),
            'shape_basis': (vertices, 3, self.shape_basis.shape[-1]),
            'pose_basis': (vertices, 3, 9 * (joints - 1)),
            'joint_regressor': (joints, vertices),
            'weights': (vertices, joints),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f'{name} has shape {getattr(self, name).shape}, expected {shape} '
                    f'for {vertices} vertices and {joints} joints'
                )
        above = enumerate(self.parents[1:], start=1)
        if self.parents[0] != -1 or not all(0 <= p < joint for joint, p in above):
            raise ValueError(
                'the parent of joint 0 must be -1, that of any other joint one before '
                f'it, got {self.parents}'
            )


def rotvec_to_rotmat(rotvec: np.ndarray) -> np.ndarray:
    """Rodrigues' formula.

    Args:
        rotvec: Axis times angle in radians, ``(..., 3)``.

    Returns:
        Rotations ``(..., 3, 3)``; exact at and near the identity.

    Raises:
        ValueError: If the last dimension is not 3.
    """
    rotvec = np.asarray(rotvec, dtype=np.float64)
    if rotvec.shape[-1:] != (3,):
        raise ValueError(f'rotvec has shape {rotvec.shape}; its last must be 3')
    x, y, z = np.moveaxis(rotvec, -1, 0)
    zero = np.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    cross = np.stack(rows, axis=-1).reshape(*rotvec.shape, 3)
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    # sin(a) / a and (1 - cos(a)) / a^2 = (sin(a / 2) / (a / 2))^2 / 2; np.sinc has pi.
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.eye(3) + first * cross + second * cross @ cross


def smpl_rest_vertices(model: SmplModel, betas: np.ndarray) -> np.ndarray:
    """The body at rest.

    Args:
        model: The body model.
        betas: Shape coefficients ``(S',)``; those that are not given are 0.

    Returns:
        Vertices ``(V, 3)``, metres.

    Raises:
        ValueError: If there are more coefficients than the model has.
    """
    betas = np.asarray(betas, dtype=np.float64)
    known = model.shape_basis.shape[-1]
    if betas.ndim != 1 or len(betas) > known:
        raise ValueError(f'betas have shape {betas.shape}, expected at most ({known},)')
    return model.template + model.shape_basis[..., : len(betas)] @ betas


def smpl_joints(
    model: SmplModel, pose: np.ndarray, betas: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    """Positions of the model's own joints; arguments as :func:`smpl_vertices`.

    Returns:
        Joints ``(F, K, 3)``, metres.
    """
    rest = model.joint_regressor @ smpl_rest_vertices(model, betas)
    joints = _bones(model, rest, pose).joints
    return joints + _translation(translation, len(joints))


def smpl_vertices(
    model: SmplModel, pose: np.ndarray, betas: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    """Linear blend skinning.

    Args:
        model: The body model.
        pose: Axis times angle of each joint relative to its parent, ``(F, 3 K)``,
            radians; joint 0 turns the body about itself.
        betas: Shape coefficients ``(S',)`` of this person.
        translation: ``(F, 3)``, metres; added to the turned body.

    Returns:
        Vertices ``(F, V, 3)``, metres. A frame of the whole SMPL mesh takes a megabyte
        while it is computed.

    Raises:
        ValueError: If a shape does not fit.
    """
    rest = smpl_rest_vertices(model, betas)
    bones = _bones(model, model.joint_regressor @ rest, pose)
    offsets = bones.features @ model.pose_basis.reshape(-1, bones.features.shape[1]).T
    bent = rest + offsets.reshape(-1, *rest.shape)
    affine = np.concatenate([bones.turns, bones.shifts[..., None]], axis=-1)
    blended = model.weights @ affine.reshape(*affine.shape[:2], 12)
    blended = blended.reshape(*bent.shape, 4)
    skinned = np.einsum('fvij,fvj->fvi', blended[..., :3], bent) + blended[..., 3]
    return skinned + _translation(translation, len(skinned))


def smpl_to_joints(
    model: SmplModel,
    regressor: np.ndarray,
    *,
    pose: np.ndarray,
    betas: np.ndarray,
    translation: np.ndarray,
) -> np.ndarray:
    """Joints of another joint set, regressed from the posed mesh.

    The same as ``regressor @ smpl_vertices(...)``, without making the vertices:
    skinning is linear in them, so what regressor and skinning weights together take
    from the mesh is summed once a person, and a frame costs little.

    Args:
        model: The body model.
        regressor: Joints as weighted vertices, ``(J, V)``.
        pose: As :func:`smpl_vertices`.
        betas: As :func:`smpl_vertices`.
        translation: As :func:`smpl_vertices`.

    Returns:
        Joints ``(F, J, 3)``, metres.

    Raises:
        ValueError: If a shape does not fit.
    """
    rest = smpl_rest_vertices(model, betas)
    if regressor.ndim != 2 or regressor.shape[1] != len(rest):
        raise ValueError(
            f'the regressor has shape {regressor.shape}, expected (J, {len(rest)})'
        )
    bones = _bones(model, model.joint_regressor @ rest, pose)
    used = regressor.any(axis=0)
    share = regressor[:, None, used] * model.weights[used].T  # (J, K, V)
    basis = share @ model.pose_basis[used].reshape(share.shape[-1], -1)
    offsets = bones.features @ basis.reshape(-1, bones.features.shape[1]).T
    local = share @ rest[used] + offsets.reshape(-1, *share.shape[:2], 3)
    turns = bones.turns.swapaxes(-1, -2).reshape(len(local), 3 * len(model.parents), 3)
    turned = local.reshape(*local.shape[:2], turns.shape[1]) @ turns
    shifted = share.sum(axis=-1) @ bones.shifts
    moved = regressor.sum(axis=1)[:, None] * _translation(translation, len(turned))
    return turned + shifted + moved


class _Bones(NamedTuple):
    """What a pose does to the bones.

    Attributes:
        turns: Rotation of each joint from rest, ``(F, K, 3, 3)``.
        shifts: What is added after the rotation, ``(F, K, 3)``.
        joints: Positions, ``(F, K, 3)``.
        features: What the pose basis is multiplied with, ``(F, 9 (K - 1))``.
    """

    turns: np.ndarray
    shifts: np.ndarray
    joints: np.ndarray
    features: np.ndarray


def _bones(model: SmplModel, rest: np.ndarray, pose: np.ndarray) -> _Bones:
    """Follow the tree from joint 0; ``rest`` are the joints at rest, ``(K, 3)``."""
    pose = np.asarray(pose, dtype=np.float64)
    if pose.ndim != 2 or pose.shape[1] != rest.size:
        raise ValueError(f'pose has shape {pose.shape}, expected (F, {rest.size})')
    rotations = rotvec_to_rotmat(pose.reshape(-1, *rest.shape))
    turns = rotations.copy()
    joints = np.empty(rotations.shape[:3])
    joints[:, 0] = rest[0]
    for joint, parent in enumerate(model.parents[1:], start=1):
        turns[:, joint] = turns[:, parent] @ rotations[:, joint]
        bone = rest[joint] - rest[parent]
        joints[:, joint] = joints[:, parent] + turns[:, parent] @ bone
    shifts = joints - (turns @ rest[..., None])[..., 0]
    features = (rotations[:, 1:] - np.eye(3)).reshape(len(pose), 9 * len(rest) - 9)
    return _Bones(turns, shifts, joints, features)


def _translation(translation: np.ndarray, frames: int) -> np.ndarray:
    """The translation as ``(F, 1, 3)``, checked."""
    translation = np.asarray(translation, dtype=np.float64)
    if translation.shape != (frames, 3):
        raise ValueError(
            f'translation has shape {translation.shape}, expected ({frames}, 3)'
        )
    return translation[:, None]
