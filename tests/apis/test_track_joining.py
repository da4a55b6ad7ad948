import tracemalloc

import numpy as np
import pytest
import walking_people as people

from mmpose_ext.apis import track_joining
from mmpose_ext.apis.appearance import colour_histograms
from mmpose_ext.apis.association import assign
from mmpose_ext.apis.track_joining import (
    JoiningOptions,
    TrackletTable,
    at_border,
    join_affinity,
    join_tracklets,
    link_tracklets,
)
from mmpose_ext.apis.tracking import NOBODY
from mmpose_ext.apis.tracklets import (
    Tracklet,
    distance_in_heights,
    join_parts,
    likeness,
)

SIZE = people.SIZE


def affinity_of(tracklets, options):
    table = TrackletTable.of(tracklets)
    return join_affinity(table, table, SIZE, options)


def colours(shirt):
    walker = people.Walker(np.full(1, 100.0), shirt=shirt)
    image = people.picture([walker], 0)
    return colour_histograms(image, walker.keypoints(0)[None], np.ones((1, 17)))[0]


RED, BLUE = colours(people.RED), colours(people.BLUE)


def tracklet(number, frames, places, clothes, *, person=None, predecessor=None):
    boxes = [np.array([x - 20, 30, x + 20, 140.0]) for x in places]
    velocity = (places[1] - places[0]) / max(frames[1] - frames[0], 1) * 25
    made = Tracklet(
        number,
        number if person is None else person,
        predecessor,
        frames[0],
        frames[0] / 25,
        boxes[0],
    )
    made.add(frames[1], frames[1] / 25, boxes[1], np.array([velocity, 0.0]))
    made.count = frames[1] - frames[0] + 1
    made.add_colours(clothes)
    return made


def test_mistake_at_a_crossing_is_put_right():
    """The tracker went on with the wrong person after they touched."""
    tracklets = [
        tracklet(0, (0, 40), (60, 155), RED),
        tracklet(1, (0, 40), (260, 165), BLUE),
        tracklet(2, (42, 80), (140, 60), BLUE, person=0, predecessor=0),
        tracklet(3, (42, 80), (180, 260), RED, person=1, predecessor=1),
    ]
    assert join_tracklets(tracklets, SIZE, 81).tolist() == [0, 1, 1, 0]
    believe = JoiningOptions(continuity=0.9)
    assert join_tracklets(tracklets, SIZE, 81, believe).tolist() == [0, 1, 0, 1]


def test_continuity_where_colours_say_nothing():
    tracklets = [
        tracklet(0, (0, 40), (60, 155), RED),
        tracklet(1, (0, 40), (260, 165), RED),
        tracklet(2, (42, 80), (140, 60), RED, person=0, predecessor=0),
        tracklet(3, (42, 80), (180, 260), RED, person=1, predecessor=1),
    ]
    assert join_tracklets(tracklets, SIZE, 81).tolist() == [0, 1, 0, 1]


def test_a_part_without_colours_does_not_hide_who_goes_on():
    """It begins behind someone, so its colours are not known; its next one's are."""
    tracklets = [
        tracklet(0, (0, 40), (60, 80), 0.8 * RED + 0.2 * BLUE),
        tracklet(1, (0, 100), (200, 210), BLUE),
        tracklet(2, (90, 95), (280, 284), np.zeros_like(RED)),
        tracklet(3, (96, 140), (285, 300), RED, person=2, predecessor=2),
    ]
    tracklets[2].colour_frames = 0
    options = JoiningOptions()
    affinity = affinity_of(tracklets, options)
    assert affinity[0, 2] < options.least_affinity < affinity[0, 3] < affinity[2, 3]
    assert join_tracklets(tracklets, SIZE, 141).tolist() == [0, 1, 0, 0]


def test_joined_parts():
    parts = [
        tracklet(0, (0, 9), (60, 80), RED),
        tracklet(2, (10, 12), (81, 90), np.zeros_like(RED), person=1, predecessor=1),
        tracklet(4, (20, 59), (100, 120), BLUE, person=2),
    ]
    parts[0].colour_frames, parts[1].colour_frames, parts[2].colour_frames = 3, 0, 1
    whole = join_parts(parts)
    assert (whole.number, whole.person, whole.predecessor) == (4, 0, None)
    assert (whole.first_time, whole.last_time, whole.count) == (0, 59 / 25, 53)
    np.testing.assert_array_equal(whole.first_box, parts[0].first_box)
    np.testing.assert_array_equal(whole.last_box, parts[2].last_box)
    np.testing.assert_allclose(whole.colours, (3 * RED + BLUE) / 4)


def test_back_after_long():
    """By the border and with the same clothes; a stranger stays a stranger."""
    tracklets = [
        tracklet(0, (0, 40), (60, 310), RED),
        tracklet(1, (0, 200), (100, 110), BLUE),
        tracklet(2, (150, 200), (5, 160), RED),
        tracklet(3, (150, 200), (310, 250), np.roll(RED, 3)),
    ]
    assert join_tracklets(tracklets, SIZE, 201).tolist() == [0, 1, 0, 2]


def test_nobody_jumps():
    """Gone in the middle of the picture, there is no way to its other end at once."""
    tracklets = [
        tracklet(0, (0, 40), (60, 70), RED),
        tracklet(1, (42, 80), (250, 260), RED),
    ]
    assert join_tracklets(tracklets, (1000, 180), 81).tolist() == [0, 1]
    tracklets[1] = tracklet(1, (42, 80), (72, 90), RED)
    assert join_tracklets(tracklets, (1000, 180), 81).tolist() == [0, 0]


