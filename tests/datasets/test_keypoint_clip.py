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
from mmpose_ext.geometry.joint_maps import JOINT_SETS, scores_to_h36m17, to_h36m17


@pytest.fixture
def write(tmp_path):
    """Write JSON content; returns the path."""

    def write(content, name='clip.json'):
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return path

    return write


def keypoints(joints=17, channels=2, frames=3):
    """Pixels, and numbers from 0 to 1 in further channels."""
    array = np.random.default_rng(0).uniform(0, 1, (frames, joints, channels))
    array[..., :2] *= 100
    return array.astype(np.float32)


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
    np.testing.assert_allclose(clip.keypoints[:, 5], array[:, 25, :2], atol=1e-4)
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
    scores = array[..., 0] / 100
    np.savez(path, keypoints=array, scores=scores, image_size=(640, 480), fps=25)
    clip = read_keypoints(path)
    np.testing.assert_allclose(clip.scores, scores)
    assert clip.image_size == (640, 480) and clip.fps == 25
    assert clip.first_frame == 0 and clip.times is clip.filled is None


def test_part_of_a_video(tmp_path):
    """Frames, times and filled frames of the files that the package itself keeps."""
    path = tmp_path / 'person_0.npz'
    times, filled = np.array([0.8, 0.9, 1.2]), np.array([False, True, False])
    np.savez(
        path, keypoints=keypoints(), frames=np.arange(4, 7), times=times, filled=filled
    )
    clip = read_keypoints(path)
    assert clip.first_frame == 4
    np.testing.assert_allclose(clip.times, [0, 0.2, 0.4, 0.6, *times])
    assert clip.filled.dtype == bool and clip.filled.tolist() == filled.tolist()
    assert clip.fps == pytest.approx(6 / 1.2), 'the mean, since the file has none'
    fields = {'keypoints': keypoints(), 'frames': [2, 3, 4], 'times': [0, 0.1, 0.2]}
    np.testing.assert_allclose(keypoint_clip(fields).times, np.arange(-2, 3) / 10)
    alone = {'keypoints': keypoints(frames=1), 'frames': [0], 'times': [0.0]}
    assert (
        keypoint_clip(alone).times.tolist() == [0] and keypoint_clip(alone).fps is None
    )


def instances(frame, joints=17):
    """A person as MMPose writes it."""
    points = keypoints(joints, 3)[frame]
    return {
        'keypoints': points[:, :2].tolist(),
        'keypoint_scores': points[:, 2].tolist(),
        'bbox': [[0.0, 0.0, 100.0, 100.0]],
        'bbox_score': 0.9,
    }


@pytest.mark.parametrize('below', [False, True])
def test_predictions_of_mmpose(write, below):
    """Of a video, as the inferencer writes them, or as a demo does, from frame 1 on."""
    frames = [
        {'frame_id': below + frame, 'instances': [instances(row)] if row < 3 else []}
        for frame, row in enumerate((0, 3, 2))
    ]
    frames[2]['instances'][0]['keypoint_scores'][5] = 1.2  # of a SimCC head
    content = {'meta_info': {}, 'instance_info': frames} if below else frames
    clip = read_keypoints(write(content))
    array = keypoints(channels=3)
    np.testing.assert_allclose(clip.keypoints[[0, 2]], array[[0, 2], :, :2], rtol=1e-6)
    assert np.isnan(clip.keypoints[1]).all() and (clip.scores[1] == 0).all()
    np.testing.assert_allclose(clip.scores[0], array[0, :, 2], rtol=1e-6)
    assert clip.scores[2, 5] == 1 and clip.first_frame == 0
    one = read_keypoints(write([instances(0)]), 'coco17')
    assert one.keypoints.shape == (1, 17, 2)


