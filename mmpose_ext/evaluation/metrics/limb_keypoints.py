"""The joints of the limbs, which all skeletons have, left and right together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmpose_ext.evaluation.metrics.scored_frames import to_array
from mmpose_ext.geometry.joint_maps import COCO17_JOINTS
from mmpose_ext.geometry.skeletons import H36M17

LIMB_GROUPS = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
"""What a left and a right joint are called in a table."""

MPII16_JOINTS: tuple[str, ...] = (
    *('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle'),
    *('pelvis', 'thorax', 'upper_neck', 'head_top', 'right_wrist', 'right_elbow'),
    *('right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist'),
)
"""The joints of MPII, in its order and with MMPose's names."""

SKELETONS: dict[str, tuple[str, ...]] = {
    'mpii16': MPII16_JOINTS,
    'coco17': COCO17_JOINTS,
    'h36m17': H36M17.joint_names,
}
"""Skeletons that a metric's option may name."""

_SAME_GROUP = {'foot': 'ankle'}  # what Human3.6M calls a foot is the ankle


def check_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """The groups, each once.

    Raises:
        ValueError: If there is none or one is unknown.
    """
    if isinstance(groups, str) or not groups or not set(groups) <= set(LIMB_GROUPS):
        raise ValueError(
            f'joint_groups={groups!r}; expected a list with any of {LIMB_GROUPS}'
        )
    return tuple(dict.fromkeys(groups))


def skeleton_of(
    skeleton: str | Sequence[str] | None, dataset_meta: Mapping[str, Any] | None
) -> tuple[str, ...]:
    """Joint names, in order.

    Args:
        skeleton: One of :data:`SKELETONS`, or the names themselves; those of the data
            set if ``None``.
        dataset_meta: Meta information of an MMPose data set.

    Raises:
        ValueError: If the skeleton is unknown or the data set names no joints.
    """
    if isinstance(skeleton, str):
        if skeleton not in SKELETONS:
            raise ValueError(
                f'skeleton {skeleton!r}; expected one of {sorted(SKELETONS)} or a list '
                'of joint names'
            )
        return SKELETONS[skeleton]
    if skeleton is not None:
        return tuple(skeleton)
    names = (dataset_meta or {}).get('keypoint_id2name')
    if not names:
        raise ValueError(
            'the data set does not name its joints; give it the metainfo of its '
            "skeleton, for example dict(from_file='configs/_base_/datasets/h36m.py')"
        )
    return tuple(names[number] for number in sorted(names))


def limb_columns(names: Sequence[str], groups: Sequence[str]) -> list[int]:
    """Where a skeleton has the left and the right joint of each group, in turn.

    Args:
        names: Joint names such as ``'left_wrist'``, in order.
        groups: Any of :data:`LIMB_GROUPS`.

    Returns:
        Two indices a group, left first.

    Raises:
        ValueError: If a joint is missing.
    """
    column = {}
    for index, name in enumerate(names):
        side, _, joint = name.partition('_')
        column[side, _SAME_GROUP.get(joint, joint)] = index
    wanted = [(side, group) for group in groups for side in ('left', 'right')]
    missing = ['_'.join(key) for key in wanted if key not in column]
    if missing:
        raise ValueError(f'there is no {", ".join(missing)} among {list(names)}')
    return [column[key] for key in wanted]


def one_person(sample: Mapping[str, Any], field: str, joints: int) -> np.ndarray:
    """Keypoints ``(K, 2)`` of the only person of a sample.

    Args:
        sample: A data sample as a mapping.
        field: ``'pred_instances'`` or ``'gt_instances'``.
        joints: The expected K.

    Raises:
        ValueError: If there are more people or other joints.
    """
    keypoints = to_array(sample[field]['keypoints'])
    if keypoints.ndim != 3 or len(keypoints) != 1 or keypoints.shape[1] != joints:
        hint = '; say with pred_skeleton what the model predicts'
        raise ValueError(
            f'{sample.get("img_path", "a sample")}: {field}.keypoints have shape '
            f'{keypoints.shape}, expected (1, {joints}, 2), one person and the joints '
            f'of the skeleton{hint if field == "pred_instances" else ""}'
        )
    return keypoints[0, :, :2]
