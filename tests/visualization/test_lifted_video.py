from dataclasses import replace

import numpy as np
import pytest
from lifted_clips import make_clip, make_track, moving_person, two_people

from mmpose_ext.visualization.lifted_video import draw_lifted_clip, write_lifted_video
from mmpose_ext.visualization.person_colours import person_colour
from mmpose_ext.visualization.video import read_video, video_properties, write_video

HEIGHT = 180


def draw(clip, images=None):
    return list(draw_lifted_clip(clip, images, height=HEIGHT))


def has_colour(picture, track_id):
    """Pixels of about the colour of a person's left side."""
    miss = np.abs(picture.astype(int) - person_colour(track_id)[::-1]).max(axis=-1)
    return int((miss < 30).sum())


def test_shapes():
    pictures = draw(two_people(6))
    assert len(pictures) == 6
    for picture in pictures:
        assert picture.shape == (HEIGHT, 320 + HEIGHT, 3)
        assert picture.dtype == np.uint8


def test_people_where_they_are():
    clip = two_people(60)
    pictures = draw(clip)
    assert has_colour(pictures[25][:, 320:], 0) > 20
    assert has_colour(pictures[25], 1) == 0, 'away'
    for part in (pictures[45][:, :320], pictures[45][:, 320:]):
        assert has_colour(part, 0) > 20 and has_colour(part, 1) > 20


def test_overlay_lies_on_the_joints():
    clip = two_people(8)
    left = draw(clip)[3][:, :320]
    elbow = clip.tracks[0].keypoints[3, 12] * HEIGHT / 540
    x, y = elbow.round().astype(int)
    around = left[y - 2 : y + 3, x - 2 : x + 3]
    assert has_colour(around, 0) > 0
    away = replace(clip.tracks[0], keypoints=clip.tracks[0].keypoints + [60, 0])
    moved = draw(replace(clip, tracks=(away,)))[3][:, :320]
    assert has_colour(moved[y - 2 : y + 3, x - 2 : x + 3], 0) == 0


def test_unsure_and_filled_joints_are_paler():
    track = make_track(moving_person('walk', 10, seed=1))
    sure = np.full_like(track.scores, 0.9)
    certain = replace(track, scores=sure, confidence=sure, filled=np.zeros(10, bool))
    dark = draw(make_clip([certain], 10))[2]
    for change in (
        {'scores': 0.1 * sure, 'confidence': 0.1 * sure},
        {'filled': np.ones(10, bool)},
    ):
        pale = draw(make_clip([replace(certain, **change)], 10))[2]
        for part in (slice(None, 320), slice(320, None)):
            assert has_colour(pale[:, part], 0) < 0.5 * has_colour(dark[:, part], 0)


def test_view_does_not_move():
    """A person who stands still is drawn alike in all frames, but for the clock."""
    joints = np.repeat(moving_person('walk', 1, seed=1), 5, axis=0)
    track = replace(make_track(joints), filled=np.zeros(5, bool))
    track = replace(track, scores=track.scores[:1].repeat(5, axis=0))
    track = replace(track, confidence=track.confidence[:1].repeat(5, axis=0))
    pictures = draw(make_clip([track], 5))
    for picture in pictures[1:]:
        np.testing.assert_array_equal(
            picture[: HEIGHT - 30], pictures[0][: HEIGHT - 30]
        )


def test_frames_of_the_video(tmp_path):
    clip = two_people(8)
    images = [np.full((540, 960, 3), 20 * i, np.uint8) for i in range(8)]
    write_video(tmp_path / 'street.mp4', images, fps=25)
    path = tmp_path / 'out.mp4'
    write_lifted_video(
        path, clip, video=tmp_path / 'street.mp4', height=HEIGHT, progress=False
    )
    assert video_properties(path) == ((320 + HEIGHT, HEIGHT), 25)
    for i, picture in enumerate(read_video(path, 8)):
        assert abs(float(picture[:40, :100].mean()) - 20 * i) < 8


def test_portrait():
    clip = replace(two_people(2), image_size=(540, 960))
    images = [np.zeros((960, 540, 3), np.uint8)] * 2
    assert draw(clip, images)[0].shape == (HEIGHT, 101 + HEIGHT, 3)


def test_frames_are_drawn_one_by_one():
    taken = []

    def images():
        for i in range(40):
            taken.append(i)
            yield np.zeros((540, 960, 3), np.uint8)

    pictures = draw_lifted_clip(two_people(40), images(), height=HEIGHT)
    next(pictures)
    next(pictures)
    assert taken == [0, 1]


def test_joints_far_outside_and_unknown_places():
    track = make_track(moving_person('walk', 4))
    track.keypoints[1] = 1e7
    track.root[2] = np.nan
    pictures = draw(make_clip([track], 4))
    assert has_colour(pictures[0][:, 320:], 0) > 0
    assert has_colour(pictures[2], 0) == 0


def test_invalid(tmp_path):
    clip = two_people(3)
    with pytest.raises(ValueError, match='540 x 960 pixels, but the keypoints are of'):
        draw(clip, [np.zeros((960, 540, 3), np.uint8)] * 3)
    images = [np.zeros((540, 960, 3), np.uint8)] * 2
    write_video(tmp_path / 'short.mp4', images, fps=25)
    with pytest.raises(ValueError, match='has 2 frames, but 3'):
        write_lifted_video(
            tmp_path / 'a.mp4', clip, video=tmp_path / 'short.mp4', progress=False
        )
    assert not (tmp_path / 'a.mp4').exists()
