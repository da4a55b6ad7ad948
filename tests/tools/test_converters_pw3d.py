"""The sequence files of 3DPW to a store, with and without SMPL files."""

import json
from pathlib import Path

import numpy as np
import public_formats
import pw3d_format as formats
import pw3d_to_store as converter
import pytest
from pw3d_sources import REQUIRED

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.geometry import H36M17

REPO = Path(__file__).parents[2]
NAMES = H36M17.joint_names
FOURTEEN = [1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 13, 14, 15, 16]


def write(tmp_path, data, split='test'):
    return formats.write_sequence(tmp_path / '3DPW', split, data)


def convert(tmp_path, *options):
    out = tmp_path / 'out' / 'store'
    out.parent.mkdir(exist_ok=True)
    converter.main([str(tmp_path / '3DPW'), '--out', str(out), *map(str, options)])
    return FrameStore(out, verify=True)


def convert_with_smpl(tmp_path, *options):
    folder = formats.write_smpl(tmp_path / 'smpl')
    return convert(tmp_path, '--smpl-dir', folder, *options)


def assert_refused(tmp_path, message, *options, error=ValueError):
    with pytest.raises(error, match=message):
        convert(tmp_path, *options)
    assert list((tmp_path / 'out').iterdir()) == []


def to_camera(world, cameras):
    """World to camera by homogeneous coordinates, frame by frame."""
    homogeneous = np.concatenate([world, np.ones((*world.shape[:2], 1))], axis=-1)
    return np.einsum('fij,fkj->fki', cameras, homogeneous)[..., :3]


class TestShapes:
    def test_people_and_splits(self, tmp_path, capsys):
        data, _ = formats.sequence('downtown_arguing_00', genders='mf', frames=12)
        write(tmp_path, data)
        data, _ = formats.sequence('courtyard_box_00', frames=9, layout='landscape')
        write(tmp_path, data, 'train')
        store = convert(tmp_path)
        rows = store.sequences
        assert [(r.name, r.split, r.length) for r in rows] == [
            ('courtyard_box_00_0', 'train', 9),
            ('downtown_arguing_00_0', 'test', 12),
            ('downtown_arguing_00_1', 'test', 12),
        ]
        assert [r.action for r in rows] == ['courtyard_box', *['downtown_arguing'] * 2]
        assert [r.image_size for r in rows] == [(1920, 1080), *[(1080, 1920)] * 2]
        assert [r.extra for r in rows[1:]] == [
            {'person': 0, 'gender': 'm'},
            {'person': 1, 'gender': 'f'},
        ]
        assert rows[1].intrinsics == {'f': list(formats.FOCAL), 'c': [540, 960]}
        assert store.header['fps'] == 30
        assert store['valid'].dtype == bool
        assert 'no files for the splits: validation' in capsys.readouterr().out

    def test_fields(self, tmp_path):
        write(tmp_path, formats.sequence()[0])
        fields = {'pose_cam', 'pose_image', 'factor', 'keypoints_det', 'scores_det'}
        assert set(convert(tmp_path)) == fields | {'valid', 'joint_valid'}
        with_smpl = convert_with_smpl(tmp_path, '--overwrite')
        assert set(with_smpl) == fields | {'valid'}

    def test_square(self, tmp_path):
        """MotionBERT normalises by 1920, whichever way the image is turned."""
        write(tmp_path, formats.sequence()[0])
        plain, square = convert(tmp_path), convert(tmp_path, '--square', '--overwrite')
        assert square.sequences[0].image_size == (1920, 1920)
        for name in square:
            np.testing.assert_array_equal(square[name], plain[name])