def test_chains_do_not_overlap_in_time():
    rng = np.random.default_rng(0)
    starts = np.sort(rng.integers(0, 400, 40))
    tracklets = [
        tracklet(n, (start, start + rng.integers(5, 60)), rng.uniform(0, 320, 2), RED)
        for n, start in enumerate(starts.tolist())
    ]
    owner = join_tracklets(tracklets, SIZE, 500)
    for person in np.unique(owner):
        mine = [t for t in tracklets if owner[t.number] == person]
        for before, after in zip(mine, mine[1:], strict=False):
            assert before.last_frame < after.first_frame
    assert sorted(set(owner)) == list(range(max(owner) + 1))
    assert max(owner) + 1 < len(tracklets)
    shuffled = [tracklets[i] for i in rng.permutation(40)]
    np.testing.assert_array_equal(join_tracklets(shuffled, SIZE, 500), owner)


def crowd(number, rng):
    """Tracklets of many people who come and go, whose clothes are alike or not."""
    starts = np.sort(rng.integers(0, 20 * number, number)).tolist()
    clothes = [np.roll(RED, n) for n in range(8)] + [np.zeros_like(RED)]
    made = []
    for n, start in enumerate(starts):
        before = [t for t in made[-20:] if t.last_frame < start]
        last = before[-1].number if before and rng.random() < 0.3 else None
        made.append(
            tracklet(
                n,
                (start, start + int(rng.integers(1, 200))),
                rng.uniform(0, 320, 2),
                clothes[rng.integers(len(clothes))],
                predecessor=last,
            )
        )
    return made


@pytest.mark.parametrize('pairs', [1, 500, 1 << 18])
def test_same_links_as_of_all_pairs_at_once(monkeypatch, pairs):
    """A few rows at a time and sparsely: the best sum over all pairs."""
    monkeypatch.setattr(track_joining, '_PAIRS_AT_A_TIME', pairs)
    options = JoiningOptions(least_frames=1)
    tracklets = crowd(60, np.random.default_rng(4))
    affinity = affinity_of(tracklets, options)
    for made in tracklets:
        if made.predecessor is not None:
            pair = made.predecessor, made.number
            affinity[pair] = max(affinity[pair], options.least_affinity + 0.05)
    allowed = np.where(affinity >= options.least_affinity, affinity, -np.inf)
    rows, columns = assign(allowed, options.least_affinity - 0.1)
    links = set(zip(*link_tracklets(tracklets, SIZE, options), strict=True))
    expected = set(zip(rows.tolist(), columns.tolist(), strict=True))
    assert len(links) > 20

    def total(chosen):
        return sum(affinity[pair] - options.least_affinity + 0.1 for pair in chosen)

    assert total(links) == pytest.approx(total(expected), abs=1e-4)


def test_memory_grows_with_tracklets_not_pairs():
    """All of them could be one person: 16 million pairs, 128 MB a matrix."""
    rng = np.random.default_rng(0)
    tracklets = [
        tracklet(n, (10 * n, 10 * n + 8), rng.uniform(0, 320, 2), RED)
        for n in range(4000)
    ]
    tracemalloc.start()
    owner = join_tracklets(tracklets, SIZE, 40_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6
    assert len(set(owner.tolist())) < 400


def test_least_frames():
    few = [tracklet(0, (0, 2), (60, 62), RED)]
    assert join_tracklets(few, SIZE, 300).tolist() == [NOBODY]
    assert join_tracklets(few, SIZE, 3).tolist() == [0], 'a short clip'


def test_affinity():
    tracklets = [
        tracklet(0, (0, 40), (60, 100), RED),
        tracklet(1, (41, 80), (101, 140), RED),
        tracklet(2, (41, 80), (101, 140), np.zeros_like(RED)),
    ]
    options = JoiningOptions(colour_weight=0.7)
    affinity = affinity_of(tracklets, options)
    assert np.isneginf(affinity[np.tril_indices(3)]).all()
    assert affinity[0, 1] == pytest.approx(1, abs=0.01)
    assert affinity[0, 2] == pytest.approx(0.7 * 0.5 + 0.3, abs=0.01), 'not known'


def test_likeness_and_distance():
    alike = likeness(np.stack([RED, np.zeros_like(RED)]), np.stack([RED, BLUE]))
    assert alike[0, 0] == pytest.approx(1, abs=1e-5) and alike[0, 1] < 0.7
    assert np.isnan(alike[1]).all()
    boxes = np.array([[0, 0, 10, 20], [30, 40, 40, 60.0]])
    expected = np.array([[0, 50 / 20], [50 / 20, 0]])
    np.testing.assert_allclose(distance_in_heights(boxes, boxes), expected)


def test_at_border():
    boxes = np.array([[2, 50, 30, 90], [100, 0, 130, 90], [100, 50, 130, 179.0]])
    assert at_border(boxes, SIZE, 0.03).tolist() == [True, False, True]


def test_nearness_says_less_after_a_while():
    """Of people without colours, only those who follow at once are one person."""
    unknown = np.zeros_like(RED)
    first = tracklet(0, (0, 1), (30, 32), unknown)
    next_one = tracklet(1, (2, 40), (34, 200), unknown)
    later = tracklet(2, (150, 190), (34, 200), unknown)
    for made in (first, next_one, later):
        made.colour_frames, made.colours = 0, unknown
    assert join_tracklets([first, next_one, later], SIZE, 200).tolist() == [0, 0, 1]
    affinity = affinity_of([first, next_one, later], JoiningOptions())
    assert affinity[0, 1] > 0.64 > 0.6 > affinity[0, 2]
