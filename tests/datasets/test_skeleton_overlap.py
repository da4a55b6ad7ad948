"""Which joints two public skeletons have in common."""

import warnings

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_ext.datasets.skeleton_overlap import shared_joints

LIMBS = 12  # shoulders, elbows, wrists, hips, knees, ankles


def skeleton(name):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{name}.py'))


@pytest.mark.parametrize(
    ('labelled', 'unlabelled', 'number'),
    [
        ('coco', 'coco', 17),
        ('mpii', 'aic', LIMBS + 1),  # and the top of the head; necks differ
        ('aic', 'mpii', LIMBS + 1),
        ('mpii', 'coco', LIMBS),
        ('coco', 'aic', LIMBS),
        ('mpii', 'h36m', LIMBS + 2),  # and pelvis and thorax
        ('coco', 'h36m', LIMBS),
    ],
)
def test_public_skeletons(labelled, unlabelled, number):
    ours = skeleton(labelled)
    shared = shared_joints(ours, skeleton(unlabelled))
    assert shared.dtype == bool and shared.shape == (ours['num_keypoints'],)
    assert shared.sum() == number
    names = [ours['keypoint_id2name'][k] for k in np.flatnonzero(shared)]
    for joint in ('shoulder', 'wrist', 'hip', 'ankle'):
        assert sum(joint in name for name in names) == 2
    assert ('neck' in names) == (labelled == unlabelled == 'aic')


def test_unknown_skeleton():
    assert shared_joints(skeleton('mpii'), {}).tolist() == [True] * 16


def test_joint_map():
    mpii, aic = skeleton('mpii'), skeleton('aic')
    found = shared_joints(mpii, aic, dict(neck='upper_neck', head_top='head_top'))
    names = [mpii['keypoint_id2name'][k] for k in np.flatnonzero(found)]
    assert names == ['upper_neck', 'head_top']
    assert shared_joints(mpii, {}, dict(chin='upper_neck')).sum() == 1


def test_nothing_in_common():
    coco, hand = skeleton('coco'), skeleton('onehand10k')
    with pytest.raises(ValueError, match='nose.*against wrist, thumb1.*joint_map'):
        shared_joints(coco, hand)


@pytest.mark.parametrize(
    ('joint_map', 'message'),
    [
        (dict(chin='nose'), 'names chin, but the unlabelled skeleton has right_sh'),
        (dict(neck='throat'), 'names throat, but the labelled skeleton has nose'),
        ({}, 'no joint in common'),
    ],
)
def test_invalid(joint_map, message):
    with pytest.raises(ValueError, match=message):
        shared_joints(skeleton('coco'), skeleton('aic'), joint_map)
