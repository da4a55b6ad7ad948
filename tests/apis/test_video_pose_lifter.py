"""Videos from file to 3D: flat people, tiny networks or stand-ins for them."""

import json
import weakref
from collections import deque

import mp4_edits
import numpy as np
import pytest
import untrained
import walking_people as people
from peak_memory import needs_peak_memory, peak_memory
from slot_lifter import SlotLifter, last_seen

from mmpose_ext.apis.association import box_iou
from mmpose_ext.apis.camera_space import guess_camera
from mmpose_ext.apis.frame_people import FramePeople, PersonBoxes
from mmpose_ext.apis.keypoint_lifter import KeypointLifter
from mmpose_ext.apis.result_files import read_results
from mmpose_ext.apis.streaming import StreamingLifter
from mmpose_ext.apis.tracked_clip import PartialResultError
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.apis.video_pose_lifter import VideoPoseLifter
from mmpose_ext.evaluation.functional.idf1 import identity_scores
from mmpose_ext.structures.tracks import GIVEN, GUESSED, ClipCamera, LiftedTrack
from mmpose_ext.visualization.video import write_video

FPS = 25


class StandInLifter:
    """Poses that say which frame they are of."""

    name = 'stand-in'
    seq_len = 9

    def __init__(self):
        self.options = {}

    def lift_tracks(self, tracks, image_size, *, allocate, camera, **options):
        self.options = dict(options, image_size=image_size, camera=camera)
        lifted = []
        for track in tracks:
            poses = allocate((len(track), 17, 3))
            poses[:] = np.asarray(track.frames)[:, None, None]
            lifted.append(
                LiftedTrack(**vars(track), poses=poses, confidence=track.scores)
            )
        return tuple(lifted)


class StandInEstimator:
    """The true people of a clip, with noise, whatever the boxes are."""

    def __init__(self, walkers):
        self.walkers = walkers

    def __call__(self, frames, boxes):
        rng = np.random.default_rng(frames[0].index)
        return [people.detections(self.walkers, frame.index, rng) for frame in frames]


class StandInStill:
    """Random but fixed keypoints in each box."""

    def __call__(self, frames, boxes):
        inside = np.random.default_rng(0).uniform(0, 1, (17, 2))
        found = []
        for rows in boxes:
            low, high = rows.boxes[:, None, :2], rows.boxes[:, None, 2:]
            count = len(rows)
            found.append(
                FramePeople(
                    boxes=rows.boxes,
                    scores=rows.scores,
                    keypoints=(low + inside * (high - low)).astype(np.float32),
                    keypoint_scores=np.full((count, 17), 0.9, np.float32),
                    colours=np.zeros((count, 64), np.float32),
                )
            )
        return found


@pytest.fixture(scope='module')
def pose2d(tmp_path_factory):
    config = untrained.FIXTURES / 'tiny_pose2d.py'
    path = tmp_path_factory.mktemp('networks') / 'pose2d.pth'
    return config, untrained.write_checkpoint(config, path)


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    config = untrained.FIXTURES / 'tiny_detector.py'
    path = tmp_path_factory.mktemp('networks') / 'detector.pth'
    return config, untrained.write_checkpoint(config, path)


@pytest.fixture
def lifter(tmp_path, tiny_lifting_config):
    path = tmp_path / 'lifter.pth'
    return tiny_lifting_config, untrained.write_checkpoint(tiny_lifting_config, path)


@pytest.fixture
def tiny_lifting_config(pose_store, monkeypatch):
    monkeypatch.setenv('POSE_STORE', str(pose_store))
    return str(untrained.FIXTURES / 'tiny_lifting.py')


def write_clip(path, walkers, number=None):
    number = len(walkers[0].places) if number is None else number
    images = (people.picture(walkers, frame) for frame in range(number))
    write_video(path, images, fps=FPS)
    return path


def stand_ins(pose2d, walkers=None, **options):
    video_lifter = VideoPoseLifter(StandInLifter(), pose2d, device='cpu', **options)
    video_lifter.estimator = (
        StandInStill() if walkers is None else StandInEstimator(walkers)
    )
    return video_lifter


