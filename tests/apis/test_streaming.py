import numpy as np
import pytest
from person_tracks import CAMERA, SIZE, track_of
from slot_lifter import SlotLifter, last_seen

from mmpose_ext.apis import KeypointLifter, OneEuro, StreamingLifter
from mmpose_ext.apis.one_euro import one_euro

T = 9


def lifter_of(answer=last_seen):
    return KeypointLifter.of_model(SlotLifter(answer), T)


def joints_of(track, frame):
    """What a stream sees of a track, ``(17, 3)``; ``None`` if it is absent."""
    row = frame - int(track.frames[0])
    if not 0 <= row < len(track):
        return None
    return np.concatenate([track.keypoints[row], track.scores[row, :, None]], -1)


def run(stream, tracks, *, frames=None, hidden=()):
    """All frames that a stream gives out, and the number of the push of each."""
    count = frames or max(int(track.frames[-1]) + 1 for track in tracks)
    given, pushes = [], []
    for frame in range(count):
        people = {t.track_id: joints_of(t, frame) for t in tracks}
        people = {n: x for n, x in people.items() if x is not None}
        if frame in hidden:
            people = {}
        new = stream.push(people, frame / 25)
        given += new
        pushes += [frame] * len(new)
    rest = stream.flush()
    return given + rest, pushes + [None] * len(rest)


def stacked(frames, track_id, name):
    rows = [row for row in frames if row.track_id == track_id]
    order = [row.frame for row in rows]
    assert order == sorted(order), 'each once, in order'
    return np.stack([getattr(row, name) for row in rows])


def test_shapes():
    stream = StreamingLifter(lifter_of(), SIZE, look_ahead=3, camera=CAMERA)
    frames, _ = run(stream, [track_of(12)])
    assert [row.frame for row in frames] == list(range(12))
    row = frames[5]
    assert row.keypoints.shape == (17, 2) and row.scores.shape == (17,)
    assert row.pose.shape == (17, 3) and row.confidence.shape == (17,)
    assert row.root.shape == (3,) and row.time == 0.2 and not row.filled
    assert stream.held_frames == 0


@pytest.mark.parametrize('stride', [1, 4, 9])
def test_values(stride):
    """With enough look-ahead a stream gives what whole tracks give."""
    tracks = [
        track_of(40, track_id=4),
        track_of(23, track_id=1, start=5, seed=1),
        track_of(3, track_id=7, start=8, seed=2),
        track_of(9, track_id=2, start=30, seed=3),
    ]
    lifter = lifter_of()
    options = dict(person_height=None, camera=CAMERA, stride=stride)
    whole = lifter.lift_tracks(tracks, SIZE, progress=False, **options)
    stream = StreamingLifter(lifter, SIZE, look_ahead=T, max_gap=0, **options)
    frames, _ = run(stream, tracks)
    same_as(frames, whole)


def test_values_with_gaps():
    """Windows wait for the end of a gap, so it is filled as in the whole track."""
    lifter = lifter_of()
    options = dict(person_height=None, camera=CAMERA, stride=3)
    stream = StreamingLifter(lifter, SIZE, look_ahead=T + 2, max_gap=2, **options)
    tracks = [track_of(35), track_of(19, track_id=1, seed=1)]
    frames, _ = run(stream, tracks, hidden=(3, 12, 13), frames=45)
    for track in tracks:
        track.keypoints[[3, 12, 13]] = np.nan
    whole = lifter.lift_tracks(tracks, SIZE, progress=False, **options)
    same_as(frames, whole)


def same_as(frames, tracks):
    for track in tracks:
        number = track.track_id
        for name, expected in (
            ('frame', track.frames),
            ('keypoints', track.keypoints),
            ('pose', track.poses),
            ('confidence', track.confidence),
            ('filled', track.filled),
            ('root', track.root),
        ):
            given = stacked(frames, number, name)
            np.testing.assert_allclose(given, expected, atol=1e-5, err_msg=name)


@pytest.mark.parametrize('look_ahead', [0, 1, 3, 5, 12])
def test_look_ahead(look_ahead):
    """Frames come as late as promised, and all of them do."""
    stream = StreamingLifter(lifter_of(), SIZE, look_ahead=look_ahead)
    tracks = [track_of(30), track_of(17, track_id=1, start=2, seed=1)]
    frames, pushes = run(stream, tracks, frames=30)
    for track in tracks:
        given = stacked(frames, track.track_id, 'frame')
        np.testing.assert_array_equal(given, track.frames)
    late = [p - row.frame for row, p in zip(frames, pushes, strict=True) if p]
    assert max(late) <= look_ahead + 1  # one more where a person is found to be gone
    assert late.count(look_ahead) >= 30 - look_ahead