class TestWithSmpl:
    @pytest.mark.parametrize('layout', ['portrait', 'landscape'])
    def test_values(self, tmp_path, layout, capsys):
        data, truth = formats.sequence(genders='fm', layout=layout)
        write(tmp_path, data)
        store = convert_with_smpl(tmp_path)
        for row, world in zip(store.sequences, truth, strict=True):
            frames = slice(row.start, row.start + row.length)
            camera = to_camera(world, data['cam_poses'])
            np.testing.assert_allclose(store['pose_cam'][frames], camera, atol=1e-6)
            for frame in range(row.length):
                pixels = formats.project(
                    world[frame], data['cam_poses'][frame], data['cam_intrinsics']
                )
                seen = store['pose_image'][row.start + frame, :, :2]
                np.testing.assert_allclose(seen, pixels, atol=1e-3)
            depth = camera[..., 2] - camera[:, :1, 2]
            factor = 1 / (formats.FOCAL[0] / camera[:, :1, 2] + 0.5)
            np.testing.assert_allclose(store['factor'][frames], factor[:, 0], rtol=1e-5)
            np.testing.assert_allclose(
                store['pose_image'][frames][..., 2] * factor, depth, atol=1e-5
            )
        assert store['valid'][:].all()
        assert store.header['annotation'] == '14 joints: SMPL mesh, Human3.6M regressor'
        output = capsys.readouterr().out
        assert 'ground truth: 14 joints' in output
        assert "SMPL's own joints: 0.0 mm from jointPositions" in output

    def test_swapped_models_show(self, tmp_path, capsys):
        write(tmp_path, formats.sequence()[0])
        folder = formats.write_smpl(tmp_path / 'smpl')
        larger = formats.smpl_arrays()
        larger['v_template'] = larger['v_template'] * 1.2
        formats.write_smpl_pickle(folder / 'SMPL_MALE.pkl', larger)
        convert(tmp_path, '--smpl-dir', folder)
        line = capsys.readouterr().out.partition("SMPL's own joints: ")[2]
        assert float(line.split()[0]) > 50

    def test_regressor_option(self, tmp_path):
        write(tmp_path, formats.sequence()[0])
        folder = formats.write_smpl(tmp_path / 'smpl')
        elsewhere = tmp_path / 'elsewhere.npy'
        (folder / 'J_regressor_h36m.npy').rename(elsewhere)
        message = r'smpl has no J_regressor_h36m.npy; .*SPIN'
        (tmp_path / 'out').mkdir()
        assert_refused(tmp_path, message, '--smpl-dir', folder, error=FileNotFoundError)
        assert_refused(tmp_path, 'needs --smpl-dir', '--regressor', elsewhere)
        convert(tmp_path, '--smpl-dir', folder, '--regressor', elsewhere)

    def test_missing_gender(self, tmp_path):
        write(tmp_path, formats.sequence(genders='mf')[0])
        folder = formats.write_smpl(tmp_path / 'smpl')
        next(folder.glob('basicmodel_f_*')).unlink()
        (tmp_path / 'out').mkdir()
        message = r'no female SMPL model; .*SMPL_FEMALE.pkl.*smpl.is.tue.mpg.de'
        assert_refused(tmp_path, message, '--smpl-dir', folder, error=FileNotFoundError)


class TestWithoutSmpl:
    def test_values(self, tmp_path):
        data, truth = formats.sequence()
        write(tmp_path, data)
        store = convert(tmp_path)
        camera = to_camera(truth[0], data['cam_poses'])
        # 13 of the 14 joints are the same points of the fixture's body.
        same = [j for j in FOURTEEN if NAMES[j] != 'head']
        np.testing.assert_allclose(
            store['pose_cam'][:, same], camera[:, same], atol=1e-6
        )
        own = data['jointPositions'][0].reshape(-1, 24, 3)
        own = to_camera(own, data['cam_poses'])
        for name, joint in (
            ('root', 0),
            ('spine', 6),
            ('thorax', 12),
            ('neck_base', 15),
        ):
            np.testing.assert_allclose(
                store['pose_cam'][:, NAMES.index(name)], own[:, joint], atol=1e-6
            )
        expected = np.ones((12, 17), dtype=np.float32)
        expected[:, NAMES.index('head')] = 0
        np.testing.assert_array_equal(store['joint_valid'], expected)

    def test_says_so(self, tmp_path, capsys):
        write(tmp_path, formats.sequence()[0])
        store = convert(tmp_path)
        assert store.header['annotation'] == 'smpl24 joints, not the 14-joint protocol'
        assert store.header['joint_map']['thorax'] == 'neck'
        assert store.header['joint_map']['right_foot'] == 'right_ankle'
        assert list(store.header['joint_map']) == list(NAMES)
        output = capsys.readouterr().out
        assert 'ground truth: smpl24 joints, not the 14-joint protocol' in output
        for needed in ('SMPL_FEMALE.pkl', 'smpl.is.tue.mpg.de', 'J_regressor_h36m.npy'):
            assert needed in output


