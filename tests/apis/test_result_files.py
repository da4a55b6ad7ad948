import json
from dataclasses import replace

import numpy as np
import pytest
from lifted_clips import make_clip, make_track, moving_person, two_people

from mmpose_ext.apis.result_files import FORMATS, read_results, write_results
from mmpose_ext.geometry import H36M17, SMPL24
from mmpose_ext.geometry.joint_maps_out import from_h36m17

ARRAYS = (
    *('frames', 'keypoints', 'scores', 'filled', 'boxes'),
    *('poses', 'confidence', 'root'),
)
DATA = ('npz', 'json')


def write(clip, folder, *, formats=DATA, **options):
    return write_results(clip, folder, formats=formats, progress=False, **options)


@pytest.mark.parametrize('with_root', [True, False])
@pytest.mark.parametrize('name', DATA)
def test_round_trip(tmp_path, name, with_root):
    clip = two_people(30, with_root=with_root)
    path = write(clip, tmp_path / 'new' / 'folder')[name]
    read = read_results(path)
    assert path.name == f'street_3d.{name}'
    assert (read.fps, read.image_size) == (clip.fps, clip.image_size)
    assert (read.camera, read.source, read.lifter) == (
        *(clip.camera, clip.source),
        clip.lifter,
    )
    np.testing.assert_allclose(read.times, clip.times, atol=1e-6)
    assert [t.track_id for t in read] == [0, 1, 1]
    tolerance = {'keypoints': 0.006, 'boxes': 0.006, 'scores': 6e-4, 'confidence': 6e-4}
    for own, other in zip(clip, read, strict=True):
        for field in ARRAYS:
            given, found = getattr(own, field), getattr(other, field)
            if given is None:
                assert found is None
                continue
            assert found.dtype == given.dtype, field
            atol = 0 if name == 'npz' else tolerance.get(field, 6e-6)
            np.testing.assert_allclose(found, given, rtol=0, atol=atol, err_msg=field)


def test_json_says_what_it_holds(tmp_path):
    clip = two_people(12)
    content = json.loads(write(clip, tmp_path)['json'].read_text())
    assert content['units']['poses'] == 'metres'
    assert 'x right, y down, z forward' in content['frame']
    assert content['skeleton']['joint_names'] == list(H36M17.joint_names)
    assert content['skeleton']['parents'] == list(H36M17.parents)
    assert content['camera']['source'] == 'field_of_view'
    assert content['fps'] == 25 and len(content['times']) == 12
    track = content['tracks'][0]
    assert track['filled'] == clip.tracks[0].filled.tolist()
    assert np.shape(track['confidence']) == (12, 17)
    assert 'further_skeleton' not in content


def test_further_skeleton(tmp_path):
    clip = two_people(9)
    paths = write(clip, tmp_path, skeleton='smpl24')
    content = json.loads(paths['json'].read_text())
    assert content['further_skeleton']['joint_names'] == list(SMPL24.joint_names)
    expected = from_h36m17(clip.tracks[0].poses, 'smpl24')
    np.testing.assert_allclose(
        content['tracks'][0]['poses_smpl24'], expected, atol=6e-6
    )
    with np.load(paths['npz']) as file:
        np.testing.assert_array_equal(file['track_0_poses_smpl24'], expected)
        assert file['track_0_confidence_smpl24'].shape == (9, 24)
        assert (file['track_ids'] == [0, 1, 1]).all()
    assert read_results(paths['npz']).tracks[0].poses.shape == (9, 17, 3)


def test_parts_do_not_show(tmp_path, monkeypatch):
    clip = two_people(30)
    whole = write(clip, tmp_path / 'a', skeleton='coco17')
    for module in ('result_content', 'result_json'):
        monkeypatch.setattr(f'mmpose_ext.apis.{module}.CHUNK', 4)
    parts = write(clip, tmp_path / 'b', skeleton='coco17')
    assert whole['json'].read_text() == parts['json'].read_text()
    with np.load(whole['npz']) as a, np.load(parts['npz']) as b:
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])


