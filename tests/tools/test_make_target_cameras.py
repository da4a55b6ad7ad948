"""Cameras of a target domain: what is drawn, and what the committed files hold."""

import json
from pathlib import Path

import make_target_cameras as tool
import mocap_to_store
import numpy as np
import pytest

from mmpose_ext.geometry import h36m_cameras, project_to_pixels

DOMAINS = Path(__file__).parents[2] / 'configs/_base_/datasets/mocap_domains'


@pytest.fixture(scope='module')
def drawn():
    return {shift: tool.draw_cameras(shift, rigs=12, seed=0) for shift in COLUMNS}


# What stands in the set-ups, in the order in which it was drawn.
COLUMNS = {'all': ('wide', 'long'), 'view': None}


def cameras_of(tmp_path, content):
    """(set-up, name, camera as the converter reads it, centre minus aim)."""
    file = tmp_path / 'cameras.json'
    file.write_text(json.dumps(content))
    for rig, views in mocap_to_store.read_cameras(file).items():
        for name, camera in views.items():
            rotation = np.array(camera['extrinsics']['R'])
            centre = -rotation.T @ camera['extrinsics']['t']
            yield rig, name, camera, centre - [0, 0, 1]


def angle_between(first, second):
    """Degrees between directions given in degrees."""
    return abs((np.asarray(first) - second + 180) % 360 - 180)


@pytest.mark.parametrize('shift', list(COLUMNS))
def test_shapes(shift, drawn, tmp_path):
    cameras = list(cameras_of(tmp_path, drawn[shift]))
    assert len(cameras) == 24
    assert len({rig for rig, *_ in cameras}) == 12
    for _, _, camera, away in cameras:
        rotation = np.array(camera['extrinsics']['R'])
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-10)
        assert np.linalg.det(rotation) > 0
        # The aim lies on the optical axis and the image is upright.
        aim = rotation @ [0, 0, 1] + camera['extrinsics']['t']
        np.testing.assert_allclose(aim, [0, 0, np.linalg.norm(away)], atol=1e-8)
        assert rotation[0, 2] == 0 and rotation[1, 2] < 0
        lens = camera['intrinsics']
        above = rotation @ [0, 0, 1.5] + camera['extrinsics']['t']
        assert project_to_pixels(above, lens['f'], lens['c'])[1] < lens['c'][1]


@pytest.mark.parametrize('shift', list(COLUMNS))
def test_pitch_is_spread(shift, drawn, tmp_path):
    pitch = [
        np.degrees(np.arcsin(away[2] / np.linalg.norm(away)))
        for *_, away in cameras_of(tmp_path, drawn[shift])
    ]
    for column in np.reshape(pitch, (12, 2)).T:
        parts = np.floor(np.sort(column) / 2.5)
        np.testing.assert_array_equal(parts, np.arange(12))


def test_values_of_the_whole_shift(drawn, tmp_path):
    human36m, _ = tool.human36m_views()
    focal = np.mean(
        [c['intrinsics']['f'] for c in next(iter(h36m_cameras().values())).values()]
    )
    near = {'wide': 2.0, 'long': 1.4 * focal * 1.6 / (0.8 * 1080)}
    distances = {'wide': [], 'long': []}
    for _, name, camera, away in cameras_of(tmp_path, drawn['all']):
        lens = camera['intrinsics']
        factor = {'wide': 0.75, 'long': 1.4}[name]
        np.testing.assert_allclose(lens['f'], factor * focal, rtol=1e-9)
        assert lens['c'] == [960, 540] and not any(lens['distortion'])
        assert camera['image_size'] == (1920, 1080)
        distances[name].append(np.linalg.norm(away))
        azimuth = np.degrees(np.arctan2(away[1], away[0]))
        assert angle_between(human36m, azimuth).min() <= 10
    for name, found in distances.items():
        parts = (np.sort(found) - near[name]) / (8 - near[name]) * 12
        np.testing.assert_array_equal(np.floor(parts), np.arange(12))


def test_values_of_the_viewpoint_shift(drawn, tmp_path):
    human36m, stands = tool.human36m_views()
    known = next(iter(h36m_cameras().values()))
    low, high = min(stands.values()), max(stands.values())
    assert 4.5 < low < 4.8 and 5.8 < high < 6
    used = []
    for _, name, camera, away in cameras_of(tmp_path, drawn['view']):
        assert camera['intrinsics'] == known[name]['intrinsics']
        assert camera['image_size'] == known[name]['image_size']
        assert low <= np.linalg.norm(away) <= high
        azimuth = np.degrees(np.arctan2(away[1], away[0]))
        assert angle_between(human36m, azimuth).min() > 10
        used.append(name)
    assert {used.count(name) for name in known} == {6}


def test_viewpoints_of_human36m():
    """Two cameras on either side, 43 degrees apart."""
    azimuths, _ = tool.human36m_views()
    np.testing.assert_allclose(azimuths, [-112, -70, 67, 110], atol=1.5)


def test_seed():
    first, again, other = (
        tool.draw_cameras('all', rigs=3, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again and first['extrinsics'] != other['extrinsics']
    assert first['intrinsics'] == other['intrinsics']


@pytest.mark.parametrize(('shift', 'file'), [('all', 'target'), ('view', 'view')])
def test_committed_files(shift, file, drawn):
    """They are never drawn anew: results belong to them."""
    committed = json.loads((DOMAINS / f'{file}_cameras.json').read_text())
    assert committed['note'] == drawn[shift]['note']
    assert committed['note'].endswith(f'--shift {shift} --rigs 12 --seed 0')

    def numbers(part):
        if isinstance(part, dict):
            return [x for key in sorted(part) for x in numbers(part[key])]
        return np.ravel(part).tolist()

    for key in ('intrinsics', 'extrinsics'):
        np.testing.assert_allclose(
            numbers(committed[key]), numbers(drawn[shift][key]), rtol=0, atol=1e-5
        )


def test_tool(tmp_path, capsys):
    out = tmp_path / 'cameras.json'
    arguments = ['--shift', 'view', '--out', str(out), '--rigs', '2']
    tool.main(arguments)
    before = out.read_text()
    assert set(json.loads(before)['extrinsics']) == {'rig_01', 'rig_02'}
    assert '2 set-ups' in capsys.readouterr().out
    with pytest.raises(FileExistsError, match='results belong to the cameras'):
        tool.main([*arguments, '--seed', '1'])
    assert out.read_text() == before
    with pytest.raises(ValueError, match='--rigs must be at least 1, got 0'):
        tool.main(['--shift', 'all', '--out', str(tmp_path / 'b'), '--rigs', '0'])
