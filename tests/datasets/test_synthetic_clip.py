"""A simulated video with its truth."""

import json

import numpy as np
import pytest

from mmpose_ext.apis.given_boxes import GivenBoxes
from mmpose_ext.apis.video_frames import VideoFrame
from mmpose_ext.datasets.synthetic_clip import (
    SyntheticClipOptions,
    read_clip_truth,
    write_clip,
)
from mmpose_ext.visualization.video import read_video, video_properties

TINY = dict(num_frames=24, size=(96, 72), fps=5.0)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp('clip') / 'set', **TINY)


def test_files(folder):
    assert sorted(file.name for file in folder.iterdir()) == [
        *('boxes.json', 'clip.mp4', 'synthetic.json', 'truth.npz')
    ]
    assert video_properties(folder / 'clip.mp4') == ((96, 72), 5.0)
    assert len(list(read_video(folder / 'clip.mp4', 24))) == 24
    header = json.loads((folder / 'synthetic.json').read_text())
    assert header['size'] == [96, 72] and header['num_frames'] == 24


def test_truth(folder):
    truth = read_clip_truth(folder)
    assert truth.poses.shape == (2, 24, 17, 3) and truth.fps == 5
    assert truth.keypoints.shape == (2, 24, 17, 2) and truth.boxes.shape == (2, 24, 4)
    assert 10 < truth.seen.sum() < 48, 'both are there, but not always'
    hips = truth.poses[..., [4, 1], :]
    pixels = hips[..., :2] / hips[..., 2:] * truth.focal + truth.centre
    np.testing.assert_allclose(truth.keypoints[..., [11, 12], :], pixels, atol=1e-3)
    for person, frame in np.argwhere(truth.visibility.min(axis=-1) == 2):
        box, points = truth.boxes[person, frame], truth.keypoints[person, frame]
        assert (points > box[:2] - 2).all() and (points < box[2:] + 2).all()
    hidden = truth.visibility[~truth.seen]
    assert (hidden == 2).mean() < 0.05, 'hardly anything of people who are not seen'


def test_the_video_shows_what_is_true(folder):
    """Where a person is, a frame differs from one in which nobody is there."""
    truth = read_clip_truth(folder)
    frames = np.stack(list(read_video(folder / 'clip.mp4', 24))).astype(float)
    empty = np.median(frames, axis=0)
    person, frame = np.argwhere(truth.seen)[len(np.argwhere(truth.seen)) // 4]
    x1, y1, x2, y2 = truth.boxes[person, frame].astype(int)
    change = np.abs(frames[frame] - empty).mean(axis=-1)
    assert change[y1:y2, x1:x2].mean() > 3 * change.mean()


def test_boxes_are_those_the_demo_reads(folder):
    truth = read_clip_truth(folder)
    source = GivenBoxes(folder / 'boxes.json')
    image = np.zeros((72, 96, 3), np.uint8)
    for frame in range(24):
        (found,) = source([VideoFrame(frame, frame / 5, image)])
        expected = truth.boxes[truth.seen[:, frame], frame]
        np.testing.assert_allclose(found.boxes, expected)


def test_invalid(tmp_path, folder):
    with pytest.raises(ValueError, match='even numbers'):
        SyntheticClipOptions(size=(95, 72))
    with pytest.raises(ValueError, match='fps=0'):
        SyntheticClipOptions(fps=0)
    with pytest.raises(FileExistsError):
        write_clip(folder, **TINY)
    with pytest.raises(FileNotFoundError, match='make_synthetic_data.py clip'):
        read_clip_truth(tmp_path)
    (tmp_path / 'truth.npz').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='damaged'):
        read_clip_truth(tmp_path)
    np.savez(tmp_path / 'truth.npz', poses=np.zeros(3))
    with pytest.raises(ValueError, match='damaged'):
        read_clip_truth(tmp_path)
