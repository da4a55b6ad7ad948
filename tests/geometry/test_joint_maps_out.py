import numpy as np
import pytest
from lifted_clips import moving_person
from scipy.spatial.transform import Rotation

from mmpose_ext.geometry import H36M17
from mmpose_ext.geometry.joint_maps import COCO17_JOINTS, scores_to_h36m17, to_h36m17
from mmpose_ext.geometry.joint_maps_out import (
    OUTPUT_SKELETONS,
    from_h36m17,
    output_skeleton,
    scores_from_h36m17,
)

OTHERS = ['coco17', 'smpl24']
ESTIMATED = {
    'coco17': ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear'],
    'smpl24': [
        *('left_collar', 'left_hand', 'left_foot'),
        *('right_collar', 'right_hand', 'right_foot'),
    ],
}


def upright():
    """A symmetric person before the camera, facing it: left is at +x, forward -z."""
    pose = np.zeros((17, 3))
    for name, place in {
        'hip': (0.13, 0.0, 0.0),
        'knee': (0.13, 0.45, -0.02),
        'foot': (0.13, 0.85, 0.0),
        'shoulder': (0.17, -0.5, 0.0),
        'elbow': (0.2, -0.2, 0.0),
        'wrist': (0.2, 0.05, -0.05),
    }.items():
        for side, sign in (('left', 1), ('right', -1)):
            index = H36M17.joint_names.index(f'{side}_{name}')
            pose[index] = np.array(place) * [sign, 1, 1]
    for name, height in {
        'spine': -0.24,
        'thorax': -0.5,
        'neck_base': -0.6,
        'head': -0.8,
    }.items():
        pose[H36M17.joint_names.index(name), 1] = height
    return pose


def joint(poses, joint_set, name):
    return poses[..., output_skeleton(joint_set).joint_names.index(name), :]


@pytest.mark.parametrize('joint_set', OUTPUT_SKELETONS)
def test_shapes(joint_set):
    skeleton = output_skeleton(joint_set)
    poses = np.zeros((4, 5, 17, 3), dtype=np.float32)
    mapped = from_h36m17(poses, joint_set)
    assert mapped.shape == (4, 5, skeleton.num_joints, 3)
    assert mapped.dtype == np.float32
    scores = scores_from_h36m17(np.ones((4, 17), dtype=np.float32), joint_set)
    assert scores.shape == (4, skeleton.num_joints) and scores.dtype == np.float32
    assert skeleton.parents.count(-1) == 1
    assert len(skeleton.parents) == skeleton.num_joints


@pytest.mark.parametrize('joint_set', OTHERS)
def test_symmetric_person_stays_symmetric(joint_set):
    skeleton = output_skeleton(joint_set)
    mapped = from_h36m17(upright(), joint_set)
    mirrored = mapped[list(skeleton.flip_indices)] * [-1, 1, 1]
    np.testing.assert_allclose(mapped, mirrored, atol=1e-12)
    for name, side in zip(skeleton.joint_names, skeleton.sides, strict=True):
        x = joint(mapped, joint_set, name)[0]
        assert np.sign(round(x, 9)) == {'left': 1, 'right': -1, 'centre': 0}[side]


@pytest.mark.parametrize('joint_set', OTHERS)
def test_equivariance(joint_set):
    poses = moving_person('random', 12, seed=5).astype(np.float64)
    mapped = from_h36m17(poses, joint_set)
    rotation = Rotation.random(random_state=2).as_matrix()
    moved = from_h36m17(1.3 * poses @ rotation.T + [1, 2, 3], joint_set)
    np.testing.assert_allclose(moved, 1.3 * mapped @ rotation.T + [1, 2, 3], atol=1e-9)
    flipped = from_h36m17(poses[:, list(H36M17.flip_indices)] * [-1, 1, 1], joint_set)
    other = mapped[:, list(output_skeleton(joint_set).flip_indices)] * [-1, 1, 1]
    np.testing.assert_allclose(flipped, other, atol=1e-9)


def test_face_looks_at_the_camera():
    mapped = from_h36m17(upright(), 'coco17')
    ears = (
        joint(mapped, 'coco17', 'left_ear') + joint(mapped, 'coco17', 'right_ear')
    ) / 2
    np.testing.assert_allclose(ears, [0, -0.7, 0], atol=1e-12)
    nose = joint(mapped, 'coco17', 'nose')
    np.testing.assert_allclose(nose, [0, -0.7 + 0.05 * 0.34, -0.33 * 0.34], atol=1e-12)
    eye = joint(mapped, 'coco17', 'left_eye')
    assert eye[1] < nose[1] and eye[2] < -0.05


def test_coco_there_and_back():
    poses = np.random.default_rng(0).normal(size=(3, 17, 3))
    own = to_h36m17(poses, 'coco17')
    again = to_h36m17(from_h36m17(own, 'coco17'), 'coco17')
    np.testing.assert_allclose(again, own, atol=1e-12)
    body = slice(5, None)
    np.testing.assert_allclose(
        from_h36m17(own, 'coco17')[:, body], poses[:, body], atol=1e-12
    )


def test_smpl_joints_lie_where_they_should():
    mapped = from_h36m17(upright(), 'smpl24')
    heights = [joint(mapped, 'smpl24', n)[1] for n in ('pelvis', 'spine1', 'spine2')]
    heights += [joint(mapped, 'smpl24', n)[1] for n in ('spine3', 'neck', 'head')]
    assert (np.diff(heights) < 0).all(), 'the spine goes up'
    for side in ('left', 'right'):
        toe, ankle = (joint(mapped, 'smpl24', f'{side}_{n}') for n in ('foot', 'ankle'))
        assert -0.2 < (toe - ankle)[2] < -0.08 and 0.02 < (toe - ankle)[1] < 0.1
        hand, wrist = (
            joint(mapped, 'smpl24', f'{side}_{n}') for n in ('hand', 'wrist')
        )
        assert 0.05 < np.linalg.norm(hand - wrist) < 0.12


@pytest.mark.parametrize('joint_set', OTHERS)
def test_estimates_have_no_confidence(joint_set):
    scores = np.linspace(0.1, 0.9, 17)
    mapped = scores_from_h36m17(scores, joint_set)
    names = output_skeleton(joint_set).joint_names
    zero = [name for name, score in zip(names, mapped, strict=True) if score == 0]
    assert sorted(zero) == sorted(ESTIMATED[joint_set])
    elbow = H36M17.joint_names.index('left_elbow')
    assert mapped[names.index('left_elbow')] == scores[elbow]
    if joint_set == 'smpl24':
        assert mapped[names.index('spine1')] == scores[0], 'the less certain of two'


def test_scores_there_and_back():
    scores = np.random.default_rng(0).uniform(size=(2, 17))
    own = scores_from_h36m17(scores_to_h36m17(scores, 'coco17'), 'coco17')
    names = list(COCO17_JOINTS)
    np.testing.assert_array_equal(
        own[:, names.index('left_knee')], scores[:, names.index('left_knee')]
    )


def test_invalid():
    with pytest.raises(ValueError, match='known: h36m17, coco17, smpl24'):
        from_h36m17(np.zeros((17, 3)), 'smpl')
    with pytest.raises(ValueError, match=r'expected \(\.\.\., 17, 3\)'):
        from_h36m17(np.zeros((24, 3)), 'coco17')
    with pytest.raises(ValueError, match=r'expected \(\.\.\., 17\)'):
        scores_from_h36m17(np.zeros((2, 24)), 'coco17')
