"""Limbs by name in the skeletons of MMPose."""

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_ext.evaluation.metrics.limb_keypoints import (
    LIMB_GROUPS,
    SKELETONS,
    check_groups,
    limb_columns,
    one_person,
    skeleton_of,
)


def meta_of(name):
    return parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{name}.py'))


@pytest.mark.filterwarnings('ignore:The metainfo config file')
@pytest.mark.parametrize(
    ('skeleton', 'name'), [('mpii16', 'mpii'), ('coco17', 'coco'), ('h36m17', 'h36m')]
)
def test_skeletons_are_those_of_mmpose(skeleton, name):
    meta = meta_of(name)
    names = skeleton_of(skeleton, None)
    assert names == skeleton_of(None, meta)
    columns = limb_columns(names, LIMB_GROUPS)
    assert len(set(columns)) == 12
    for left, right in zip(columns[::2], columns[1::2], strict=True):
        assert names[left].startswith('left_')
        assert meta['flip_indices'][left] == right


def test_values():
    assert limb_columns(SKELETONS['h36m17'], ['ankle', 'wrist']) == [6, 3, 13, 16]
    assert limb_columns(SKELETONS['mpii16'], ['ankle', 'wrist']) == [5, 0, 15, 10]
    assert limb_columns(SKELETONS['coco17'], ['ankle', 'wrist']) == [15, 16, 9, 10]
    assert skeleton_of(['a', 'b'], None) == ('a', 'b')
    assert check_groups(['knee', 'hip', 'knee']) == ('knee', 'hip')


def test_invalid():
    with pytest.raises(ValueError, match='no left_wrist, right_knee among'):
        limb_columns(['left_knee', 'right_wrist'], ['wrist', 'knee'])
    with pytest.raises(ValueError, match="'mpii'.*'coco17', 'h36m17', 'mpii16'"):
        skeleton_of('mpii', None)
    with pytest.raises(ValueError, match='does not name its joints'):
        skeleton_of(None, {})
    for groups in ([], 'knee', ['toe']):
        with pytest.raises(ValueError, match='joint_groups='):
            check_groups(groups)


def test_one_person():
    keypoints = np.random.default_rng(0).random((1, 16, 3))
    sample = {'img_path': 'a.jpg', 'pred_instances': {'keypoints': keypoints}}
    found = one_person(sample, 'pred_instances', 16)
    np.testing.assert_allclose(found, keypoints[0, :, :2], rtol=1e-6)
    with pytest.raises(ValueError, match=r'a.jpg.*\(1, 17, 2\).*pred_skeleton'):
        one_person(sample, 'pred_instances', 17)
    sample['pred_instances']['keypoints'] = keypoints.repeat(2, 0)
    with pytest.raises(ValueError, match=r'\(2, 16, 3\), expected \(1, 16, 2\)'):
        one_person(sample, 'pred_instances', 16)