def test_people_keep_their_numbers(tmp_path, pose2d):
    """Two people cross, one leaves and returns: a video, boxes and colours from it."""
    walkers = people.crossing_and_return()
    video = write_clip(tmp_path / 'clip.mp4', walkers)
    video_lifter = stand_ins(pose2d, walkers)
    clip = video_lifter.run(video, progress=False)
    assert len(clip) == 201 and clip.fps == pytest.approx(FPS)
    assert clip.image_size == people.SIZE and clip.source == 'clip.mp4'
    assert clip.camera.source == GUESSED and clip.lifter == 'stand-in'
    assert [track.track_id for track in clip] == [0, 0, 1], 'one person has two parts'
    true, pred, overlap = [], [], []
    for frame in range(len(clip)):
        seen = [n for n, walker in enumerate(walkers) if walker.is_seen(frame)]
        here = [t for t in clip if t.frames[0] <= frame <= t.frames[-1]]
        boxes = [t.boxes[frame - t.frames[0]] for t in here]
        truth = np.reshape([walkers[n].box(frame) for n in seen], (-1, 4))
        true.append(seen)
        pred.append([t.track_id for t in here])
        overlap.append(box_iou(truth, np.reshape(boxes, (-1, 4))))
    scores = identity_scores(true, pred, overlap)
    assert scores.idf1 > 0.95 and scores.switches == 0
    assert any(track.filled.any() for track in clip), 'hidden at the crossing'
    for track in clip:
        np.testing.assert_array_equal(track.poses[:, 3, 1], track.frames)
        assert isinstance(track.poses, np.memmap)
    stages = set(video_lifter.clock.seconds)
    assert stages == {'reading', 'detection', 'keypoints', 'tracking', 'lifting'}


def test_networks_end_to_end(tmp_path, detector, pose2d, lifter):
    """Untrained networks find arbitrary people; all of the chain runs."""
    walkers = people.meeting()
    video = write_clip(tmp_path / 'clip.mp4', walkers, 12)
    video_lifter = VideoPoseLifter(
        lifter,
        pose2d,
        detector,
        device='cpu',
        score_threshold=0.0,
        batch_size=5,
        tracking=TrackingOptions(birth_score=0.0, least_affinity=0.0),
    )
    camera = ClipCamera((300.0, 300.0), (160.0, 90.0))
    clip = video_lifter.run(video, camera=camera, progress=False)
    assert len(clip) == 12 and len(clip.tracks) >= 1
    assert clip.camera.source == GIVEN and clip.lifter == 'tiny_lifting'
    for track in clip:
        assert track.poses.shape == (len(track), 17, 3)
        assert np.isfinite(track.poses_camera).all()
        assert (np.diff(track.frames) == 1).all()
    frames = [(frame / FPS, people.picture(walkers, frame)) for frame in range(12)]
    streamed = list(video_lifter.stream(frames, look_ahead=2))
    assert {row.frame for row in streamed} == set(range(12))
    assert all(np.isfinite(row.pose).all() for row in streamed)


def test_given_boxes(tmp_path, pose2d, lifter):
    walkers = people.crossing_and_return()[1:]
    video = write_clip(tmp_path / 'clip.mp4', walkers, 10)
    boxes = tmp_path / 'boxes.json'
    boxes.write_text(json.dumps([[walkers[0].box(f).tolist()] for f in range(10)]))
    video_lifter = VideoPoseLifter(lifter, pose2d, device='cpu')
    (track,) = video_lifter.run(video, boxes=boxes, camera=None, progress=False).tracks
    expected = np.stack([walkers[0].box(frame) for frame in range(10)])
    np.testing.assert_allclose(track.boxes, expected, rtol=1e-6)
    assert track.root is None
    (track,) = video_lifter.run(video, progress=False).tracks
    np.testing.assert_array_equal(track.boxes[4], [0, 0, *people.SIZE])


