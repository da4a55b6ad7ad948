import gc

import numpy as np
import pytest

from mmpose_ext.apis import track_spool
from mmpose_ext.apis.appearance import LENGTH
from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.gap_filling import GapOptions, fill_gaps
from mmpose_ext.apis.track_spool import TrackSpool
from mmpose_ext.apis.tracking import NOBODY


def people(frame, numbers):
    """Made-up people whose values say which frame and person they are of."""
    count = len(numbers)
    value = np.float32(1000 * np.asarray(numbers, dtype=float) + frame)
    return FramePeople(
        boxes=np.broadcast_to(value[:, None], (count, 4)),
        scores=np.ones(count, np.float32),
        keypoints=np.broadcast_to(value[:, None, None], (count, 17, 2)),
        keypoint_scores=np.full((count, 17), 0.8, np.float32),
        colours=np.zeros((count, LENGTH), np.float32),
    )


def spool_of(rows, folder, *, fps=10):
    """A spool with the tracklets of each frame."""
    spool = TrackSpool(folder)
    for frame, numbers in enumerate(rows):
        spool.append(frame / fps, people(frame, numbers), np.array(numbers, dtype=int))
    return spool


def test_tracks(tmp_path):
    """Tracklets 0 and 2 are one person; 1 is another; 3 is a mistake."""
    rows = [[0, 1], [1, 0], [], [1, 3], [1, 2], [2], [2, 3]]
    with spool_of(rows, tmp_path) as spool:
        tracks = spool.write_tracks(np.array([0, 1, 0, NOBODY]))
        assert spool.num_frames == 7
        np.testing.assert_allclose(spool.times, np.arange(7) / 10)
        assert [track.track_id for track in tracks] == [0, 1]
        first, second = tracks
        assert first.frames.tolist() == [0, 1, 2, 3, 4, 5, 6]
        assert first.filled.tolist() == [False, False, True, True, False, False, False]
        assert second.frames.tolist() == [0, 1, 2, 3, 4]
        assert second.keypoints[:, 0, 0].tolist() == [1000, 1001, 1002, 1003, 1004]
        np.testing.assert_allclose(second.scores[2], 0.8 / 2, rtol=1e-6)
        assert (first.scores[[0, 1, 4, 5, 6]] == np.float32(0.8)).all()
        assert first.keypoints.shape == (7, 17, 2) and first.boxes.shape == (7, 4)


def test_long_absence_is_another_part(tmp_path):
    rows = [[0]] * 3 + [[]] * 20 + [[0]] * 2
    with spool_of(rows, tmp_path) as spool:
        tracks = spool.write_tracks(np.array([4]), GapOptions(max_gap=1.0))
    assert [track.track_id for track in tracks] == [4, 4]
    assert [track.frames.tolist() for track in tracks] == [[0, 1, 2], [23, 24]]
    with spool_of(rows, tmp_path) as spool:
        (track,) = spool.write_tracks(np.array([4]), GapOptions(max_gap=3.0))
    assert len(track) == 25 and track.filled.sum() == 20


@pytest.mark.parametrize('chunk', [1, 2, 7])
def test_chunks_do_not_matter(tmp_path, monkeypatch, chunk):
    """Also where a gap lies between two chunks."""
    rng = np.random.default_rng(chunk)
    rows = [[n for n in (0, 1) if rng.random() < 0.6] for _ in range(40)]
    monkeypatch.setattr(track_spool, '_CHUNK', chunk)
    with spool_of(rows, tmp_path) as spool:
        tracks = spool.write_tracks(np.array([0, 1]), GapOptions(max_gap=60))
    for number, track in enumerate(tracks):
        frames = np.array([f for f, names in enumerate(rows) if number in names])
        values, scores, filled = fill_gaps(
            frames,
            np.float32(1000 * number + frames),
            np.full((len(frames), 17), 0.8, np.float32),
            np.arange(frames[0], frames[-1] + 1) / 10,
            half_life=GapOptions().half_life,
        )
        np.testing.assert_allclose(track.keypoints[:, 5, 1], values)
        np.testing.assert_allclose(track.scores, scores, rtol=1e-6)
        np.testing.assert_array_equal(track.filled, filled)


def test_files_are_removed_but_tracks_stay(tmp_path):
    with spool_of([[0]] * 5, tmp_path) as spool:
        (track,) = spool.write_tracks(np.array([0]))
        array = spool.allocate((3, 2))
        assert isinstance(array, np.memmap) and array.dtype == np.float32
        assert isinstance(track.keypoints, np.memmap)
    assert not list(tmp_path.iterdir())
    gc.collect()
    assert track.frames.tolist() == [0, 1, 2, 3, 4]
    array[:] = 1
    assert array.sum() == 6


def test_nobody(tmp_path):
    with spool_of([[], [NOBODY]], tmp_path) as spool:
        assert spool.write_tracks(np.zeros(0, dtype=int)) == ()
    with spool_of([[0]], tmp_path) as spool:
        assert spool.write_tracks(np.array([NOBODY])) == ()
