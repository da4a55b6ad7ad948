import json

import numpy as np
import pytest

from mmpose_ext.datasets.keypoint_clip import (
    interpolate_frames,
    keypoint_clip,
    person_framing,
    read_keypoints,
    read_poses,
)
from mmpose_ext.geometry.joint_maps import JOINT_SETS, scores_to_h36m17


@pytest.fixture
def write(tmp_path):
    """Write JSON content; returns the path."""

    def write(content, name='clip.json'):
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return write


def keypoints(joints=17, channels=2, frames=3):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 1, (frames, joints, channels)).astype(np.float32)


def test_plain_array(write):
    array = keypoints()
    clip = read_keypoints(write(array.tolist()))
    np.testing.assert_allclose(clip.keypoints, array)
    assert clip.scores is clip.image_size is clip.fps is None


def test_third_channel_is_the_score(write):
    array = keypoints(channels=3)
    clip = read_keypoints(write(array.tolist()))
    np.testing.assert_allclose(clip.scores, array[..., 2])
    assert clip.keypoints.shape == (3, 17, 2)
    assert read_keypoints(write(array.tolist()), 'coco17').scores.shape == (3, 17)


@pytest.mark.parametrize('joint_set', JOINT_SETS)
def test_every_joint_set(write, joint_set):
    """Files with scores in the array, beside it, and without."""
    joints = len(JOINT_SETS[joint_set])
    array = keypoints(joints, 4 if joint_set == 'blazepose33' else 3)
    scored = read_keypoints(write(array.tolist()), joint_set)
    expected = scores_to_h36m17(array[..., -1], joint_set)
    np.testing.assert_allclose(scored.scores, expected)
    fields = {'keypoints': array[..., :2].tolist(), 'scores': array[..., -1].tolist()}
    apart = read_keypoints(write(fields), joint_set)
    np.testing.assert_allclose(apart.scores, expected)
    np.testing.assert_allclose(apart.keypoints, scored.keypoints)
    assert read_keypoints(write(array[..., :2].tolist()), joint_set).scores is None


def test_third_channel_of_blazepose_is_depth(write):
    array = keypoints(33, 3)
    array[..., 2] -= 100
    clip = read_keypoints(write(array.tolist()), 'blazepose33')
    assert clip.keypoints.shape == (3, 17, 2) and clip.scores is None
    np.testing.assert_allclose(clip.keypoints[:, 5], array[:, 25, :2], atol=1e-6)
    clip = read_keypoints(write(keypoints(33, 4).tolist()), 'blazepose33')
    assert clip.scores.shape == (3, 17)


def test_missing_joints(write):
    """NaN, infinite or null: missing, and so is what is made of it."""
    array = keypoints(17, 3)
    array[1, 11, 0] = np.nan  # left hip
    array[2, 9] = np.inf  # left wrist
    array[0, 1] = np.nan  # left eye, not used
    rows = [[[None if v != v else v for v in p] for p in f] for f in array.tolist()]
    for content in (array.tolist(), rows):
        clip = read_keypoints(write(content), 'coco17')
        missing = np.isnan(clip.keypoints).any(axis=-1)
        assert np.argwhere(missing).tolist() == [[1, 0], [1, 4], [1, 7], [2, 13]]
        assert np.isfinite(clip.scores).all()


def test_arrays():
    array = keypoints(channels=3)
    clip = keypoint_clip(array)
    np.testing.assert_array_equal(clip.keypoints, array[..., :2])
    np.testing.assert_array_equal(clip.scores, array[..., 2])
    with pytest.raises(ValueError, match=r'person 2: keypoints has shape \(3, 17\)'):
        keypoint_clip(array[..., 0], source='person 2')


def test_npz(tmp_path):
    array = keypoints()
    path = tmp_path / 'clip.npz'
    np.savez(path, keypoints=array, scores=array[..., 0], image_size=(640, 480), fps=25)
    clip = read_keypoints(path)
    np.testing.assert_allclose(clip.scores, array[..., 0])
    assert clip.image_size == (640, 480) and clip.fps == 25


def test_poses(write):
    poses = keypoints(33, 3)
    read = read_poses(write(poses.tolist()), 'blazepose33')
    assert read.shape == (3, 17, 3)
    assert (read[:, 0] == 0).all()
    hips = (poses[:, 23] + poses[:, 24]) / 2
    np.testing.assert_allclose(read[:, 5], poses[:, 25] - hips, atol=1e-6)


def test_interpolation():
    values = np.array([[0.0, 10.0], [1.0, 20.0], [3.0, 40.0]], dtype=np.float32)
    at = interpolate_frames(values, np.array([0, 0.5, 1.0, 1.25, 2.0]))
    assert at.dtype == np.float32
    assert at[:, 0].tolist() == [0, 0.5, 1, 1.5, 3]
    assert at[:, 1].tolist() == [10, 15, 20, 25, 40]
    one = interpolate_frames(values[:1], np.array([0.0]))
    assert one.tolist() == [[0, 10]]


def test_framing():
    person = np.array([[[100.0, 50.0], [140.0, 250.0]]] * 5)
    framing = person_framing(person, height=0.4, size=1000)
    framed = framing(person)
    assert (framing.centre, framing.scale) == ((120, 150), 2)
    np.testing.assert_allclose(framed[0], [[460, 300], [540, 700]])
    moving = person + np.arange(5)[:, None, None] * [10, 0]
    steps = np.diff(person_framing(moving, height=0.4)(moving)[:, 0, 0])
    np.testing.assert_allclose(steps, 20, err_msg='one similarity for all frames')


def test_invalid(write, tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.json'):
        read_keypoints('nothing.json')
    (tmp_path / 'text.json').write_text('hello')
    with pytest.raises(ValueError, match='cannot be read'):
        read_keypoints(tmp_path / 'text.json')
    with pytest.raises(ValueError, match=r"holds \['points'\]; expected 'keypoints'"):
        read_keypoints(write({'points': []}))
    with pytest.raises(ValueError, match=r'shape \(17, 2\)'):
        read_keypoints(write(keypoints()[0].tolist()))
    with pytest.raises(ValueError, match='no array'):
        read_keypoints(write([[[1, 2]], [[1, 2], [3, 4]]]))
    with pytest.raises(ValueError, match='coco17 has 17 joints'):
        read_keypoints(write(keypoints(33).tolist()), 'coco17')
    array = keypoints(channels=3)
    with pytest.raises(ValueError, match='numbers from 0 to 1'):
        read_keypoints(write((array * 3).tolist()))
    array[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match='first in frame 1'):
        read_poses(write(array.tolist()))
    (tmp_path / 'cut.npz').write_bytes(b'PK\x03\x04 cut')
    with pytest.raises(ValueError, match='cannot be read'):
        read_keypoints(tmp_path / 'cut.npz')
    objects = tmp_path / 'objects.npz'
    np.savez(objects, keypoints=np.array([None, 'x'], dtype=object))
    with pytest.raises(ValueError, match='cannot be read'):
        read_keypoints(objects)
    with pytest.raises(ValueError, match='height=2'):
        person_framing(keypoints(), height=2)
    with pytest.raises(ValueError, match='no size'):
        person_framing(np.ones((3, 17, 2)), height=0.3)