class TestDetections:
    def test_values(self, tmp_path):
        data, _ = formats.sequence()
        found = data['poses2d'][0].transpose(0, 2, 1)  # (F, 18, 3)
        write(tmp_path, data)
        store = convert(tmp_path)
        hips, neck, eyes = found[:, [8, 11]], found[:, 1], found[:, [14, 15]]
        middle = hips[..., :2].mean(axis=1)
        expected = {
            'root': (middle, hips[..., 2].min(axis=1)),
            'thorax': (neck[:, :2], neck[:, 2]),
            'spine': (
                (middle + neck[:, :2]) / 2,
                np.minimum(hips[..., 2].min(axis=1), neck[:, 2]),
            ),
            'neck_base': (found[:, 0, :2], found[:, 0, 2]),
            'head': (eyes[..., :2].mean(axis=1), eyes[..., 2].min(axis=1)),
        }
        rows = dict(right_hip=8, right_knee=9, right_foot=10, left_hip=11, left_knee=12)
        rows |= dict(left_foot=13, left_shoulder=5, left_elbow=6, left_wrist=7)
        rows |= dict(right_shoulder=2, right_elbow=3, right_wrist=4)
        expected |= {
            name: (found[:, i, :2], found[:, i, 2]) for name, i in rows.items()
        }
        assert set(expected) == set(NAMES)
        for name, (pixels, score) in expected.items():
            joint = NAMES.index(name)
            np.testing.assert_allclose(
                store['keypoints_det'][:, joint], pixels, rtol=1e-6
            )
            np.testing.assert_allclose(store['scores_det'][:, joint], score, rtol=1e-6)

    def test_near_the_truth(self, tmp_path):
        write(tmp_path, formats.sequence(noise=1.0)[0])
        store = convert_with_smpl(tmp_path)
        gap = store['keypoints_det'] - store['pose_image'][..., :2]
        gap = np.linalg.norm(gap, axis=-1).mean(axis=0)
        composed = [NAMES.index(name) for name in ('head', 'thorax', 'spine', 'root')]
        assert np.delete(gap, composed).max() < 3
        assert gap[composed].max() < 100

    def test_missing_parts(self, tmp_path, capsys):
        data, _ = formats.sequence()
        data['poses2d'][0][3, :, 8] = 0  # the right hip
        data['poses2d'][0][4] = 0  # nothing at all
        write(tmp_path, data)
        store = convert(tmp_path)
        gone = ['root', 'right_hip', 'spine']
        zero = store['scores_det'][3] == 0
        assert [name for name, z in zip(NAMES, zero, strict=True) if z] == gone
        assert not store['keypoints_det'][3][zero].any()
        assert not store['keypoints_det'][4].any() and not store['scores_det'][4].any()
        assert store['valid'][:].all()
        assert '1 of them without any detection' in capsys.readouterr().out


class TestValid:
    def test_follows_the_file(self, tmp_path, capsys):
        data, _ = formats.sequence(genders='mf')
        data['campose_valid'][0][2:5] = 0
        write(tmp_path, data)
        store = convert(tmp_path)
        expected = np.ones(24, dtype=bool)
        expected[2:5] = False
        np.testing.assert_array_equal(store['valid'], expected)
        assert 'valid frames: test 21' in capsys.readouterr().out

    @pytest.mark.parametrize('aligned', [0, 1])
    def test_behind_the_camera(self, tmp_path, aligned, capsys):
        data, _ = formats.sequence()
        data['campose_valid'][0][5] = aligned
        data['cam_poses'][5, 2, 3] -= 8.0
        write(tmp_path, data)
        store = convert(tmp_path)
        np.testing.assert_array_equal(np.flatnonzero(~store['valid'][:]), [5])
        assert not store['pose_image'][5].any() and store['factor'][5] == 0
        assert np.isfinite(store['pose_image']).all()
        assert f'{aligned} more left out' in capsys.readouterr().out

    def test_lost_camera(self, tmp_path):
        """A projection far outside stays only where the file vouches for it."""
        data, _ = formats.sequence()
        data['campose_valid'][0][5] = 0
        data['cam_poses'][4:7, 0, 3] += 10.0
        write(tmp_path, data)
        store = convert(tmp_path)
        assert not store['pose_image'][5].any()
        for frame in (4, 6):
            assert store['valid'][frame]
            assert store['pose_image'][frame, 0, 0] > 3 * 1080


