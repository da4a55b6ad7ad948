"""From the joints of 2D estimators to the 17 joints of Human3.6M.

Each joint of Human3.6M is a weighted sum of the source's joints, given by name. Where
a source has no such joint, it is estimated: the spine halfway between hips and
shoulders, the neck base halfway between shoulders and ears, the top of the head half
the distance between shoulders and ears beyond the ears. OpenPose's joints are mapped
as MotionBERT does for 3DPW: its own neck, the nose for the neck base and the middle of
the eyes for the head. Halpe's as MotionBERT does for videos: its own hip, neck and top
of the head, and the nose for the neck base.

A joint that is NaN is missing, and so is what is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmpose_ext.geometry.skeletons import H36M17

COCO17_JOINTS: tuple[str, ...] = (
    *('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear'),
    *('left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow'),
    *('left_wrist', 'right_wrist', 'left_hip', 'right_hip'),
    *('left_knee', 'right_knee', 'left_ankle', 'right_ankle'),
)
"""The keypoints of COCO, in its order."""

BLAZEPOSE33_JOINTS: tuple[str, ...] = (
    *('nose', 'left_eye_inner', 'left_eye', 'left_eye_outer'),
    *('right_eye_inner', 'right_eye', 'right_eye_outer', 'left_ear', 'right_ear'),
    *('mouth_left', 'mouth_right', 'left_shoulder', 'right_shoulder'),
    *('left_elbow', 'right_elbow', 'left_wrist', 'right_wrist'),
    *('left_pinky', 'right_pinky', 'left_index', 'right_index'),
    *('left_thumb', 'right_thumb', 'left_hip', 'right_hip', 'left_knee', 'right_knee'),
    *('left_ankle', 'right_ankle', 'left_heel', 'right_heel'),
    *('left_foot_index', 'right_foot_index'),
)
"""The landmarks of MediaPipe's BlazePose, in its order."""

OPENPOSE18_JOINTS: tuple[str, ...] = (
    *('nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist'),
    *('left_shoulder', 'left_elbow', 'left_wrist', 'right_hip', 'right_knee'),
    *('right_ankle', 'left_hip', 'left_knee', 'left_ankle'),
    *('right_eye', 'left_eye', 'right_ear', 'left_ear'),
)
"""The joints of OpenPose's COCO model, in its order."""

HALPE26_JOINTS: tuple[str, ...] = (
    *COCO17_JOINTS,
    *('head', 'neck', 'hip', 'left_big_toe', 'right_big_toe'),
    *('left_small_toe', 'right_small_toe', 'left_heel', 'right_heel'),
)
"""The body keypoints of Halpe, in its order."""

JOINT_SETS: dict[str, tuple[str, ...]] = {
    'h36m17': H36M17.joint_names,
    'coco17': COCO17_JOINTS,
    'openpose18': OPENPOSE18_JOINTS,
    'blazepose33': BLAZEPOSE33_JOINTS,
    'halpe26': HALPE26_JOINTS,
}
"""Joint sets that :func:`to_h36m17` understands."""


def _both(name: str, weight: float) -> dict[str, float]:
    return {f'left_{name}': weight, f'right_{name}': weight}


_FROM_BODY: dict[str, Mapping[str, float]] = {
    'root': _both('hip', 0.5),
    'spine': {**_both('hip', 0.25), **_both('shoulder', 0.25)},
    'thorax': _both('shoulder', 0.5),
    'neck_base': {**_both('shoulder', 0.25), **_both('ear', 0.25)},
    'head': {**_both('shoulder', -0.25), **_both('ear', 0.75)},
    **{
        f'{side}_{joint}': {f'{side}_{source}': 1.0}
        for side in ('left', 'right')
        for joint, source in (
            *(('hip', 'hip'), ('knee', 'knee'), ('foot', 'ankle')),
            *(('shoulder', 'shoulder'), ('elbow', 'elbow'), ('wrist', 'wrist')),
        )
    },
}


