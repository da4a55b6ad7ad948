"""Scores of results against a simulated clip."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.apis import LiftedClip, LiftedTrack, write_results
from mmpose_ext.datasets.synthetic_clip import read_clip_truth, write_clip


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/score_clip')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('clip') / 'set'
    return write_clip(path, num_frames=40, size=(96, 72), fps=5.0)


def seen_parts(track, seen):
    """The parts of a track in which the person is seen."""
    rows = np.flatnonzero(seen[track.frames])
    names = ('frames', 'keypoints', 'scores', 'filled', 'boxes')
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    for part in filter(len, parts):
        yield replace(track, **{name: getattr(track, name)[part] for name in names})


@pytest.fixture
def perfect(tool, folder):
    """What a faultless chain would give."""
    truth = read_clip_truth(folder)
    tracks = [
        LiftedTrack(
            **vars(part),
            poses=truth.poses[part.track_id, part.frames],
            confidence=part.scores,
        )
        for track in tool.true_tracks(truth)
        for part in seen_parts(track, truth.seen[track.track_id])
    ]
    return LiftedClip(tuple(tracks), np.arange(40) / 5, 5.0, (96, 72), source='clip')


def scored(tool, folder, tmp_path, clip, *options):
    paths = write_results(clip, tmp_path / 'out', formats=('npz',), progress=False)
    return tool.main([str(folder), str(paths['npz']), *options])


def test_perfect(tool, folder, tmp_path, perfect):
    out = tmp_path / 'scores.json'
    scores = scored(tool, folder, tmp_path, perfect, '--out', str(out))
    assert scores['IDF1'] == scores['ID recall'] == scores['found'] == 1
    assert scores['switches'] == 0
    assert scores['MPJPE'] < 1e-3 and scores['P-MPJPE'] < 1e-3
    assert scores['2D error of visible joints'] < 1e-3
    assert json.loads(out.read_text()) == pytest.approx(scores)


def test_known_faults(tool, folder, tmp_path, perfect):
    """Numbers that swap, joints that are off, people who are missed."""
    wrong = [
        replace(
            track,
            track_id=1 - track.track_id if track.frames[0] > 20 else track.track_id,
            poses=track.poses + np.float32([0.03, 0, 0]) * (np.arange(17) > 0)[:, None],
            keypoints=track.keypoints + np.float32([0, 2]),
        )
        for track in perfect
    ]
    late = sum(len(track) for track in wrong if track.frames[0] > 20)
    assert late, 'somebody comes back'
    scores = scored(tool, folder, tmp_path, replace(perfect, tracks=tuple(wrong)))
    assert scores['IDF1'] < 1 and scores['switches'] >= 1
    assert scores['MPJPE'] == pytest.approx(30 * 16 / 17, rel=1e-4)
    assert scores['2D error of visible joints'] == pytest.approx(2, rel=1e-4)
    early = [track for track in perfect if track.frames[0] <= 20]
    scores = scored(tool, folder, tmp_path, replace(perfect, tracks=tuple(early)))
    frames = sum(map(len, perfect.tracks))
    assert scores['found'] == pytest.approx(sum(map(len, early)) / frames)


def test_whole_people(tool, folder, tmp_path, perfect):
    """Errors where a joint is outside the picture do not count for whole people."""
    truth = read_clip_truth(folder)
    outside = (truth.visibility == 0).any(axis=-1)
    wrong = [
        replace(
            track,
            poses=track.poses
            + np.where(outside[track.track_id, track.frames], 0.5, 0.02)[:, None, None]
            * (np.arange(17) > 0)[:, None],
        )
        for track in perfect
    ]
    scores = scored(tool, folder, tmp_path, replace(perfect, tracks=tuple(wrong)))
    expected = 20 * 3**0.5 * 16 / 17
    assert scores['MPJPE, whole'] == pytest.approx(expected, rel=1e-4)
    assert scores['MPJPE'] > 2 * expected
    lifted = truth.poses * 1.1
    ratio = tool.score_poses(truth.poses[0] * 1.2, truth.poses[0], lifted[0])
    assert ratio['MPJPE ratio'] == pytest.approx(2, rel=1e-3)


def test_other_video(tool, folder, tmp_path, perfect):
    with pytest.raises(ValueError, match='of 39 frames, the clip of 40'):
        scored(tool, folder, tmp_path, replace(perfect, times=perfect.times[:-1]))
    moved = [replace(track, boxes=track.boxes + 500) for track in perfect]
    with pytest.raises(ValueError, match='no box'):
        scored(tool, folder, tmp_path, replace(perfect, tracks=tuple(moved)))


def test_true_tracks(tool, folder):
    """A person who is hidden is still there; one who has left is not."""
    truth = read_clip_truth(folder)
    before = tool.true_tracks(truth)
    track = max((t for t in before if t.track_id == 0), key=len)
    boxes, visibility = truth.boxes.copy(), truth.visibility.copy()
    hidden = track.frames[3:6]
    boxes[0, hidden], visibility[0, hidden] = np.nan, 1
    changed = replace(truth, boxes=boxes, visibility=visibility)
    assert [len(t) for t in tool.true_tracks(changed)] == [len(t) for t in before]
    (same,) = [
        t
        for t in tool.true_tracks(changed)
        if t.track_id == 0 and 3 + t.frames[0] in hidden
    ]
    assert np.isfinite(same.boxes).all() and (same.boxes[:, 2] > same.boxes[:, 0]).all()
    visibility[0, hidden] = 0
    gone = tool.true_tracks(replace(changed, visibility=visibility))
    assert len(gone) == len(before) + 1
