"""Which joints two skeletons have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SAME_JOINT: dict[str, dict[str, str]] = {
    'h36m': {
        'root': 'pelvis',
        'left_foot': 'left_ankle',
        'right_foot': 'right_ankle',
    }
}
"""Joints that a dataset of MMPose names unlike COCO, MPII and AI Challenger, which
agree. The neck of AI Challenger and the upper neck of MPII are different points, and so
are Human3.6M's head and MPII's top of the head."""


def shared_joints(
    labelled: Mapping[str, Any],
    unlabelled: Mapping[str, Any],
    joint_map: Mapping[str, str] | None = None,
) -> np.ndarray:
    """Joints of the labelled skeleton that unlabelled people have too.

    Args:
        labelled: Meta information of a dataset in MMPose's format.
        unlabelled: The same; without a skeleton nothing is known against any joint.
        joint_map: Names of unlabelled joints and what the labelled skeleton calls them.
            ``None`` goes by equal names and :data:`SAME_JOINT`.

    Returns:
        ``(K,)`` bool.

    Raises:
        ValueError: If there are none, or ``joint_map`` names a joint that is not there.
    """
    ours, theirs = _names(labelled), _names(unlabelled)
    if joint_map is not None:
        _check_names(joint_map.keys(), theirs, 'unlabelled')
        _check_names(joint_map.values(), ours, 'labelled')
        common = set(joint_map.values())
        shared = np.array([name in common for name in ours])
    elif not theirs:
        return np.ones(len(ours), dtype=bool)
    else:
        known = {_common_name(name, unlabelled) for name in theirs}
        shared = np.array([_common_name(name, labelled) in known for name in ours])
    if not shared.any():
        raise ValueError(
            'labelled and unlabelled people have no joint in common: '
            f'{", ".join(ours)} against {", ".join(theirs)}. Give joint_map=dict('
            '<unlabelled name>=<labelled name>, ...)'
        )
    return shared


def _names(metainfo: Mapping[str, Any]) -> list[str]:
    """Names of the joints in their order."""
    names = metainfo.get('keypoint_id2name', {})
    return [names[number] for number in sorted(names)]


def _common_name(name: str, metainfo: Mapping[str, Any]) -> str:
    return SAME_JOINT.get(metainfo.get('dataset_name', ''), {}).get(name, name)


def _check_names(names: Any, known: list[str], role: str) -> None:
    unknown = [name for name in names if name not in known]
    # Without a skeleton there is nothing to compare unlabelled names with.
    if unknown and known:
        raise ValueError(
            f'joint_map names {", ".join(unknown)}, but the {role} skeleton has '
            f'{", ".join(known)}'
        )
