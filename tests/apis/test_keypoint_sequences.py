import json
import warnings

import numpy as np
import pytest
import untrained
from failing_windows import FailingWindows
from person_tracks import SIZE, track_of

from mmpose_ext.apis import (
    ClipCamera,
    KeypointLifter,
    PartialResultError,
    guess_camera,
    lift_keypoints,
    read_results,
)
from mmpose_ext.apis.tracked_clip import TrackedClip, write_tracked_clip
from mmpose_ext.geometry.joint_maps import COCO17_JOINTS, JOINT_SETS
from mmpose_ext.structures.tracks import GUESSED

QUIET = dict(progress=False, device='cpu')


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    return untrained.lifter_arguments(tmp_path_factory.mktemp('lifter'), 'tiny_prml')


def person(frames=6, joint_set='h36m17', channels=2, seed=0):
    """Keypoints of any joint set, scores in the last channel."""
    rng = np.random.default_rng(seed)
    number = len(JOINT_SETS[joint_set])
    rest = rng.uniform(200, 600, (1, number, 2)) + [300, 0]
    keypoints = rest + rng.normal(0, 5, (frames, number, 2))
    rest = rng.uniform(0.5, 1, (frames, number, channels - 2))
    return np.concatenate([keypoints, rest], axis=-1).astype(np.float32)


def test_shapes(files):
    clip = lift_keypoints(
        *files, person(), joints='h36m17', image_size=SIZE, fps=25, **QUIET
    )
    (track,) = clip.tracks
    assert track.poses.shape == (6, 17, 3) and track.root.shape == (6, 3)
    assert clip.fps == 25 and clip.image_size == SIZE
    assert clip.camera.source == GUESSED
    assert clip.lifter == 'tiny_prml' and clip.source == ''
    np.testing.assert_allclose(clip.times, np.arange(6) / 25)
    np.testing.assert_allclose(track.boxes[:, :2], track.keypoints.min(1))
    np.testing.assert_allclose(track.boxes[:, 2:], track.keypoints.max(1))


def test_values(files):
    """The same as lifting the tracks themselves."""
    track = track_of(6)
    lifted = lift_keypoints(
        *files,
        np.concatenate([track.keypoints, track.scores[..., None]], -1),
        joints='h36m17',
        image_size=SIZE,
        fps=25,
        person_height=None,
        camera=None,
        **QUIET,
    ).tracks[0]
    lifter = KeypointLifter(*files, device='cpu')
    (expected,) = lifter.lift_tracks([track], SIZE, person_height=None, progress=False)
    np.testing.assert_array_equal(lifted.poses, expected.poses)
    assert lifted.root is None
    np.testing.assert_array_equal(lifted.confidence, expected.confidence)


def test_part_of_a_video(files, tmp_path):
    """What a failed run kept is lifted with its frames, its times and its gaps."""
    times = np.cumsum([0.5, *[0.04, 0.08] * 10])
    track = track_of(6, start=7, filled=np.arange(6) == 3)
    clip = TrackedClip((track,), times, 16.0, SIZE, 'walk.mp4')
    path = write_tracked_clip(clip, tmp_path) / 'person_0.npz'
    lifted = lift_keypoints(*files, path, **QUIET)
    np.testing.assert_array_equal(lifted.tracks[0].keypoints, track.keypoints)
    with pytest.raises(ValueError, match="joints are 'h36m17', but 'coco17' is asked"):
        lift_keypoints(*files, path, joints='coco17', **QUIET)
    assert lifted.tracks[0].frames.tolist() == list(range(7, 13))
    assert lifted.tracks[0].filled.tolist() == [False] * 3 + [True] + [False] * 2
    np.testing.assert_allclose(lifted.times[7:], times[7:13])
    assert lifted.fps == 16
    lifter = KeypointLifter(*files, device='cpu')
    same = dict(times=times, camera=guess_camera(SIZE), progress=False)
    (expected,) = lifter.lift_tracks([track], SIZE, model_fps=16, **same)
    np.testing.assert_allclose(lifted.tracks[0].poses, expected.poses, atol=1e-6)
    (plain,) = lifter.lift_tracks([track], SIZE, **same)
    assert abs(plain.poses - expected.poses).max() > 1e-4
    steady = lift_keypoints(*files, path, joints='h36m17', fps=25, **QUIET)
    np.testing.assert_allclose(steady.times, np.arange(13) / 25)


@pytest.mark.parametrize('joint_set', JOINT_SETS)
def test_joint_sets(files, joint_set):
    channels = 4 if joint_set == 'blazepose33' else 3
    clip = lift_keypoints(
        *files,
        person(4, joint_set, channels),
        joints=joint_set,
        image_size=SIZE,
        fps=25,
        **QUIET,
    )
    assert clip.tracks[0].poses.shape == (4, 17, 3)
    assert (clip.tracks[0].scores < 1).all()


def test_several_people(files):
    people = [person(4), person(2, seed=1)]
    scores = [np.full((4, 17), 0.5), np.full((2, 17), 0.25)]
    clip = lift_keypoints(
        *files, people, scores=scores, image_size=SIZE, fps=25, **QUIET
    )
    assert [track.track_id for track in clip] == [0, 1]
    assert [len(track) for track in clip] == [4, 2] and len(clip) == 4
    assert (clip.tracks[1].scores == 0.25).all()