def test_same_windows_same_poses():
    """Where all windows of a frame end within the look-ahead, nothing is missing."""
    lifter = lifter_of()
    options = dict(person_height=None, stride=4)
    (whole,) = lifter.lift_tracks([track_of(41)], SIZE, progress=False, **options)
    stream = StreamingLifter(lifter, SIZE, look_ahead=6, **options)
    frames, _ = run(stream, [track_of(41)])
    given = stacked(frames, 0, 'pose')
    starts = np.arange(41) // 4 * 4
    complete = (starts + T - 1 <= np.arange(41) + 6) & (np.arange(41) >= T)
    assert complete.sum() > 10
    np.testing.assert_allclose(given[complete], whole.poses[complete], atol=1e-5)
    assert abs(given - whole.poses)[~complete].max() > 1e-4


def test_causal():
    """Without look-ahead a frame is the last slot of its window."""
    seen = []

    def answer(inputs):
        seen.append(inputs)
        return inputs.cumsum(1)[..., :3]

    lifter = lifter_of(answer)
    stream = StreamingLifter(lifter, SIZE, look_ahead=0, person_height=None)
    frames, pushes = run(stream, [track_of(14)])
    assert pushes == list(range(14))
    expected = seen[-1].cumsum(1)[0, -1]
    expected = expected - expected[:1]
    np.testing.assert_allclose(frames[-1].pose, expected, atol=1e-5)


def test_people_at_the_side():
    """Who is moved to the middle is turned to the camera, as in whole tracks."""
    one = track_of(1, root=(2.0, 0.5, 4.0))
    keypoints = np.repeat(one.keypoints, 20, axis=0)
    still = track_of(20, keypoints=keypoints)

    def answer(inputs):
        places = inputs[..., :1] * inputs.new_tensor([1.0, 0.3, -0.5])
        return places + inputs[:, -1:, :, 1:2]

    lifter = lifter_of(answer)
    options = dict(camera=CAMERA)
    whole = lifter.lift_tracks([still], SIZE, progress=False, **options)
    frames, _ = run(StreamingLifter(lifter, SIZE, look_ahead=T, **options), [still])
    same_as(frames, whole)


def test_first_frames():
    """Until T frames are there, padded windows of what there is stand in."""
    lifter = lifter_of()
    stream = StreamingLifter(lifter, SIZE, look_ahead=3, stride=1)
    frames, _ = run(stream, [track_of(12)])
    assert len(lifter.model.batches) == 5 + 4, 'of 4 to 8 frames, then of 9'
    stream = StreamingLifter(lifter, SIZE, look_ahead=3)
    frames, _ = run(stream, [track_of(12)], hidden=(3, 4))
    assert stacked(frames, 0, 'frame').tolist() == list(range(12))


def test_people_share_batches():
    lifter = lifter_of()
    stream = StreamingLifter(lifter, SIZE, look_ahead=T - 1, stride=4)
    run(stream, [track_of(13, track_id=n, seed=n) for n in range(3)])
    assert [len(batch) for batch in lifter.model.batches] == [3, 3]


def test_gaps():
    """Short gaps are filled, with the score taken away; longer ones end the track."""
    lifter = lifter_of()
    stream = StreamingLifter(lifter, SIZE, look_ahead=4, max_gap=2)
    frames, _ = run(stream, [track_of(30)], hidden=(10, 11, 20, 21, 22, 23))
    given = stacked(frames, 0, 'frame').tolist()
    assert given == [*range(20), *range(24, 30)]
    filled = stacked(frames, 0, 'filled')
    assert [given[n] for n in np.flatnonzero(filled)] == [10, 11]
    assert (stacked(frames, 0, 'confidence')[filled] == 0).all()
    between = stacked(frames, 0, 'keypoints')[10]
    track = track_of(30)
    expected = (2 * track.keypoints[9] + track.keypoints[12]) / 3
    np.testing.assert_allclose(between, expected, rtol=1e-5)