def test_portrait_and_variable_rate(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 12)
    mp4_edits.rotate(video, 1)
    mp4_edits.set_durations(video, [512] * 6 + [1536] * 6)
    video_lifter = stand_ins(pose2d)
    clip = video_lifter.run(video, progress=False)
    assert clip.image_size == (people.SIZE[1], people.SIZE[0])
    (track,) = clip.tracks
    assert track.boxes[0].tolist() == [0, 0, *clip.image_size]
    options = video_lifter.lifter.options
    intervals = np.diff(options['times'])
    assert intervals[-1] == pytest.approx(3 * intervals[0], rel=0.02)
    assert options['model_fps'] == clip.fps == pytest.approx(11 / clip.times[-1])
    steady = write_clip(tmp_path / 'steady.mp4', people.meeting(), 12)
    video_lifter.run(steady, progress=False)
    assert 'model_fps' not in video_lifter.lifter.options
    for rate in (None, 50.0):
        video_lifter = stand_ins(pose2d, lifting={'model_fps': rate})
        video_lifter.run(video, progress=False)
        assert video_lifter.lifter.options['model_fps'] == rate, 'None: never'


def two_in_turn(frames):
    """Two people in a portrait image, of whom the second comes and goes."""
    found = []
    for frame in frames:
        x = 4 + 6 * np.sin(frame.index / 40)
        boxes = [[x, 20, x + 16, 80], [40 - x, 24, 56 - x, 84]]
        count = 1 + (frame.index // 300) % 2
        found.append(PersonBoxes(np.float32(boxes[:count]), np.ones(count)))
    return found


def lift_long_clip(folder, pose2d, number):
    """A portrait clip of varying rate through the whole chain, with real windows."""
    video = folder / f'{number}.mp4'
    images = (np.full((64, 96, 3), frame % 200, np.uint8) for frame in range(number))
    write_video(video, images, fps=FPS)
    mp4_edits.rotate(video, 1)
    mp4_edits.set_durations(video, [512 + 256 * (f % 3) for f in range(number)])
    video_lifter = stand_ins(pose2d, temp_dir=folder)
    network = SlotLifter(last_seen)
    network.batches = deque(maxlen=1)
    video_lifter.lifter = KeypointLifter.of_model(network, 27)
    return video_lifter.run(video, boxes=two_in_turn, progress=False)


@needs_peak_memory
def test_ten_thousand_frames(tmp_path, pose2d):
    """Memory that is measured: ten times the frames need a few megabytes more."""
    lift_long_clip(tmp_path, pose2d, 1_000)
    with peak_memory() as memory:
        clip = lift_long_clip(tmp_path, pose2d, 10_000)
    assert len(clip) == 10_000 and clip.image_size == (64, 96)
    assert len(clip.tracks[0]) == 10_000 and len(clip.tracks) > 2
    assert np.diff(clip.times).max() > 1.8 * np.diff(clip.times).min()
    assert all(np.isfinite(track.poses[::99]).all() for track in clip)
    assert memory.grown < 40e6


def test_damaged_tail(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 12)
    mp4_edits.damage_tail(video, 0.3)
    with pytest.warns(UserWarning, match='announces 12 frames'):
        clip = stand_ins(pose2d).run(video, progress=False)
    assert 2 <= len(clip) < 12
    assert len(clip.tracks[0]) == len(clip)


def test_one_frame(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 1)
    clip = stand_ins(pose2d).run(video, progress=False)
    assert len(clip) == 1 and clip.fps == FPS and len(clip.tracks[0]) == 1


def test_nobody(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 8)
    boxes = tmp_path / 'boxes.json'

    def run(content):
        boxes.write_text(json.dumps(content))
        return stand_ins(pose2d).run(video, boxes=boxes, progress=False)

    with pytest.raises(ValueError, match=r'no people in .*gave no box .* in 8 frames'):
        run([[]] * 8)
    with pytest.raises(ValueError, match='8 boxes in 8 frames, the best with a score'):
        run([[[10, 10, 50, 90, 0.3]]] * 8)
    with pytest.raises(ValueError, match='nobody could be followed for 5 frames'):
        run([[[10, 10, 50, 90]]])


class Failing(StandInLifter):
    def lift_tracks(self, *args, **options):
        raise RuntimeError('out of memory')


def test_2d_is_kept_if_lifting_fails(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 8)
    video_lifter = stand_ins(pose2d)
    video_lifter.lifter = Failing()
    out = tmp_path / 'out'
    with pytest.raises(PartialResultError, match='lifting failed .*out of memory') as e:
        video_lifter.run(video, out_dir=out, progress=False)
    assert [p.name for p in (out / 'keypoints_2d').iterdir()] == ['person_0.npz']
    (track,) = e.value.clip.tracks
    assert track.keypoints.shape == (8, 17, 2)


@pytest.mark.parametrize('error', [RuntimeError, KeyboardInterrupt])
def test_3d_is_kept_as_far_as_it_is(tmp_path, pose2d, error):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 20)
    video_lifter = stand_ins(pose2d, people.meeting(), lifting={'batch_size': 2})
    network = SlotLifter(last_seen)
    video_lifter.lifter = KeypointLifter.of_model(network, 9)
    whole = video_lifter.run(video, progress=False)

    def answer(inputs):
        if len(network.batches) > 3:
            raise error('device lost')
        return last_seen(inputs)

    network.answer, network.batches = answer, []
    expected = KeyboardInterrupt if error is KeyboardInterrupt else PartialResultError
    with pytest.raises(expected, match=r'lifting .*person_0.npz.*partial_3d.npz'):
        video_lifter.run(video, out_dir=tmp_path / 'out', progress=False)
    kept = read_results(tmp_path / 'out/partial_3d.npz')
    assert [track.track_id for track in kept] == [0, 1]
    assert len(kept.tracks[0]) == 20 and 0 < len(kept.tracks[1]) < 20
    np.testing.assert_array_equal(kept.tracks[0].poses, whole.tracks[0].poses)
    np.testing.assert_array_equal(kept.times, whole.times)