def test_invalid_predictions(write):
    with pytest.raises(ValueError, match='several people in frame 1.*lift_video.py'):
        pair = [instances(0), instances(1)]
        frames = [[instances(0)], pair]
        read_keypoints(
            write([{'frame_id': n, 'instances': p} for n, p in enumerate(frames)])
        )
    for content in (
        [{'x': 1, 'y': 2}],
        {'instance_info': []},
        [{'frame_id': 0, 'instances': []}],
        [{'frame_id': 0, 'instances': [instances(0)]}] * 2,
    ):
        with pytest.raises(ValueError, match='clip.json cannot be read as predictions'):
            read_keypoints(write(content))
    with pytest.raises(ValueError, match='halpe26 has 26 joints'):
        read_keypoints(write([instances(0)]), 'halpe26')


def test_poses(write):
    poses = keypoints(33, 3)
    read = read_poses(write(poses.tolist()), 'blazepose33')
    assert read.shape == (3, 17, 3)
    assert (read[:, 0] == 0).all()
    hips = (poses[:, 23] + poses[:, 24]) / 2
    np.testing.assert_allclose(read[:, 5], poses[:, 25] - hips, atol=1e-4)


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


def test_joint_set_of_the_file(write):
    """Two sets have 17 joints, so the file says which it is, and is believed."""
    array = keypoints()
    for joint_set in ('h36m17', 'coco17'):
        path = write({'keypoints': array.tolist(), 'joints': joint_set})
        expected = to_h36m17(array, joint_set)
        for asked in (None, joint_set):
            found = read_keypoints(path, asked).keypoints
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    with pytest.raises(ValueError, match="joints are 'coco17', but 'h36m17' is asked"):
        read_keypoints(path)
    unnamed = read_keypoints(write(array.tolist()), None).keypoints
    np.testing.assert_allclose(unnamed, to_h36m17(array, 'coco17'), rtol=1e-6)
    with pytest.raises(ValueError, match="unknown joint set 'coco'; known: h36m17"):
        read_keypoints(write({'keypoints': array.tolist(), 'joints': 'coco'}), None)
    poses = {'poses': keypoints(channels=3).tolist(), 'joints': 'coco17'}
    with pytest.raises(ValueError, match="joints are 'coco17', but 'h36m17' is asked"):
        read_poses(write(poses))


@pytest.mark.parametrize(
    ('fields', 'expected'),
    [
        ({'image_size': '640x480'}, 'image_size holds something else .* such as'),
        ({'image_size': [640]}, r'image_size is \[640.0\]; expected width and height'),
        ({'image_size': 640}, 'image_size is 640.0; expected'),
        ({'image_size': [640, -480]}, 'image_size is .* expected width and height'),
        ({'fps': 'abc'}, 'fps holds something else than numbers'),
        ({'fps': -25}, 'fps is -25.0; expected a positive'),
        ({'fps': np.nan}, 'fps is nan; expected a positive'),
        ({'fps': [25, 30]}, r'fps is .*; expected a positive'),
        ({'scores': [['a'] * 17] * 3}, 'scores holds something else than numbers'),
        ({'scores': [[1], [1, 2], []]}, 'scores holds something else than numbers'),
        ({'frames': [0, 2, 3]}, 'frames are no numbers that follow one another'),
        ({'frames': [-1, 0, 1]}, 'frames are no numbers that follow one another'),
        ({'frames': [0, 1]}, r'frames has shape \(2,\)'),
        ({'times': [0, 0.2, 0.2]}, 'times do not increase'),
        ({'filled': 'no'}, 'filled holds something else than numbers'),
    ],
)
def test_invalid_fields(fields, expected):
    with pytest.raises(ValueError, match=f'walk.json: {expected}'):
        keypoint_clip({'keypoints': keypoints(), **fields}, source='walk.json')


def test_invalid_keypoints(recwarn):
    share = keypoints() / 100
    with pytest.raises(ValueError, match="shares of the image.*image's width"):
        keypoint_clip(share)
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match='no valid joint in the 3 frames'):
            keypoint_clip(np.full((3, 17, 2), value))
    some = keypoints()
    some[0, 3] = np.inf
    assert np.isnan(keypoint_clip(some).keypoints[0, 3]).all()
    with pytest.raises(ValueError, match='walk.json: keypoints is no array'):
        keypoint_clip({'keypoints': {'x': 1}}, source='walk.json')
    assert not recwarn.list