def test_file(files, tmp_path):
    path = tmp_path / 'walk.json'
    content = {'keypoints': person().tolist(), 'fps': 12.5, 'image_size': SIZE}
    path.write_text(json.dumps(content))
    clip = lift_keypoints(*files, path, joints='h36m17', camera=50, **QUIET)
    assert clip.source == 'walk.json' and clip.fps == 12.5
    assert clip.camera.source == GUESSED and clip.tracks[0].root.shape == (6, 3)
    camera = ClipCamera((900, 900), (640, 360))
    clip = lift_keypoints(*files, path, joints='h36m17', camera=camera, **QUIET)
    assert clip.camera is camera


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_failure_on_the_way(files, tmp_path, monkeypatch, error):
    """What was lifted is kept; without any, the error is what it was."""
    known = dict(image_size=SIZE, fps=25, batch_size=2)
    whole = lift_keypoints(*files, person(40), **known, **QUIET)

    def lift(folder):
        return lift_keypoints(*files, person(40), **known, out_dir=folder, **QUIET)

    windows = FailingWindows(monkeypatch, error)
    windows.left = 2
    expected = KeyboardInterrupt if error is KeyboardInterrupt else PartialResultError
    with pytest.raises(expected, match=r'lifting .*person_0.npz.*partial_3d.npz'):
        lift(tmp_path / 'out')
    kept = read_results(tmp_path / 'out/partial_3d.npz')
    (part,) = kept.tracks
    assert 0 < len(part) < 40
    np.testing.assert_array_equal(part.poses, whole.tracks[0].poses[: len(part)])
    np.testing.assert_array_equal(kept.times, whole.times)
    windows.left = 0
    with pytest.raises(error, match='^device lost$'):
        lift(tmp_path / 'none')
    assert not (tmp_path / 'none').exists()


def test_missing(files, tmp_path):
    """NaN in a file (null in JSON): interpolated, score 0, unused joints ignored."""
    array = person(5)
    array[2, COCO17_JOINTS.index('left_hip')] = np.nan
    array[3, COCO17_JOINTS.index('left_eye')] = np.nan
    content = [[[None if v != v else v for v in p] for p in f] for f in array.tolist()]
    path = tmp_path / 'clip.json'
    path.write_text(json.dumps(content))
    clip = lift_keypoints(*files, path, image_size=SIZE, fps=25, **QUIET)
    (track,) = clip.tracks
    assert np.isfinite(track.poses).all() and np.isfinite(track.boxes).all()
    frames, joints = np.nonzero(track.scores == 0)
    assert set(frames) == {2} and set(joints) == {0, 4, 7}, 'hip, root and spine'


def test_notes(files):
    """What is unusual is lifted and said."""

    def notes(keypoints, **options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            lift_keypoints(*files, keypoints, joints='h36m17', **options, **QUIET)
        own = [str(note.message) for note in caught if note.category is UserWarning]
        assert all(note.filename == __file__ for note in caught if str(note) in own)
        return own

    known = dict(image_size=SIZE, fps=25)
    assert notes(person(3), **known) == []
    (note,) = notes(person(1), **known)
    assert 'one frame of person [0]' in note
    (note,) = notes(person(3), image_size=SIZE)
    assert '30 frames a second' in note
    (note,) = notes(person(3), fps=25)
    assert 'keypoints reach to' in note and 'give image_size' in note
    far = person(3)
    far[0, 3] = (-5, 100)
    far[1, 4] = (2000, 100)
    (note,) = notes(far, **known)
    assert '2 of 51 keypoints lie outside of the image, 1280 x 720' in note


def test_invalid(files, tmp_path):
    def lift(keypoints, **options):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return lift_keypoints(*files, keypoints, **options, **QUIET)

    with pytest.raises(ValueError, match='joint sets of 33: blazepose33'):
        lift(person(joint_set='blazepose33'))
    with pytest.raises(ValueError, match=r'joint sets of 17: h36m17, coco17'):
        lift(person(), joints='halpe26')
    with pytest.raises(ValueError, match=r'known joint sets: .*halpe26 \(26\)'):
        lift(np.zeros((3, 20, 2)))
    with pytest.raises(ValueError, match='no valid joint'):
        lift(np.full((3, 17, 2), np.nan), image_size=SIZE)
    with pytest.raises(ValueError, match='at least one frame'):
        lift(np.zeros((0, 17, 2)))
    with pytest.raises(ValueError, match='at least one frame'):
        lift([])
    with pytest.raises(ValueError, match='person 1: scores have shape'):
        lift([person(), person()], scores=[np.ones((6, 17)), np.ones((5, 17))])
    with pytest.raises(ValueError, match='scores of 1 people'):
        lift([person(), person()], scores=[np.ones((6, 17))])
    with pytest.raises(FileNotFoundError, match=r'nothing\.json'):
        lift(tmp_path / 'nothing.json')
    with pytest.raises(ValueError, match='scores come with the file'):
        lift('clip.json', scores=np.ones((3, 17)))
    with pytest.raises(ValueError, match='model_fps needs the frame rate'):
        lift(person(), image_size=SIZE, model_fps=50)
    for fps in (0, -5, np.nan, np.inf):
        with pytest.raises(ValueError, match=f'fps is {float(fps)}; expected a pos'):
            lift(person(), image_size=SIZE, fps=fps)
    for size in ((0, 480), (640, np.nan), (640,)):
        with pytest.raises(ValueError, match='image_size is .*; expected width and'):
            lift(person(), image_size=size, fps=25)
    with pytest.raises(ValueError, match='field_of_view=0'):
        lift(person(), image_size=SIZE, fps=25, camera=0)
    (tmp_path / 'cut.npz').write_bytes(b'PK\x03\x04 cut')
    with pytest.raises(ValueError, match='cannot be read'):
        lift(tmp_path / 'cut.npz')
