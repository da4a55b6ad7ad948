import numpy as np
import pytest

from mmpose_ext.apis.result_files import read_results
from mmpose_ext.apis.tracked_clip import (
    PartialResultError,
    TrackedClip,
    keep_people,
    write_tracked_clip,
)
from mmpose_ext.datasets.keypoint_clip import read_keypoints
from mmpose_ext.structures.tracks import LiftedClip, LiftedTrack, PersonTrack


def track(number, first, frames):
    rng = np.random.default_rng(number)
    return PersonTrack(
        track_id=number,
        frames=np.arange(first, first + frames),
        keypoints=rng.uniform(0, 100, (frames, 17, 2)).astype(np.float32),
        scores=rng.uniform(0, 1, (frames, 17)).astype(np.float32),
        filled=np.zeros(frames, bool),
        boxes=np.tile(np.float32([0, 0, 100, 100]), (frames, 1)),
    )


CLIP = TrackedClip(
    tracks=(track(0, 0, 4), track(0, 20, 5), track(1, 2, 6)),
    times=np.arange(25) / 25,
    fps=25.0,
    image_size=(320, 180),
    source='clip.mp4',
)
NOBODY = TrackedClip((), np.arange(3) / 25, 25.0, (320, 180), 'clip.mp4')


def test_files_can_be_lifted(tmp_path):
    folder = write_tracked_clip(CLIP, tmp_path)
    assert folder == tmp_path / 'keypoints_2d'
    names = sorted(path.name for path in folder.iterdir())
    assert names == ['person_0.npz', 'person_0_part_1.npz', 'person_1.npz']
    read = read_keypoints(folder / 'person_0_part_1.npz', 'h36m17')
    np.testing.assert_array_equal(read.keypoints, CLIP.tracks[1].keypoints)
    np.testing.assert_array_equal(read.scores, CLIP.tracks[1].scores)
    assert read.fps == 25 and read.image_size == (320, 180)
    with pytest.raises(ValueError, match="joints are 'h36m17', but 'coco17' is asked"):
        read_keypoints(folder / 'person_0.npz', 'coco17')
    with np.load(folder / 'person_1.npz') as arrays:
        np.testing.assert_allclose(arrays['times'], np.arange(2, 8) / 25)
    assert CLIP.num_people == 2


def test_kept_in_a_folder(tmp_path):
    with pytest.raises(PartialResultError) as caught:
        with keep_people(lambda: CLIP, 'lifting', tmp_path):
            raise MemoryError('too much')
    error = caught.value
    assert 'lifting failed (MemoryError: too much)' in str(error)
    assert '2D keypoints of 2 people in 25 frames are kept' in str(error)
    assert f'demo/lift_keypoints.py {error.folder}/person_0.npz' in str(error)
    assert error.clip is CLIP and isinstance(error.__cause__, MemoryError)
    assert (error.folder / 'person_0.npz').is_file()


def test_what_was_lifted_is_kept(tmp_path):
    """And the command survives a folder with a space in its name."""
    lifted = LiftedTrack(
        **vars(track(1, 2, 6)),
        poses=np.ones((6, 17, 3), np.float32),
        confidence=np.ones((6, 17), np.float32),
    )
    clip = LiftedClip((lifted,), CLIP.times, 25.0, (320, 180))
    out = tmp_path / 'my out'
    with pytest.raises(PartialResultError) as caught:
        with keep_people(lambda: CLIP, 'lifting', out, lambda: clip):
            raise RuntimeError('device lost')
    assert caught.value.lifted is clip
    text = str(caught.value)
    assert f"lift_keypoints.py '{out}/keypoints_2d/person_0.npz' lifts" in text
    assert f"6 poses of 1 tracks, is kept: read_results('{out}/partial_3d.npz')" in text
    (same,) = read_results(out / 'partial_3d.npz').tracks
    np.testing.assert_array_equal(same.frames, lifted.frames)
    np.testing.assert_array_equal(same.poses, lifted.poses)


def test_no_place_to_write(tmp_path):
    """The first reason is told, and the second."""
    (tmp_path / 'file').write_text('')
    with pytest.raises(PartialResultError, match='device lost.*failed too') as caught:
        with keep_people(lambda: CLIP, 'lifting', tmp_path / 'file'):
            raise RuntimeError('device lost')
    assert caught.value.folder is None and caught.value.clip is CLIP


def test_kept_in_the_error():
    with pytest.raises(PartialResultError, match='attribute `clip`') as caught:
        with keep_people(lambda: CLIP, 'lifting', None):
            raise ValueError('no')
    assert caught.value.folder is None


def test_nothing_to_keep(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with keep_people(lambda: NOBODY, 'finding people', tmp_path):
            raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_interruption(tmp_path):
    with pytest.raises(KeyboardInterrupt, match='interrupted. 2D .*person_0.npz'):
        with keep_people(lambda: CLIP, 'finding people', tmp_path):
            raise KeyboardInterrupt
    assert (tmp_path / 'keypoints_2d/person_1.npz').is_file()
    with keep_people(lambda: CLIP, 'lifting', tmp_path / 'not'):
        pass
    assert not (tmp_path / 'not').exists()