class Watched:
    """An array that gives away 8 frames at most."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        part = self.array[rows]
        assert isinstance(rows, slice) and len(part) <= 8
        return part


def test_tracks_are_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr('mmpose_ext.apis.result_content.CHUNK', 8)
    monkeypatch.setattr('mmpose_ext.apis.bvh.CHUNK', 8)
    monkeypatch.setattr('mmpose_ext.apis.bvh._BONE_SAMPLES', 8)
    track = make_track(moving_person('walk', 20))
    arrays = {name: Watched(getattr(track, name)) for name in ('poses', 'confidence')}
    clip = make_clip([replace(track, **arrays)], 20)
    write(clip, tmp_path, formats=('npz', 'json', 'bvh'), skeleton='smpl24')


@pytest.mark.parametrize('name', DATA)
def test_tracks_without_a_frame_are_left_out(tmp_path, name):
    track = make_track(moving_person('walk', 6))
    empty = {field: getattr(track, field)[:0] for field in ARRAYS}
    clip = make_clip([replace(track, track_id=4, **empty), track], 6)
    read = read_results(write(clip, tmp_path)[name])
    assert [(t.track_id, len(t)) for t in read] == [(0, 6)]


@pytest.mark.parametrize('name', DATA)
def test_unknown_root(tmp_path, name):
    track = make_track(moving_person('walk', 6))
    track.root[2] = np.nan
    read = read_results(write(make_clip([track], 6), tmp_path)[name])
    assert np.isnan(read.tracks[0].root[2]).all()
    assert np.isfinite(np.delete(read.tracks[0].root, 2, axis=0)).all()


def test_all_formats(tmp_path):
    clip = two_people(6)
    paths = write(clip, tmp_path, formats=FORMATS)
    assert tuple(paths) == FORMATS
    assert paths['bvh'].is_dir() and paths['mp4'].stat().st_size > 1000
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f'street_3d{end}' for end in ('.html', '.json', '.mp4', '.npz', '_bvh')
    ]


def test_files_written_before_a_failure_stay(tmp_path):
    (tmp_path / 'broken.mp4').write_text('no video')
    out = tmp_path / 'out'
    with pytest.raises(ValueError, match='cannot be read as a video'):
        write(two_people(6), out, formats=FORMATS, video=tmp_path / 'broken.mp4')
    names = sorted(file.name for file in out.iterdir())
    assert names == ['street_3d.json', 'street_3d.npz', 'street_3d_bvh']


def test_invalid_request(tmp_path):
    clip = two_people(6)
    with pytest.raises(ValueError, match='expected some of'):
        write(clip, tmp_path, formats=('npz', 'fbx'))
    with pytest.raises(ValueError, match='unknown skeleton'):
        write(clip, tmp_path, skeleton='smplx')
    with pytest.raises(ValueError, match='has no people'):
        write(make_clip([], 6), tmp_path)
    with pytest.raises(FileNotFoundError, match='no video'):
        write(clip, tmp_path, video=tmp_path / 'none.mp4')
    assert not list(tmp_path.iterdir())


def test_invalid_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='there is no file'):
        read_results(tmp_path / 'none.json')
    file = tmp_path / 'a.mp4'
    file.write_text('')
    with pytest.raises(ValueError, match='.npz or .json'):
        read_results(file)
    for name, text in {'a.json': '{"keypoints": []}', 'b.json': '[1, 2'}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match='holds no results|cannot be read'):
            read_results(tmp_path / name)
    np.savez(tmp_path / 'c.npz', keypoints=np.zeros(3))
    with pytest.raises(ValueError, match='holds no results'):
        read_results(tmp_path / 'c.npz')
    (tmp_path / 'd.npz').write_bytes(b'PK')
    with pytest.raises(ValueError, match='cannot be read as NPZ'):
        read_results(tmp_path / 'd.npz')


def test_damaged_content(tmp_path):
    path = write(two_people(6), tmp_path)['json']
    content = json.loads(path.read_text())
    for damage, message in (
        ({'version': 99}, 'reads version 1'),
        ({'tracks': [{**content['tracks'][0], 'poses': [[0, 0, 0]]}]}, 'has shape'),
        ({'tracks': [{'track_id': 0, 'frames': [0]}]}, 'missing or wrong'),
        ({'tracks': [{'track_id': 0, 'frames': 'x'}]}, 'a track is broken'),
    ):
        path.write_text(json.dumps({**content, **damage}))
        with pytest.raises(ValueError, match=message):
            read_results(path)
    del content['image_size']
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='image_size'):
        read_results(path)