def test_2d_is_kept_if_a_frame_fails(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 20)
    video_lifter = stand_ins(pose2d, batch_size=4)

    def boxes(frames):
        if frames[0].index >= 12:
            raise RuntimeError('device lost')
        return [PersonBoxes(np.float32([[9, 9, 90, 99]]), np.ones(1)) for _ in frames]

    with pytest.raises(PartialResultError, match='finding people failed') as caught:
        video_lifter.run(video, boxes=boxes, out_dir=tmp_path / 'out', progress=False)
    assert len(caught.value.clip.times) == 12
    assert (tmp_path / 'out/keypoints_2d/person_0.npz').is_file()


def test_boxes_of_other_frames(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 8)
    boxes = tmp_path / 'boxes.json'
    rows = [[[10, 10, 50, 90]]] * 12
    boxes.write_text(json.dumps(rows))
    with pytest.warns(UserWarning, match='4 boxes of frames up to 11, but .* 0 to 7'):
        stand_ins(pose2d).run(video, boxes=boxes, progress=False)
    boxes.write_text(json.dumps([[]] * 20 + rows))
    with (
        pytest.warns(UserWarning, match='12 boxes of frames up to 31'),
        pytest.raises(ValueError, match='of the frames 20 to 31, gave no box .* in 8'),
    ):
        stand_ins(pose2d).run(video, boxes=boxes, progress=False)


def test_temp_dir(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 8)
    folder = tmp_path / 'temporary'
    folder.mkdir()
    video_lifter = stand_ins(pose2d, temp_dir=folder)
    used = []

    class Looking(StandInLifter):
        def lift_tracks(self, *args, **options):
            used.extend(folder.iterdir())
            return super().lift_tracks(*args, **options)

    video_lifter.lifter = Looking()
    video_lifter.run(video, progress=False)
    assert len(used) == 1 and not list(folder.iterdir())


def test_stream_takes_the_options(pose2d, lifter):
    """And counts its own seconds."""
    walkers = people.meeting()
    lifting = {'person_height': None, 'stride': 2}
    video_lifter = VideoPoseLifter(lifter, pose2d, device='cpu', lifting=lifting)
    video_lifter.estimator = StandInEstimator(walkers)
    clock = video_lifter.clock
    frames = [(f / FPS, people.picture(walkers, f)) for f in range(12)]
    rows = list(video_lifter.stream(frames, look_ahead=3, max_gap=2))
    stream = StreamingLifter(
        video_lifter.lifter,
        people.SIZE,
        look_ahead=3,
        max_gap=2,
        camera=guess_camera(people.SIZE),
        **lifting,
    )
    expected = []
    for frame, (time, _) in enumerate(frames):
        rng = np.random.default_rng(frame)
        found = people.detections(walkers, frame, rng)
        joints = np.concatenate([found.keypoints, found.keypoint_scores[..., None]], -1)
        expected += stream.push(dict(enumerate(joints)), time)
    expected += stream.flush()
    assert len(rows) == len(expected) == 24
    for row, other in zip(rows, expected, strict=True):
        assert (row.track_id, row.frame) == (other.track_id, other.frame)
        np.testing.assert_allclose(row.pose, other.pose, atol=1e-6)
    assert not clock.seconds, 'those of the last run are left alone'
    stages = {'detection', 'keypoints', 'tracking', 'lifting'}
    assert set(video_lifter.clock.seconds) == stages
    with pytest.raises(ValueError, match='look_ahead=1, stride=3'):
        video_lifter.stream(iter(()), look_ahead=1, stride=3)
    with pytest.raises(ValueError, match='field_of_view=200'):
        video_lifter.stream(iter(()), camera=200)
    video_lifter.lifting['model_fps'] = 50
    with pytest.warns(UserWarning, match='model_fps=50 does not change'):
        video_lifter.stream(iter(()))