def test_in_runner(tmp_path):
    """The data set takes the store, and the metric repeats what it says of itself."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner

    for seed, split in enumerate(('train', 'test')):
        data, _ = formats.sequence(f'outdoors_golf_0{seed}', seed=seed, frames=20)
        data['campose_valid'][0][3] = 0
        write(tmp_path, data, split)
    convert(tmp_path, '--square')
    init_default_scope('mmpose')
    cfg = Config.fromfile(str(REPO / 'tests/fixtures/tiny_lifting.py'))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.update(store=str(tmp_path / 'out' / 'store'), keypoints_2d='det')
    outfile = tmp_path / 'scores.json'
    joints = [NAMES[j] for j in FOURTEEN]
    cfg.val_evaluator = dict(
        type='PoseLiftingMetric', joints=joints, outfile=str(outfile)
    )
    cfg.test_evaluator = cfg.val_evaluator
    cfg.work_dir = str(tmp_path / 'work')
    cfg.train_cfg.max_epochs = 1
    Runner.from_cfg(cfg).train()
    scores = json.loads(outfile.read_text())
    assert np.isfinite(scores['metrics']['MPJPE'])
    assert scores['num_frames'] == 19
    assert 'smpl24 joints, not the 14-joint protocol' in outfile.read_text()


class TestInvalid:
    @pytest.fixture(autouse=True)
    def out(self, tmp_path):
        (tmp_path / 'out').mkdir()

    def test_nothing_there(self, tmp_path):
        (tmp_path / '3DPW').mkdir()
        assert_refused(tmp_path, 'sequenceFiles.zip', error=FileNotFoundError)

    @pytest.mark.parametrize('key', REQUIRED)
    def test_missing_key(self, tmp_path, key):
        data, _ = formats.sequence()
        file = write(tmp_path, data)
        del data[key]
        public_formats.write_pickle(file, data, python2=True)
        assert_refused(tmp_path, rf"00.pkl has no \['{key}'\]; it holds")

    def test_gender_by_its_other_name(self, tmp_path):
        data, _ = formats.sequence(genders='f')
        data['gender'] = data.pop('genders')
        write(tmp_path, data)
        assert convert(tmp_path).sequences[0].extra['gender'] == 'f'

    @pytest.mark.parametrize(
        ('key', 'change', 'message'),
        [
            ('poses', lambda a: a[:, :66], r'poses of person 0 has shape \(12, 66\)'),
            ('trans', lambda a: a[1:], r'trans of person 0 .* expected \(12, 3\)'),
            ('poses2d', lambda a: a[:, :, :17], r'expected \(12, 3, 18\)'),
            ('campose_valid', lambda a: a[:5], r'campose_valid .* \(5,\)'),
            ('jointPositions', lambda a: a * np.nan, 'jointPositions .* NaN'),
            ('betas', lambda a: a[:0], 'betas of person 0 has shape'),
            ('trans', lambda a: ['x'] * 12, 'trans .* not an array of numbers'),
        ],
    )
    def test_arrays_of_a_person(self, tmp_path, key, change, message):
        data, _ = formats.sequence()
        data[key] = [change(data[key][0])]
        write(tmp_path, data)
        assert_refused(tmp_path, message)

    @pytest.mark.parametrize('key', ['betas', 'poses2d', 'genders'])
    def test_fewer_entries_than_people(self, tmp_path, key):
        data, _ = formats.sequence(genders='mf')
        data[key] = data[key][:1]
        write(tmp_path, data)
        assert_refused(tmp_path, f'{key} must have one entry for each of 2 people')

    def test_gender(self, tmp_path):
        write(tmp_path, formats.sequence(genders='x')[0])
        assert_refused(tmp_path, "gender 'x', expected")

    def test_principal_point(self, tmp_path):
        data, _ = formats.sequence()
        data['cam_intrinsics'][:2, 2] = [320, 240]
        write(tmp_path, data)
        assert_refused(tmp_path, r'principal point \[320.0, 240.0\]')

    def test_inverted_cameras(self, tmp_path):
        data, _ = formats.sequence()
        data['poses2d'][0][:, :2] += 400
        write(tmp_path, data)
        assert_refused(tmp_path, 'px from the projected 3D poses')

    def test_not_a_dict(self, tmp_path):
        file = write(tmp_path, formats.sequence()[0])
        public_formats.write_pickle(file, [1, 2], python2=True)
        assert_refused(tmp_path, 'holds a list, not a dict')

    def test_malicious(self, tmp_path):
        trap = tmp_path / 'trap'
        data, _ = formats.sequence()
        data['texture_maps'] = public_formats.Malicious(f'touch {trap}')
        write(tmp_path, data)
        assert_refused(tmp_path, r'(posix|nt|os)\.system')
        assert not trap.exists()

    def test_chumpy_has_no_place_here(self, tmp_path):
        data, _ = formats.sequence()
        file = write(tmp_path, data)
        with file.open('wb') as stream:
            value = formats.constant(np.eye(2))
            formats.ObjectPickler(stream, protocol=2).dump({**data, 'betas': value})
        assert_refused(tmp_path, r'chumpy\.ch\.Ch')

    def test_store_is_there(self, tmp_path):
        write(tmp_path, formats.sequence()[0])
        convert(tmp_path)
        with pytest.raises(FileExistsError, match='--overwrite'):
            convert(tmp_path)
