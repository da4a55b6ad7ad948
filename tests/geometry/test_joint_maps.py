import numpy as np
import pytest

from mmpose_ext.geometry import H36M17
from mmpose_ext.geometry.joint_maps import (
    JOINT_SETS,
    joint_map,
    scores_to_h36m17,
    to_h36m17,
)

OTHERS = ('coco17', 'blazepose33')  # without a neck of their own
ALL = (*OTHERS, 'openpose18', 'halpe26')


def points_of(joint_set, **known):
    """Points of a joint set at the origin, save those that are named."""
    points = np.zeros((len(JOINT_SETS[joint_set]), 2))
    for name, point in known.items():
        points[JOINT_SETS[joint_set].index(name)] = point
    return points


def joint(poses, name):
    return poses[..., H36M17.joint_names.index(name), :].tolist()


@pytest.mark.parametrize('joint_set', OTHERS)
def test_values(joint_set):
    source = points_of(
        joint_set,
        left_hip=(110, 200),
        right_hip=(90, 200),
        left_shoulder=(120, 100),
        right_shoulder=(80, 100),
        left_ear=(105, 80),
        right_ear=(95, 80),
        left_ankle=(111, 300),
        right_wrist=(70, 150),
    )
    pose = to_h36m17(source, joint_set)
    assert pose.shape == (17, 2)
    assert joint(pose, 'root') == [100, 200]
    assert joint(pose, 'thorax') == [100, 100]
    assert joint(pose, 'spine') == [100, 150]
    assert joint(pose, 'neck_base') == [100, 90]
    assert joint(pose, 'head') == [100, 70]
    assert joint(pose, 'left_hip') == [110, 200]
    assert joint(pose, 'left_foot') == [111, 300]
    assert joint(pose, 'right_wrist') == [70, 150]
    assert joint(pose, 'left_wrist') == [0, 0]


def test_openpose():
    source = points_of(
        'openpose18',
        nose=(1, 2),
        neck=(100, 100),
        left_hip=(110, 200),
        right_hip=(90, 200),
        left_eye=(10, 4),
        right_eye=(20, 6),
        left_shoulder=(5, 5),
    )
    pose = to_h36m17(source, 'openpose18')
    assert joint(pose, 'thorax') == [100, 100]
    assert joint(pose, 'spine') == [100, 150]
    assert joint(pose, 'neck_base') == [1, 2]
    assert joint(pose, 'head') == [15, 5]
    assert joint(pose, 'left_shoulder') == [5, 5]


def test_halpe():
    source = points_of(
        'halpe26',
        nose=(1, 2),
        head=(3, 4),
        neck=(100, 100),
        hip=(100, 200),
        right_knee=(7, 8),
        left_heel=(9, 9),
    )
    pose = to_h36m17(source, 'halpe26')
    assert joint(pose, 'root') == [100, 200]
    assert joint(pose, 'spine') == [100, 150]
    assert joint(pose, 'thorax') == [100, 100]
    assert joint(pose, 'neck_base') == [1, 2]
    assert joint(pose, 'head') == [3, 4]
    assert joint(pose, 'right_knee') == [7, 8]
    assert joint(pose, 'left_foot') == [0, 0]


@pytest.mark.parametrize('joint_set', ALL)
def test_missing(joint_set):
    """What is made of a missing joint is missing, and nothing else."""
    names = JOINT_SETS[joint_set]
    points = np.random.default_rng(0).normal(size=(2, len(names), 2))
    whole = to_h36m17(points, joint_set)
    points[1, names.index('left_shoulder'), 0] = np.nan
    pose = to_h36m17(points, joint_set)
    parts = joint_map(joint_set)
    gone = ['left_shoulder' in parts[name] for name in H36M17.joint_names]
    assert np.isnan(pose[1, :, 0]).tolist() == gone and any(gone)
    kept = ~np.isnan(pose)
    assert kept[0].all() and kept[1, :, 1].all()
    np.testing.assert_allclose(pose[kept], whole[kept])


@pytest.mark.parametrize('joint_set', ALL)
def test_moves_with_the_body(joint_set):
    """Weights of a joint sum to one, so a shift of all points shifts all joints."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4, 5, len(JOINT_SETS[joint_set]), 3)).astype(np.float32)
    shift = np.float32([3.0, -2.0, 1.0])
    moved = to_h36m17(points + shift, joint_set)
    assert moved.shape == (4, 5, 17, 3) and moved.dtype == np.float32
    np.testing.assert_allclose(moved, to_h36m17(points, joint_set) + shift, atol=1e-5)


@pytest.mark.parametrize('joint_set', ALL)
def test_mirror(joint_set):
    """A mirrored person with sides swapped is the mirrored pose with sides swapped."""
    names = JOINT_SETS[joint_set]

    def other(name):
        for a, b in (('left', 'right'), ('right', 'left')):
            if a in name:
                return name.replace(a, b)
        return name

    points = np.random.default_rng(0).normal(size=(len(names), 2))
    swapped = points[[names.index(other(name)) for name in names]] * [-1, 1]
    expected = to_h36m17(points, joint_set)[list(H36M17.flip_indices)] * [-1, 1]
    np.testing.assert_allclose(to_h36m17(swapped, joint_set), expected, atol=1e-12)


def test_own_joints_stay():
    points = np.random.default_rng(0).normal(size=(2, 17, 3))
    assert np.array_equal(to_h36m17(points, 'h36m17'), points)


def test_scores():
    scores = np.full((2, 17), 0.9, dtype=np.float32)
    names = JOINT_SETS['coco17']
    scores[0, names.index('left_hip')] = 0.2
    scores[1, names.index('left_eye')] = 0.1
    mapped = scores_to_h36m17(scores, 'coco17')
    assert mapped.shape == (2, 17) and mapped.dtype == np.float32
    low = {H36M17.joint_names[j] for j in np.flatnonzero(mapped[0] < 0.5)}
    assert low == {'root', 'spine', 'left_hip'}
    assert (mapped[1] == np.float32(0.9)).all(), 'eyes are not used'


def test_invalid():
    with pytest.raises(ValueError, match='unknown joint set.*blazepose33'):
        to_h36m17(np.zeros((17, 2)), 'openpose')
    with pytest.raises(ValueError, match=r'blazepose33 has 33 joints.*\(5, 17, 2\)'):
        to_h36m17(np.zeros((5, 17, 2)), 'blazepose33')
    with pytest.raises(ValueError, match='joint sets of 33: blazepose33'):
        to_h36m17(np.zeros((5, 33, 2)), 'coco17')
    with pytest.raises(ValueError, match=r'known joint sets: .*halpe26 \(26\)'):
        to_h36m17(np.zeros((5, 20, 2)), 'coco17')
    with pytest.raises(ValueError, match='expected 17 at axis -1'):
        scores_to_h36m17(np.zeros((2, 33)), 'coco17')