_FROM_OPENPOSE: dict[str, Mapping[str, float]] = {
    **_FROM_BODY,
    'spine': {**_both('hip', 0.25), 'neck': 0.5},
    'thorax': {'neck': 1.0},
    'neck_base': {'nose': 1.0},
    'head': _both('eye', 0.5),
}

_FROM_HALPE: dict[str, Mapping[str, float]] = {
    **_FROM_BODY,
    'root': {'hip': 1.0},
    'spine': {'hip': 0.5, 'neck': 0.5},
    'thorax': {'neck': 1.0},
    'neck_base': {'nose': 1.0},
    'head': {'head': 1.0},
}

_SPECIAL_PARTS = {'openpose18': _FROM_OPENPOSE, 'halpe26': _FROM_HALPE}


def joint_map(joint_set: str) -> dict[str, dict[str, float]]:
    """What each joint of Human3.6M is made of: weights of the source's joints.

    Args:
        joint_set: One of :data:`JOINT_SETS`.

    Raises:
        ValueError: If the joint set is unknown.
    """
    if joint_set not in JOINT_SETS:
        raise ValueError(
            f'unknown joint set {joint_set!r}; known: {", ".join(JOINT_SETS)}'
        )
    if joint_set == H36M17.name:
        return {name: {name: 1.0} for name in H36M17.joint_names}
    parts = _SPECIAL_PARTS.get(joint_set, _FROM_BODY)
    return {name: dict(parts[name]) for name in H36M17.joint_names}


def to_h36m17(points: np.ndarray, joint_set: str) -> np.ndarray:
    """Points of another joint set as the joints of Human3.6M.

    Args:
        points: 2D or 3D points ``(..., K, D)``, any frame and unit.
        joint_set: One of :data:`JOINT_SETS`.

    Returns:
        Points ``(..., 17, D)``.

    Raises:
        ValueError: If the joint set is unknown or K is not its number of joints.
    """
    weights = _weights(joint_set).astype(np.result_type(points, np.float32))
    _check_joints(points.shape, -2, joint_set)
    missing = np.isnan(points)
    if not missing.any():
        return weights @ points
    joints = weights @ np.where(missing, 0, points)
    joints[(weights != 0).astype(weights.dtype) @ missing > 0] = np.nan
    return joints


def scores_to_h36m17(scores: np.ndarray, joint_set: str) -> np.ndarray:
    """Confidence of the joints of Human3.6M: the least of those they come from.

    Args:
        scores: Confidence ``(..., K)``.
        joint_set: One of :data:`JOINT_SETS`.

    Returns:
        Confidence ``(..., 17)``.

    Raises:
        ValueError: As for :func:`to_h36m17`.
    """
    used = _weights(joint_set) != 0
    _check_joints(scores.shape, -1, joint_set)
    return np.where(used, scores[..., None, :], scores.dtype.type(np.inf)).min(-1)


def _weights(joint_set: str) -> np.ndarray:
    """Weights ``(17, K)`` of the source's joints."""
    parts = joint_map(joint_set)
    names = JOINT_SETS[joint_set]
    weights = np.zeros((H36M17.num_joints, len(names)))
    for row, joint in enumerate(H36M17.joint_names):
        for source, weight in parts[joint].items():
            weights[row, names.index(source)] = weight
    return weights


def _check_joints(shape: tuple[int, ...], axis: int, joint_set: str) -> None:
    expected = len(JOINT_SETS[joint_set])
    if len(shape) < -axis or shape[axis] != expected:
        number = shape[axis] if len(shape) >= -axis else None
        fitting = [name for name, names in JOINT_SETS.items() if len(names) == number]
        known = ', '.join(f'{name} ({len(j)})' for name, j in JOINT_SETS.items())
        hint = f'joint sets of {number}: {", ".join(fitting)}'
        raise ValueError(
            f'{joint_set} has {expected} joints, but the array has shape {shape}; '
            f'expected {expected} at axis {axis}; '
            + (hint if fitting else f'known joint sets: {known}')
        )
