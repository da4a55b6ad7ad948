from dataclasses import replace

import numpy as np
import pytest
from lifted_clips import make_clip, make_track, moving_person, two_people
from strict_bvh import read_bvh

from mmpose_ext.apis import result_content
from mmpose_ext.apis.bvh import median_bone_lengths, write_bvh, write_bvh_folder
from mmpose_ext.geometry import H36M17

NODES = (
    *('Hips', 'RightUpLeg', 'RightLeg', 'RightLeg end'),
    *('LeftUpLeg', 'LeftLeg', 'LeftLeg end', 'Spine', 'Neck', 'Head', 'Head end'),
    *('LeftArm', 'LeftForeArm', 'LeftForeArm end'),
    *('RightArm', 'RightForeArm', 'RightForeArm end'),
)
"""The node that stands at each joint of Human3.6M."""


def joints_of(bvh):
    """Joints in the file, `(F, 17, 3)`, y up."""
    places = bvh.positions()
    return np.stack([places[name] for name in NODES], axis=1)


@pytest.mark.parametrize('name', ['walk', 'sit', 'turn', 'kick', 'random'])
def test_positions_come_back(tmp_path, name):
    joints = moving_person(name, 80, seed=3)
    write_bvh(tmp_path / 'a.bvh', [make_track(joints)], num_frames=80, fps=25)
    bvh = read_bvh(tmp_path / 'a.bvh')
    assert bvh.frame_time == pytest.approx(0.04)
    np.testing.assert_allclose(joints_of(bvh), joints * [1, -1, -1], atol=1e-5)
    angles = bvh.rows[:, 3:]
    assert np.abs(np.diff(angles, axis=0)).max() < 60, 'no jumps by whole turns'
    assert len(bvh.nodes()) == 22 and 0 < len(bvh.root.channels) == 6


def test_wobbling_bones_are_held_at_their_median(tmp_path):
    joints = moving_person('walk', 30, seed=1)
    root = joints[:, :1]
    share = 1 + 0.1 * np.sin(np.arange(30))[:, None, None]
    track = make_track((root + share * (joints - root)).astype(np.float32))
    write_bvh(tmp_path / 'a.bvh', [track], num_frames=30, fps=25)
    found = joints_of(read_bvh(tmp_path / 'a.bvh'))
    parents = [max(parent, 0) for parent in H36M17.parents]
    lengths = np.linalg.norm(found - found[:, parents], axis=-1)
    expected = np.broadcast_to(median_bone_lengths([track]), lengths.shape)
    np.testing.assert_allclose(lengths, expected, atol=1e-5)
    bones = (joints - joints[:, parents])[:, 1:] * [1, -1, -1]
    own = (found - found[:, parents])[:, 1:]
    cosine = (bones * own).sum(-1) / np.linalg.norm(bones, axis=-1) / lengths[:, 1:]
    np.testing.assert_allclose(cosine, 1, atol=1e-5, err_msg='directions are kept')


def test_long_tracks_are_sampled(monkeypatch):
    """Frames spread over all tracks, in the same shares."""
    tracks = [make_track(moving_person('walk', n, seed=n)) for n in (90, 30)]
    expected = median_bone_lengths(tracks)
    monkeypatch.setattr('mmpose_ext.apis.bvh._BONE_SAMPLES', 40)
    some = [replace(track, poses=track.poses[::3]) for track in tracks]
    found = median_bone_lengths(tracks)
    monkeypatch.undo()
    np.testing.assert_array_equal(found, median_bone_lengths(some))
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_held_while_away(tmp_path):
    clip = two_people(60)
    write_bvh_folder(tmp_path, clip, progress=False)
    assert sorted(f.name for f in tmp_path.iterdir()) == [
        'person_0.bvh',
        'person_1.bvh',
    ]
    rows = read_bvh(tmp_path / 'person_1.bvh').rows
    early, late = clip.tracks[1:]
    assert len(rows) == 60, 'in time with the others'
    for frame in (0, 1):
        np.testing.assert_array_equal(rows[frame], rows[2])
    for frame in range(20, 40):
        np.testing.assert_array_equal(rows[frame], rows[19])
    assert (rows[40] != rows[39]).any()
    np.testing.assert_allclose(rows[2, :3], early.root[0] * [1, -1, -1], atol=1e-5)
    np.testing.assert_allclose(rows[40, :3], late.root[0] * [1, -1, -1], atol=1e-5)


def test_parts_do_not_show(tmp_path, monkeypatch):
    track = make_track(moving_person('turn', 50, seed=3))
    write_bvh(tmp_path / 'a.bvh', [track], num_frames=50, fps=25)
    for module in ('mmpose_ext.apis.bvh', result_content.__name__):
        monkeypatch.setattr(f'{module}.CHUNK', 7)
    write_bvh(tmp_path / 'b.bvh', [track], num_frames=50, fps=25)
    assert (tmp_path / 'a.bvh').read_text() == (tmp_path / 'b.bvh').read_text()


def test_without_place_on_the_floor(tmp_path):
    joints = moving_person('squat', 30, seed=2)
    track = make_track(joints, with_root=False)
    write_bvh(tmp_path / 'a.bvh', [track], num_frames=30, fps=25)
    found = joints_of(read_bvh(tmp_path / 'a.bvh'))
    np.testing.assert_allclose(found[..., 1].min(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(found[:, 0, [0, 2]], 0, atol=1e-9)


def test_unknown_places_are_held(tmp_path):
    track = make_track(moving_person('walk', 12, seed=1))
    track.root[[0, 5, 6]] = np.nan
    write_bvh(tmp_path / 'a.bvh', [track], num_frames=12, fps=25)
    places = read_bvh(tmp_path / 'a.bvh').rows[:, :3]
    np.testing.assert_array_equal(places[0], places[1])
    np.testing.assert_array_equal(places[5:7], places[[4, 4]])
    assert (places[7] != places[6]).any()


def test_files_of_an_earlier_run_go(tmp_path):
    (tmp_path / 'person_7.bvh').write_text('old')
    (tmp_path / 'person_of_mine.bvh').write_text('mine')
    clip = make_clip([make_track(moving_person('walk', 4))], 4)
    write_bvh_folder(tmp_path, clip, progress=False)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ['person_0.bvh', 'person_of_mine.bvh']


def test_invalid(tmp_path):
    track = make_track(moving_person('walk', 4), first=8)
    with pytest.raises(ValueError, match='frame 8 to 11, but the clip has 10'):
        write_bvh(tmp_path / 'a.bvh', [track], num_frames=10, fps=25)
    with pytest.raises(ValueError, match='no frame to write'):
        write_bvh(tmp_path / 'a.bvh', [], num_frames=10, fps=25)
    assert not list(tmp_path.iterdir())