def test_stream(pose2d, lifter):
    """The numbers of the tracker, the frames of the lifter, memory that is bounded."""
    walkers = people.meeting()
    video_lifter = stand_ins(pose2d, walkers)
    video_lifter.lifter = KeypointLifter(*lifter, device='cpu')
    frames = ((f / FPS, people.picture(walkers, f)) for f in range(30))
    rows = []
    for row in video_lifter.stream(frames, look_ahead=3):
        rows.append((row.track_id, row.frame))
        assert row.root is not None
    assert sorted(rows) == sorted((n, f) for n in (0, 1) for f in range(30))
    twice = [(0.0, people.picture(walkers, 0))] * 2
    with pytest.raises(ValueError, match='times increase'):
        list(video_lifter.stream(twice))


class Counting(StandInStill):
    """Counts the frames, and the people of frames, that are held somewhere."""

    def __init__(self):
        self.seen, self.most = [], 0

    def __call__(self, frames, boxes):
        found = super().__call__(frames, boxes)
        self.seen += [weakref.ref(item) for item in (*frames, *found)]
        held = sum(reference() is not None for reference in self.seen)
        self.most = max(self.most, held)
        return found


def test_frames_are_not_held(tmp_path, pose2d):
    video = write_clip(tmp_path / 'clip.mp4', people.meeting(), 60)
    video_lifter = stand_ins(pose2d, batch_size=4)
    video_lifter.estimator = Counting()
    video_lifter.run(video, progress=False)
    assert 8 <= video_lifter.estimator.most <= 16, 'this batch, and the one before'


def test_invalid(tmp_path, pose2d):
    video_lifter = stand_ins(pose2d)
    with pytest.raises(FileNotFoundError, match='there is no video'):
        video_lifter.run(tmp_path / 'nothing.mp4')
    text = tmp_path / 'text.mp4'
    text.write_text('hello')
    with pytest.raises(ValueError, match='cannot be read as a video'):
        video_lifter.run(text)
    with pytest.raises(ValueError, match='field_of_view=200'):
        video_lifter.run(tmp_path / 'nothing.mp4', camera=200)
    with pytest.raises(FileNotFoundError, match='there is no config'):
        VideoPoseLifter(StandInLifter(), ('nothing.py', 'nothing.pth'))
    with pytest.raises(FileNotFoundError, match='there is no folder'):
        stand_ins(pose2d, temp_dir=tmp_path / 'nothing')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'lifting': {'person_height': 5}}, 'person_height=5; expected a share'),
        ({'lifting': {'stride': 0}}, 'stride=0; expected 1 to 9'),
        ({'lifting': {'stride': 10}}, 'stride=10; expected 1 to 9'),
        ({'lifting': {'model_fps': -5}}, 'model_fps=-5; expected frames a second'),
        ({'lifting': {'batch_size': 0}}, 'batch_size=0; expected 1 window'),
        ({'lifting': {'nonsense': 0}}, "'nonsense' is no option .* model_fps, stride"),
        ({'batch_size': 0}, 'batch_size=0; expected 1 frame'),
        ({'person_batch_size': 0}, 'batch_size=0; expected 1 or more people'),
    ],
)
def test_invalid_options(pose2d, options, message):
    """Before anybody is looked for."""
    with pytest.raises(ValueError, match=message):
        stand_ins(pose2d, **options)
