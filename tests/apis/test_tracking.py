import numpy as np
import pytest
import walking_people as people

from mmpose_ext.apis.association import box_iou
from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.track_joining import JoiningOptions, join_tracklets
from mmpose_ext.apis.tracking import NOBODY, PersonTracker
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.evaluation.functional.idf1 import identity_scores


def follow(walkers, *, times=None, options=None, seed=0, join=True):
    """Numbers of the people of each frame, true and found, and their overlaps."""
    rng = np.random.default_rng(seed)
    tracker = PersonTracker(options)
    true, online, tracklets, overlap, ended = [], [], [], [], []
    number = len(walkers[0].places)
    for frame in range(number):
        found = people.detections(walkers, frame, rng)
        time = frame / 25 if times is None else times[frame]
        persons, numbers = tracker.update(frame, time, found)
        ended += tracker.take_ended()
        seen = [n for n, walker in enumerate(walkers) if walker.is_seen(frame)]
        boxes = np.reshape([walkers[n].box(frame) for n in seen], (-1, 4))
        kept = numbers != NOBODY
        true.append(np.array(seen, dtype=int))
        online.append(persons[kept])
        tracklets.append(numbers[kept])
        overlap.append(box_iou(boxes, found.boxes[kept]))
    ended += tracker.finish()
    if join:
        owner = join_tracklets(ended, people.SIZE, number)
        online = [owner[numbers] for numbers in tracklets]
        assert NOBODY not in np.concatenate(online)
    return identity_scores(true, online, overlap), online


@pytest.mark.parametrize('seed', range(4))
def test_cross_leave_and_return(seed):
    scores, numbers = follow(people.crossing_and_return(), seed=seed)
    assert scores.idf1 > 0.9 and scores.switches == 0
    assert set(np.concatenate(numbers)) == {0, 1}


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('join', [False, True])
def test_motion_tells_people_in_the_same_clothes_apart(seed, join):
    walkers = people.behind_a_pillar(
        go_back=False, second=people.RED, trousers=people.Walker.trousers
    )
    scores, _ = follow(walkers, seed=seed, join=join)
    assert scores.idf1 > 0.99 and scores.switches == 0


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('join', [False, True])
def test_clothes_tell_people_apart_who_turn_back(seed, join):
    """Motion says that they went on behind the pillar; colours know better."""
    scores, _ = follow(people.behind_a_pillar(go_back=True), seed=seed, join=join)
    assert scores.idf1 > 0.99 and scores.switches == 0


def test_meet_in_view():
    scores, _ = follow(people.meeting())
    assert scores.idf1 > 0.9 and scores.switches == 0


def test_variable_rate():
    """A frame in two is missing from the middle on, at the times that remain."""
    walkers = people.crossing_and_return()
    kept = np.array([*range(30), *range(30, 70, 2), *range(70, 201)])
    for walker in walkers:
        walker.places = walker.places[kept]
    scores, _ = follow(walkers, times=kept / 25)
    assert scores.idf1 > 0.9 and scores.switches == 0


def person(x, *, score=0.9, shift=0.0):
    walker = people.Walker(np.full(1, float(x)))
    found = people.detections([walker], 0, np.random.default_rng(0), numbers=[0])
    return FramePeople(
        boxes=found.boxes + np.float32(shift),
        scores=np.full(1, score, np.float32),
        keypoints=found.keypoints + np.float32(shift),
        keypoint_scores=found.keypoint_scores,
        colours=found.colours,
    )


def crowd(*parts):
    names = FramePeople.__dataclass_fields__
    return FramePeople(
        **{n: np.concatenate([getattr(part, n) for part in parts]) for n in names}
    )


def test_doubtful_boxes_go_on_but_do_not_start():
    tracker = PersonTracker()
    assert tracker.update(0, 0.0, person(100, score=0.3))[0].tolist() == [NOBODY]
    assert tracker.update(1, 0.04, person(100))[0].tolist() == [0]
    assert tracker.update(2, 0.08, person(101, score=0.3))[0].tolist() == [0]
    assert tracker.update(3, 0.12, person(280))[0].tolist() == [1]


def test_second_detections_are_left_out():
    tracker = PersonTracker()
    twice = crowd(person(100), person(100, score=0.8, shift=1.0), person(250))
    assert tracker.update(0, 0.0, twice)[0].tolist() == [0, NOBODY, 1]
    assert sorted(tracker.update(1, 0.04, twice)[0]) == [NOBODY, 0, 1]


def test_nobody():
    tracker = PersonTracker()
    nobody = people.detections([], 0, np.random.default_rng(0))
    for frame in range(3):
        persons, tracklets = tracker.update(frame, frame / 25, nobody)
        assert persons.shape == tracklets.shape == (0,)
    assert tracker.finish() == []
    assert len(join_tracklets([], people.SIZE, 3)) == 0


def test_memory_is_bounded():
    """What has ended is handed out, not kept."""
    tracker = PersonTracker(TrackingOptions(max_age=0.1))
    for frame in range(50):
        x = 60 if frame % 10 < 3 else 260
        tracker.update(frame, frame / 10, person(x))
        assert len(tracker._people) <= 2
        tracker.take_ended()
        assert not tracker._ended


def test_short_tracks_are_mistakes():
    tracker = PersonTracker()
    for frame in range(20):
        found = person(100 + frame)
        if frame == 10:
            found = crowd(found, person(250))
        tracker.update(frame, frame / 25, found)
    ended = tracker.finish()
    assert join_tracklets(ended, people.SIZE, 20).tolist() == [0, NOBODY]
    keep = JoiningOptions(least_frames=1)
    assert join_tracklets(ended, people.SIZE, 20, keep).tolist() == [0, 1]


def test_invalid():
    with pytest.raises(ValueError, match='birth_score=1.5; expected .* from 0 to 1'):
        TrackingOptions(birth_score=1.5)
    with pytest.raises(ValueError, match='max_age=0; expected a number above 0'):
        TrackingOptions(max_age=0)
    with pytest.raises(ValueError, match='parted=0.5 is above touching'):
        TrackingOptions(parted=0.5)
    with pytest.raises(ValueError, match='border=2'):
        JoiningOptions(border=2)
    with pytest.raises(ValueError, match='least_frames=0'):
        JoiningOptions(least_frames=0)
    with pytest.raises(ValueError, match='have shapes'):
        FramePeople(*(np.zeros((2, 3)) for _ in range(5)))
