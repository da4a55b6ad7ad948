"""From the joints of Human3.6M to the joints of other programs.

Joints that both sets have are taken as they are. The others are estimated from them,
and their confidence is 0, so that nobody takes an estimate for a measurement.

COCO-17. Body: as it is. Face: the middle of the ears lies halfway between
``neck_base`` and ``head`` (the inverse of :mod:`~mmpose_ext.geometry.joint_maps`);
nose, eyes and ears are set off from it by fixed shares of the shoulders' distance,
along the axes of a head that looks where the chest does. A turn of the head is not
seen.

SMPL-24, joint positions only, no rotations and no body model. Hips, knees, ankles,
shoulders, elbows and wrists: as they are, though SMPL's own hips and shoulders lie some
centimetres nearer to the middle. ``pelvis``, ``neck`` and ``head`` are Human3.6M's
``root``, ``thorax`` and ``neck_base``. ``spine1`` and ``spine3`` lie on the line from
root over spine to thorax, ``spine2`` is ``spine``. Estimated, with confidence 0: the
collars on the way to the shoulders, the hands in line with the forearms, the toes
(``left_foot``, ``right_foot``) with the ankle at a right angle.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmpose_ext.geometry.joint_maps import COCO17_JOINTS
from mmpose_ext.geometry.skeletons import H36M17, Skeleton
from mmpose_ext.geometry.smpl import SMPL24

COCO17 = Skeleton(
    name='coco17',
    joint_names=COCO17_JOINTS,
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    flip_pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
)
"""The keypoints of COCO as a tree that grows from the nose."""

OUTPUT_SKELETONS: dict[str, Skeleton] = {
    skeleton.name: skeleton for skeleton in (H36M17, COCO17, SMPL24)
}
"""Joint sets that :func:`from_h36m17` can make."""

# To the left, up and forward, as shares of the distance between the shoulders. Grown
# people: shoulders 0.34 m apart, ears 0.15, eyes 0.064, the nose 0.11 before the ears.
_FACE: dict[str, tuple[float, float, float]] = {
    'nose': (0.0, -0.05, 0.33),
    'left_eye': (0.095, 0.07, 0.25),
    'right_eye': (-0.095, 0.07, 0.25),
    'left_ear': (0.22, 0.0, 0.0),
    'right_ear': (-0.22, 0.0, 0.0),
}
_HAND_OF_FOREARM = 0.33
_TOE_FORWARD_OF_SHIN, _TOE_DOWN_OF_SHIN = 0.3, 0.14


def _limbs(ankle: str) -> dict[str, dict[str, float]]:
    """Joints of arms and legs that all sets have, by the name that they have there."""
    names = {'hip': 'hip', 'knee': 'knee', ankle: 'foot'}
    names |= {joint: joint for joint in ('shoulder', 'elbow', 'wrist')}
    return {
        f'{side}_{name}': {f'{side}_{source}': 1.0}
        for side in ('left', 'right')
        for name, source in names.items()
    }


def _sides(parts: Mapping[str, float], name: str) -> dict[str, dict[str, float]]:
    """A joint of both sides; parts that begin with ``_`` are the side's own."""
    return {
        f'{side}_{name}': {
            (f'{side}{part}' if part.startswith('_') else part): weight
            for part, weight in parts.items()
        }
        for side in ('left', 'right')
    }


_EARS = {'neck_base': 0.5, 'head': 0.5}

_PARTS: dict[str, dict[str, Mapping[str, float]]] = {
    'coco17': {**{name: _EARS for name in _FACE}, **_limbs('ankle')},
    'smpl24': {
        'pelvis': {'root': 1.0},
        'spine1': {'root': 0.6, 'spine': 0.4},
        'spine2': {'spine': 1.0},
        'spine3': {'spine': 0.8, 'thorax': 0.2},
        'neck': {'thorax': 1.0},
        'head': {'neck_base': 1.0},
        **_limbs('ankle'),
        **_sides({'thorax': 0.55, '_shoulder': 0.45}, 'collar'),
        **_sides({'_wrist': 1 + _HAND_OF_FOREARM, '_elbow': -_HAND_OF_FOREARM}, 'hand'),
        **_sides({'_foot': 1 + _TOE_DOWN_OF_SHIN, '_knee': -_TOE_DOWN_OF_SHIN}, 'foot'),
    },
}
_ESTIMATED: dict[str, tuple[str, ...]] = {
    'coco17': tuple(_FACE),
    'smpl24': tuple(
        f'{side}_{name}'
        for side in ('left', 'right')
        for name in ('collar', 'hand', 'foot')
    ),
}