def test_missing_joints():
    track = track_of(12)
    track.keypoints[4, 3] = np.nan
    track.keypoints[6] = np.nan
    stream = StreamingLifter(lifter_of(), SIZE, look_ahead=3)
    frames, _ = run(stream, [track])
    assert len(frames) == 12 and all(np.isfinite(row.pose).all() for row in frames)
    assert frames[4].scores[3] == 0 and frames[6].filled


@pytest.mark.parametrize('seen', [[3], []])
def test_nobody_stops_the_others(seen):
    """Of one person a joint alone is ever seen, or all joints in one place."""
    good = track_of(20)
    joints = np.full((17, 3), [50.0, 50.0, 1.0])
    if seen:
        joints[np.setdiff1d(np.arange(17), seen)] = np.nan
    lifter, options = lifter_of(), dict(look_ahead=0, camera=CAMERA)
    alone, _ = run(StreamingLifter(lifter, SIZE, **options), [good])
    stream, rows = StreamingLifter(lifter, SIZE, **options), []
    with pytest.warns(UserWarning, match='person 1: all keypoints lie in one point'):
        for frame in range(20):
            people = {0: joints_of(good, frame)}
            if frame:
                people[1] = joints
            rows += stream.push(people, frame / 25)
    assert [row.frame for row in rows if row.track_id == 1] == list(range(1, 20))
    assert all(np.isfinite(row.pose).all() for row in rows)
    assert all(np.isfinite(row.root).all() for row in rows)
    expected = stacked(alone, 0, 'pose')
    np.testing.assert_allclose(stacked(rows, 0, 'pose'), expected, atol=1e-6)


def test_smoothing():
    lifter = lifter_of()
    options = dict(look_ahead=4, camera=CAMERA)
    tracks = [track_of(20), track_of(9, track_id=1, start=4, seed=1)]
    plain, _ = run(StreamingLifter(lifter, SIZE, **options), tracks)
    stream = StreamingLifter(lifter, SIZE, smoothing=OneEuro(), **options)
    smooth, _ = run(stream, tracks)
    for number in (0, 1):
        times = stacked(plain, number, 'time')
        for name in ('pose', 'root'):
            values = stacked(plain, number, name)
            expected, _ = one_euro(values, times, OneEuro())
            given = stacked(smooth, number, name)
            np.testing.assert_allclose(given, expected, atol=1e-6)


def test_memory_is_bounded():
    """People who stay, come and go: what is held does not grow."""
    stream = StreamingLifter(lifter_of(), SIZE, look_ahead=4)
    joints = joints_of(track_of(1), 0)
    rng = np.random.default_rng(0)
    held = []
    for frame in range(400):
        people = {0: joints + rng.normal(size=(17, 3)) * [1, 1, 0]}
        people[1 + frame // 7] = joints + rng.normal(size=(17, 3)) * [1, 1, 0]
        stream.push(people, frame / 25)
        held.append(stream.held_frames)
    assert max(held) <= 3 * (T + 4 + 1)
    assert max(held[200:]) <= max(held[:200])
    assert len(stream._people) <= 3 and len(stream._filters) == len(stream._people)


def test_stream_goes_on_after_a_flush():
    stream = StreamingLifter(lifter_of(), SIZE, look_ahead=2)
    first, _ = run(stream, [track_of(5)])
    second = stream.push({0: joints_of(track_of(5), 0)}, 10.0) + stream.flush()
    assert [row.frame for row in first + second] == [0, 1, 2, 3, 4, 5]


def test_invalid():
    lifter = lifter_of()
    for options in (
        dict(look_ahead=-1),
        dict(look_ahead=2, stride=4),
        dict(look_ahead=20, stride=10),
        dict(look_ahead=2, max_gap=3),
    ):
        with pytest.raises(ValueError, match='expected 0 or more'):
            StreamingLifter(lifter, SIZE, **options)
    with pytest.raises(ValueError, match='person_height=5; expected a share'):
        StreamingLifter(lifter, SIZE, person_height=5)
    stream = StreamingLifter(lifter, SIZE)
    stream.push({}, 1.0)
    with pytest.raises(ValueError, match='times of a stream increase'):
        stream.push({}, 1.0)
    with pytest.raises(ValueError, match=r'person 3 has joints of shape \(16, 2\)'):
        stream.push({3: np.zeros((16, 2))}, 2.0)
