import numpy as np
import pytest
from person_tracks import track_of

from mmpose_ext.apis.missing_joints import (
    fill_missing,
    tracks_of_somebody,
    with_missing_filled,
)


def test_shapes():
    track = track_of(5)
    assert with_missing_filled(track) is track
    track.keypoints[1, 3] = np.nan
    filled = with_missing_filled(track)
    assert filled.keypoints.shape == (5, 17, 2)
    assert filled.keypoints.dtype == filled.scores.dtype == np.float32
    assert np.isnan(track.keypoints[1, 3]).all(), 'the track is not changed'


def test_values():
    """Interpolated in time, held at the ends; the score is gone."""
    track = track_of(6)
    given = track.keypoints.copy()
    for frame in (0, 2, 3):
        track.keypoints[frame, 5, 1] = np.nan
    filled = with_missing_filled(track)
    step = given[4, 5] - given[1, 5]
    expected = [given[1, 5], given[1, 5] + step / 3, given[1, 5] + 2 * step / 3]
    np.testing.assert_allclose(filled.keypoints[[0, 2, 3], 5], expected, rtol=1e-6)
    assert (filled.scores[[0, 2, 3], 5] == 0).all()
    assert filled.scores.sum() == pytest.approx(0.9 * (6 * 17 - 3), rel=1e-5)
    assert not filled.filled.any()


def test_empty_frame():
    track = track_of(3)
    track.keypoints[1] = np.inf
    filled = with_missing_filled(track)
    middle = (track.keypoints[0] + track.keypoints[2]) / 2
    np.testing.assert_allclose(filled.keypoints[1], middle, rtol=1e-6)
    assert filled.filled.tolist() == [False, True, False]
    assert (filled.scores[1] == 0).all()


def test_never_seen():
    """On the parent, and on its parent if that is not there either."""
    keypoints, scores = track_of(2).keypoints, np.ones((2, 17), np.float32)
    keypoints[:, [2, 3]] = np.nan  # right knee, right foot
    filled, _ = fill_missing(keypoints, scores)
    np.testing.assert_array_equal(filled[:, 2], keypoints[:, 1])
    np.testing.assert_array_equal(filled[:, 3], keypoints[:, 1])
    keypoints[:, 0] = np.nan
    filled, _ = fill_missing(keypoints, scores)
    seen = [1, *range(4, 17)]
    np.testing.assert_allclose(filled[:, 0], keypoints[:, seen].mean(1), rtol=1e-6)


def test_missing_score():
    scores = np.ones((3, 17), np.float32)
    scores[1, 4] = np.nan
    filled = with_missing_filled(track_of(3, scores=scores))
    assert filled.scores[1, 4] == 0 and filled.scores.sum() == 3 * 17 - 1


def test_nobody_stops_the_others():
    nothing = np.full((4, 17, 2), np.nan, np.float32)
    good, empty = track_of(4), track_of(4, track_id=7, keypoints=nothing)
    with pytest.warns(UserWarning, match=r'tracks \[7\] have no valid joint'):
        (left,) = tracks_of_somebody([empty, good])
    assert left is good
    with pytest.raises(ValueError, match='track 7 has no valid joint'):
        tracks_of_somebody([empty])
    assert tracks_of_somebody([]) == []


def test_invalid():
    nothing = np.full((4, 17, 2), np.nan, np.float32)
    with pytest.raises(ValueError, match='track 7 has no valid joint in its 4 frames'):
        with_missing_filled(track_of(4, track_id=7, keypoints=nothing))
    with pytest.raises(ValueError, match=r'keypoints \(4, 16, 2\)'):
        with_missing_filled(track_of(4, keypoints=nothing[:, 1:]))
    with pytest.raises(ValueError, match='0 frames'):
        with_missing_filled(track_of(0))
    with pytest.raises(ValueError, match='leaves frames out'):
        with_missing_filled(track_of(3, frames=np.array([0, 1, 3])))
