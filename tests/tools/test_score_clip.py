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


@pytest.fixture
def perfect(tool, folder):
    """What a faultless chain would give."""
    truth = read_clip_truth(folder)
    tracks = [
        LiftedTrack(
            **vars(track),
            poses=truth.poses[track.track_id, track.frames],
            confidence=track.scores,
        )
        for track in tool.true_tracks(truth)
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


def test_other_video(tool, folder, tmp_path, perfect):
    with pytest.raises(ValueError, match='of 39 frames, the clip of 40'):
        scored(tool, folder, tmp_path, replace(perfect, times=perfect.times[:-1]))
    moved = [replace(track, boxes=track.boxes + 500) for track in perfect]
    with pytest.raises(ValueError, match='no box'):
        scored(tool, folder, tmp_path, replace(perfect, tracks=tuple(moved)))