def output_skeleton(joint_set: str) -> Skeleton:
    """A joint set by name.

    Raises:
        ValueError: If it is unknown.
    """
    if joint_set not in OUTPUT_SKELETONS:
        raise ValueError(
            f'unknown skeleton {joint_set!r}; known: {", ".join(OUTPUT_SKELETONS)}'
        )
    return OUTPUT_SKELETONS[joint_set]


def from_h36m17(poses: np.ndarray, joint_set: str) -> np.ndarray:
    """Poses in the joints of another set.

    Args:
        poses: Any right-handed frame and unit, ``(..., 17, 3)``. Relative poses stay
            relative to Human3.6M's root.
        joint_set: One of :data:`OUTPUT_SKELETONS`.

    Returns:
        Poses ``(..., K, 3)`` of the same type.

    Raises:
        ValueError: If the joint set is unknown or the poses have another shape.
    """
    skeleton = output_skeleton(joint_set)
    _check(poses.shape, (H36M17.num_joints, 3), 'poses')
    if joint_set == H36M17.name:
        return poses
    mapped = _weights(joint_set).astype(poses.dtype) @ poses
    names = skeleton.joint_names
    if joint_set == COCO17.name:
        face = [names.index(name) for name in _FACE]
        mapped[..., face, :] += _face_offsets(poses)
    else:
        for side in ('left', 'right'):
            toe = _toe_offset(poses, side)
            mapped[..., names.index(f'{side}_foot'), :] += toe
    return mapped


def scores_from_h36m17(scores: np.ndarray, joint_set: str) -> np.ndarray:
    """Confidence of such joints: the least of those they come from, 0 for estimates.

    Args:
        scores: Of Human3.6M's joints, ``(..., 17)``.
        joint_set: One of :data:`OUTPUT_SKELETONS`.

    Returns:
        Scores ``(..., K)``.

    Raises:
        ValueError: As for :func:`from_h36m17`.
    """
    skeleton = output_skeleton(joint_set)
    _check(scores.shape, (H36M17.num_joints,), 'scores')
    if joint_set == H36M17.name:
        return scores
    used = _weights(joint_set) != 0
    high = scores.dtype.type(np.inf)
    mapped = np.where(used, scores[..., None, :], high).min(axis=-1)
    names = [skeleton.joint_names.index(name) for name in _ESTIMATED[joint_set]]
    mapped[..., names] = 0
    return mapped


def _face_offsets(poses: np.ndarray) -> np.ndarray:
    """From the middle of the ears to nose, eyes and ears, ``(..., 5, 3)``."""
    across = _joint(poses, 'left_shoulder') - _joint(poses, 'right_shoulder')
    up = _unit(_joint(poses, 'head') - _joint(poses, 'neck_base'))
    left = _unit(across - (across * up).sum(-1, keepdims=True) * up)
    axes = np.stack([left, up, np.cross(left, up)], axis=-2)
    shares = np.array(list(_FACE.values()), dtype=poses.dtype)
    width = np.linalg.norm(across, axis=-1)[..., None, None]
    return width * (shares @ axes)


def _toe_offset(poses: np.ndarray, side: str) -> np.ndarray:
    """Forward from a point below the ankle to the toes, ``(..., 3)``."""
    shin = _joint(poses, f'{side}_foot') - _joint(poses, f'{side}_knee')
    across = _joint(poses, 'left_hip') - _joint(poses, 'right_hip')
    length = np.linalg.norm(shin, axis=-1, keepdims=True)
    return _TOE_FORWARD_OF_SHIN * length * _unit(np.cross(shin, across))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1; those without a direction become 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-8).astype(vectors.dtype)


def _joint(poses: np.ndarray, name: str) -> np.ndarray:
    return poses[..., H36M17.joint_names.index(name), :]


def _weights(joint_set: str) -> np.ndarray:
    """Weights ``(K, 17)`` of Human3.6M's joints."""
    skeleton = OUTPUT_SKELETONS[joint_set]
    weights = np.zeros((skeleton.num_joints, H36M17.num_joints))
    for row, joint in enumerate(skeleton.joint_names):
        for source, weight in _PARTS[joint_set][joint].items():
            weights[row, H36M17.joint_names.index(source)] = weight
    return weights


def _check(shape: tuple[int, ...], expected: tuple[int, ...], name: str) -> None:
    if shape[-len(expected) :] != expected:
        sizes = ', '.join(str(size) for size in expected)
        raise ValueError(f'{name} have shape {shape}; expected (..., {sizes})')
