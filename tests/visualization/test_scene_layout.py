from dataclasses import replace

import numpy as np
import pytest
from lifted_clips import CAMERA_HEIGHT_M, make_clip, make_track, moving_person
from scipy.spatial.transform import Rotation

from mmpose_ext.visualization.scene_layout import fit_floor, lay_out

ANKLE_M = 0.07
"""How high a standing person's lowest joint is."""


def clip_of(*names, frames=100, tilt=0.0, **options):
    """People in a row, seen by a camera that looks down by `tilt` degrees."""
    turn = Rotation.from_euler('x', tilt, degrees=True).as_matrix()
    tracks = []
    for i, name in enumerate(names):
        joints = moving_person(name, frames, seed=i, place=(2.0 * i, 5.0, 0.0))
        turned = (joints @ turn.T).astype(np.float32)
        tracks.append(make_track(turned, i, **options))
    return make_clip(tracks, frames)


@pytest.mark.parametrize('tilt', [0, 15, -10])
def test_people_walk_on_the_floor(tilt):
    clip = clip_of('walk', 'walk', tilt=tilt)
    layout = lay_out(clip)
    assert layout.located
    for track in clip:
        placed = layout.place(track, slice(None))
        lowest = placed[..., 1].max(axis=1)
        assert np.abs(np.median(lowest)) < 0.03
        assert np.abs(lowest).max() < 0.12, 'nobody sinks or takes off'
        lengths = np.linalg.norm(placed[:, 2] - placed[:, 1], axis=-1)
        own = np.linalg.norm(track.poses[:, 2] - track.poses[:, 1], axis=-1)
        np.testing.assert_allclose(lengths, own, atol=1e-5, err_msg='rigid')
    assert 1.3 < layout.tall < 2.0


def test_a_jump_leaves_the_floor():
    clip = clip_of('jump', frames=150)
    placed = lay_out(clip).place(clip.tracks[0], slice(None))
    lowest = placed[..., 1].max(axis=1)
    assert lowest.min() < -0.1 and np.quantile(lowest, 0.9) < 0.08


def test_level_of_the_floor():
    layout = lay_out(clip_of('walk'))
    assert layout.origin[1] == pytest.approx(CAMERA_HEIGHT_M - ANKLE_M, abs=0.05)
    np.testing.assert_allclose(layout.rotation, np.eye(3), atol=0.01)


def test_side_by_side_without_roots():
    clip = clip_of('walk', 'squat', with_root=False)
    layout = lay_out(clip)
    assert not layout.located
    np.testing.assert_array_equal(layout.rotation, np.eye(3))
    for track in clip:
        placed = layout.place(track, np.array([0, 50]))
        np.testing.assert_allclose(placed[..., 1].max(axis=1), 0, atol=1e-6)
        np.testing.assert_allclose(placed[:, 0, 0], layout.slots[track.track_id][0])
    (first, _), (second, _) = layout.slots.values()
    assert first == -second and second - first > 1, 'apart, around the middle'


def test_many_people_stand_in_rows():
    track = make_track(moving_person('walk', 2), with_root=False)
    clip = make_clip([replace(track, track_id=i) for i in range(14)], 2)
    slots = np.array(list(lay_out(clip).slots.values()))
    apart = np.linalg.norm(slots[:, None] - slots[None], axis=-1) + 9 * np.eye(14)
    assert apart.min() > 1 and np.ptp(slots, axis=0).max() < 8


def test_one_root_missing_puts_all_side_by_side():
    clip = clip_of('walk', 'walk', frames=10)
    unknown = replace(clip.tracks[1], root=np.full((10, 3), np.nan))
    assert not lay_out(replace(clip, tracks=(clip.tracks[0], unknown))).located
    assert not lay_out(replace(clip, tracks=())).located


def test_floor_ignores_what_flies():
    generator = np.random.default_rng(0)
    ground = generator.uniform(-2, 2, (300, 2))
    level = 1.0 + 0.1 * ground[:, 0] - 0.2 * ground[:, 1]
    points = np.stack([ground[:, 0], level, ground[:, 1]], axis=-1)
    points[:60, 1] -= 0.5
    np.testing.assert_allclose(fit_floor(points), [1, 0.1, -0.2], atol=0.02)


def test_standing_people_say_little_about_a_slope():
    sway = np.linspace(-0.02, 0.02, 300)
    points = np.stack([sway, 1.2 + 0.5 * sway, 4 + sway], axis=-1)
    level, x, z = fit_floor(points)
    assert abs(x) < 0.05 and abs(z) < 0.05
    assert level + 4 * z == pytest.approx(1.2, abs=0.01)
