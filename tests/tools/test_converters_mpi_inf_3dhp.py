"""MPI-INF-3DHP, from the release and from P-STMO's files, to a store."""

from pathlib import Path

import mpi_inf_3dhp_format as formats
import mpi_inf_3dhp_sources as sources
import mpi_inf_3dhp_to_store as converter
import numpy as np
import public_formats
import pytest

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.mpi_inf_3dhp import TEST_SEQUENCES, VALID_FRAMES
from mmpose_ext.geometry import MPI_INF_3DHP17, project_to_pixels

FEW = pytest.mark.filterwarnings('ignore:.*valid frames.*none of the counts')
pytestmark = FEW
# Where the joints of Human3.6M stand among the 17 of 3DHP.
ORDER = [14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4]


def convert(out, *files, **options):
    flags = [
        str(part) for name, value in options.items() for part in (f'--{name}', value)
    ]
    converter.main([*map(str, files), '--out', str(out), *flags])
    return FrameStore(out, verify=True)


def npz(tmp_path, train=None, test=None):
    """The two files of P-STMO."""
    return [
        formats.write_npz(tmp_path / f'data_{name}_3dhp.npz', data)
        for name, data in (('train', train), ('test', test))
        if data is not None
    ]


def fields(store, name):
    """The fields of one sequence."""
    row = next(row for row in store.sequences if row.name == name)
    rows = slice(row.start, row.start + row.length)
    return row, {field: store[field][rows] for field in store}


@pytest.fixture
def both(tmp_path):
    train = formats.train_data({'S1 Seq1': 24, 'S1 Seq2': 11})
    return npz(tmp_path, train, formats.test_data())


class TestNpz:
    def test_shapes(self, both, tmp_path, capsys):
        store = convert(tmp_path / 'store', *both)
        rows = store.sequences
        assert [(row.name, row.length, row.split) for row in rows] == [
            ('S1_Seq1_Cam0', 24, 'train'),
            ('S1_Seq1_Cam8', 24, 'train'),
            ('S1_Seq2_Cam0', 11, 'train'),
            ('S1_Seq2_Cam8', 11, 'train'),
            ('TS1', 20, 'test'),
            ('TS5', 13, 'test'),
        ]
        assert {
            name: (store[name].shape[1:], str(store[name].dtype)) for name in store
        } == {
            'pose_cam': ((17, 3), 'float32'),
            'pose_image': ((17, 3), 'float32'),
            'factor': ((), 'float32'),
            'valid': ((), 'bool'),
        }
        assert [row.image_size for row in rows] == [(2048, 2048)] * 5 + [(1920, 1080)]
        assert [row.fps for row in rows] == [25, 25, 50, 50, None, None]
        assert [row.subject for row in rows] == ['S1'] * 4 + ['TS1', 'TS5']
        assert [row.camera for row in rows] == ['0', '8', '0', '8', None, None]
        output = capsys.readouterr().out
        assert '13 valid test frames (none of the counts in use)' in output
        assert 'data_test_3dhp.npz: univ_annot3, its poses project' in output
        assert 'TS5 (13 of 320)' in output and 'not given: S2 Seq1' in output
        assert 'research only' in output

    @pytest.mark.parametrize('annotation', ['univ_annot3', 'annot3'])
    def test_values(self, tmp_path, annotation):
        train = formats.train_data(annotation=annotation)
        test = formats.test_data(annotation=annotation)
        store = convert(tmp_path / 'store', *npz(tmp_path, train, test))
        assert store.header['annotation'] == annotation
        cases = {
            'S1_Seq1_Cam8': train['S1 Seq1'][0]['8'],
            'TS5': test['TS5'],
        }
        for name, source in cases.items():
            row, found = fields(store, name)
            pose = source['data_3d'][:, ORDER] / 1000
            np.testing.assert_allclose(found['pose_cam'], pose, rtol=1e-6)
            image = found['pose_image'].astype(float)
            np.testing.assert_allclose(
                image[..., :2], source['data_2d'][:, ORDER], rtol=1e-6
            )
            root_depth = pose[:, 0, 2]
            fx = row.intrinsics['f'][0]
            # The rule of the 2.5D labels: a box of 2 m, its width in whole pixels.
            factor = 2 / (2 * fx / root_depth + 1)
            np.testing.assert_allclose(found['factor'], factor, rtol=1e-5)
            relative = pose[..., 2] - root_depth[:, None]
            np.testing.assert_allclose(
                image[..., 2] * factor[:, None], relative, atol=1e-5
            )
            valid = source.get('valid', np.ones(len(pose)))
            np.testing.assert_array_equal(found['valid'], valid == 1)

    def test_header(self, both, tmp_path):
        header = convert(tmp_path / 'store', *both).header
        assert header['joint_set'] == 'h36m17' and header['unit'] == 'm'
        assert header['joint_map']['neck_base'] == 'head'
        assert header['joint_map']['head'] == 'head_top'
        names = [MPI_INF_3DHP17.joint_names[j] for j in ORDER]
        assert list(header['joint_map'].values()) == names
        assert header['valid_frames'] == {
            'count': 13,
            'known_as': None,
            'sequences': {'TS1': 8, 'TS5': 5},
        }
        assert set(header['source_files']) == {file.name for file in both}
        assert 'project' in header['annotation_evidence'][0]

    def test_cameras_project_annot3_onto_the_keypoints(self, tmp_path):
        data = formats.test_data(annotation='annot3')
        store = convert(tmp_path / 'store', *npz(tmp_path, test=data))
        for name in ('TS1', 'TS5'):
            row, found = fields(store, name)
            pixels = project_to_pixels(
                found['pose_cam'].astype(float),
                row.intrinsics['f'],
                row.intrinsics['c'],
            )
            assert np.abs(pixels - found['pose_image'][..., :2]).max() < 0.01

    def test_pickled_on_python_2_layouts_are_not_executed(self, tmp_path):
        trap = tmp_path / 'trap'
        bad = public_formats.Malicious(f'touch {trap}')
        with pytest.raises(ValueError, match='system'):
            convert(tmp_path / 'store', *npz(tmp_path, test={'TS1': bad}))
        assert not trap.exists() and not (tmp_path / 'store').exists()

    @pytest.mark.parametrize('number', [2929, 2875])
    def test_known_counts_of_valid_frames(self, tmp_path, number, recwarn, capsys):
        counts = next(c for c in VALID_FRAMES.values() if sum(c.values()) == number)
        data = {}
        for name, frames in TEST_SEQUENCES.items():
            camera = 'TS5' if name in ('TS5', 'TS6') else 'TS1'
            pose = np.repeat(formats.poses(1), frames, axis=0)
            data[name] = {
                'data_2d': formats.project(pose, camera).astype('f4'),
                'data_3d': formats.universal(pose).astype('f4'),
                'valid': np.arange(frames) < counts[name],
            }
        file = tmp_path / 'data_test_3dhp.npz'
        np.savez(file, data=data)
        store = convert(tmp_path / 'store', file)
        assert len(store) == 24_888 and int(store['valid'][:].sum()) == number
        known = store.header['valid_frames']
        assert known['count'] == number and known['known_as'].startswith(
            f'{number:,}: '
        )
        assert not [w for w in recwarn if 'valid frames' in str(w.message)]
        assert f'{number:,} valid test frames ({number:,}: ' in capsys.readouterr().out

    @pytest.mark.filterwarnings('default')
    def test_another_count_warns(self, tmp_path):
        file = npz(tmp_path, test=formats.test_data())[0]
        with pytest.warns(UserWarning, match=r"13 valid frames .*'TS5': 5.*2,929"):
            convert(tmp_path / 'store', file)

    def test_invalid_frames_may_hold_anything_finite(self, tmp_path):
        data = formats.test_data()
        broken = data['TS5']
        frame = int(np.argmin(broken['valid']))
        broken['data_3d'][frame] = broken['data_2d'][frame, 0, 0] = 0
        store = convert(tmp_path / 'store', *npz(tmp_path, test=data))
        _, found = fields(store, 'TS5')
        assert all(np.isfinite(values).all() for values in found.values())
        assert (
            found['factor'][frame] == 0 and not found['pose_image'][frame, :, 2].any()
        )


class TestAnnotation:
    @pytest.mark.parametrize('held', ['univ_annot3', 'annot3'])
    def test_contradiction(self, tmp_path, held):
        files = npz(tmp_path, test=formats.test_data(annotation=held))
        other = 'annot3' if held == 'univ_annot3' else 'univ_annot3'
        message = f'holds {held}, not {other}: its poses project .* px'
        with pytest.raises(ValueError, match=message):
            convert(tmp_path / 'store', *files, annotation=other)
        store = convert(tmp_path / 'store', *files, annotation=held)
        assert store.header['annotation'] == held

    def test_two_are_never_mixed(self, tmp_path):
        files = npz(
            tmp_path, formats.train_data(), formats.test_data(annotation='annot3')
        )
        message = 'one annotation.*data_train_3dhp.npz: univ_annot3.*test.*: annot3'
        with pytest.raises(ValueError, match=message):
            convert(tmp_path / 'store', *files)
        release = tmp_path / 'release'
        formats.write_test_mat(release / 'TS1', 'TS1')
        with pytest.raises(ValueError, match='one annotation'):
            convert(
                tmp_path / 'store',
                release,
                *npz(tmp_path, formats.train_data(annotation='annot3')),
            )
        assert not (tmp_path / 'store').exists()

    def test_unknown_cameras_cannot_tell(self, tmp_path):
        data = formats.test_data({'TS1': 20})
        data['TS1']['data_2d'] += 40
        files = npz(tmp_path, test=data)
        with pytest.raises(ValueError, match='cannot tell.*0 of 1 views.*say --annot'):
            convert(tmp_path / 'store', *files)
        with pytest.warns(
            UserWarning, match='annot3 as --annotation says; not confirm'
        ):
            store = convert(tmp_path / 'store', *files, annotation='annot3')
        assert 'not confirmed' in store.header['annotation_evidence'][0]

    def test_close_to_universal_is_not_guessed(self, tmp_path, monkeypatch):
        monkeypatch.setattr(formats, 'UNIVERSAL_SCALE', 0.991)
        files = npz(tmp_path, test=formats.test_data())
        with pytest.raises(ValueError, match='cannot tell.* 1[.]'):
            convert(tmp_path / 'store', *files)


class TestRelease:
    @pytest.fixture
    def release(self, tmp_path):
        folder = tmp_path / 'release'
        self.train = formats.write_train_mat(folder / 'S1' / 'Seq1')
        self.test = formats.write_test_mat(folder / 'test' / 'TS5', 'TS5')
        return folder

    @pytest.mark.parametrize('annotation', [None, 'annot3'])
    def test_values(self, release, tmp_path, annotation, capsys):
        options = {'annotation': annotation} if annotation else {}
        store = convert(tmp_path / 'store', release, **options)
        assert store.header['annotation'] == (annotation or 'univ_annot3')
        assert 'by its name in the release' in capsys.readouterr().out
        for name, pose, lens in (
            ('S1_Seq1_Cam0', self.train, '0'),
            ('TS5', self.test, 'TS5'),
        ):
            row, found = fields(store, name)
            expected = formats.annotated(pose, annotation or 'univ_annot3')[:, ORDER]
            np.testing.assert_allclose(found['pose_cam'], expected / 1000, rtol=1e-6)
            pixels = formats.project(pose, lens)[:, ORDER]
            np.testing.assert_allclose(found['pose_image'][..., :2], pixels, rtol=1e-6)
            fx, fy, cx, cy = formats.CAMERAS[lens]
            assert row.intrinsics['f'] == pytest.approx([fx, fy], rel=1e-5)
            assert row.intrinsics['c'] == pytest.approx([cx, cy], rel=1e-5)
        _, found = fields(store, 'TS5')
        np.testing.assert_array_equal(found['valid'], formats.valid_flags(15) == 1)

    def test_sequences(self, release, tmp_path):
        rows = convert(tmp_path / 'store', release).sequences
        assert [row.name for row in rows] == [
            *(f'S1_Seq1_Cam{camera}' for camera in (0, 1, 2, 4, 5, 6, 7, 8)),
            'TS5',
        ]
        assert {row.fps for row in rows} == {25.0, None}
        assert rows[-1].image_size == (1920, 1080)

    def test_activities(self, release, tmp_path):
        store = convert(tmp_path / 'store', release)
        row, found = fields(store, 'TS5')
        assert found['activity'].tolist() == [1] * 6 + [2] * 6 + [3] * 3
        assert row.extra['activities'] == ['Standing/Walking', 'Exercise', 'Sitting']
        assert row.action is None
        assert store.header['activities'][2] == 'Exercise'
        assert not fields(store, 'S1_Seq1_Cam0')[1]['activity'].any()

    def test_the_calibration_beside_the_annotation_counts(self, release, tmp_path):
        file = release / 'S1' / 'Seq1' / 'camera.calibration'
        text = file.read_text()
        file.write_text(text.replace('intrinsic   1497.693', 'intrinsic   1400.5', 1))
        row = convert(tmp_path / 'store', release).sequences[0]
        assert row.intrinsics['f'] == [1400.5, 1497.103]
        file.unlink()
        row = convert(tmp_path / 'other', release).sequences[0]
        assert row.intrinsics['f'] == [1497.693, 1497.103]
        file.write_text(text.replace(' 1497.693 0', ' 1497.693', 1))
        with pytest.raises(ValueError, match='camera.calibration: camera 0 lacks'):
            convert(tmp_path / 'third', release)

    def test_frames_without_images_are_left_out(self, release, tmp_path, monkeypatch):
        monkeypatch.setitem(sources.TRAIN_SEQUENCES, 'S1 Seq1', (10, 25))
        row = convert(tmp_path / 'store', release).sequences[0]
        assert row.length == 10

    @pytest.mark.parametrize(
        ('old', 'new', 'message'),
        [
            ('S1/Seq1', 'S9/Seq1', r"\['S9 Seq1'\], which MPI-INF-3DHP does not have"),
            ('S1/Seq1', 'S1/Seq3', r"\['S1 Seq3'\].*known: S1 Seq1, S1 Seq2"),
            ('test/TS5', 'test/TS7', r"\['TS7'\].*known: TS1, TS2"),
        ],
    )
    def test_invalid_names(self, release, tmp_path, old, new, message):
        (release / new).parent.mkdir(exist_ok=True)
        (release / old).rename(release / new)
        with pytest.raises(ValueError, match=message):
            convert(tmp_path / 'store', release)

    def test_invalid_files(self, release, tmp_path):
        file = release / 'test' / 'TS5' / 'annot_data.mat'
        good = file.read_bytes()
        file.write_bytes(good[:700])
        with pytest.raises(ValueError, match='annot_data.mat is damaged or not HDF5'):
            convert(tmp_path / 'store', release)
        file.write_bytes(good)
        file = release / 'S1' / 'Seq1' / 'annot.mat'
        file.write_bytes(file.read_bytes()[:1000])
        with pytest.raises(ValueError, match='annot.mat is damaged or not a MATLAB 5'):
            convert(tmp_path / 'store', release)
        file.write_bytes(good)
        with pytest.raises(ValueError, match='annot.mat is damaged or not a MATLAB 5'):
            convert(tmp_path / 'store', release)

    def test_invalid_number_of_cameras(self, tmp_path):
        formats.write_train_mat(tmp_path / 'release' / 'S1' / 'Seq1', cameras=5)
        with pytest.raises(ValueError, match='camera 5 is missing; the file has 5'):
            convert(tmp_path / 'store', tmp_path / 'release')

    def test_empty_folder(self, tmp_path):
        (tmp_path / 'release').mkdir()
        with pytest.raises(FileNotFoundError, match='no sequence.*S1/Seq1/annot.mat'):
            convert(tmp_path / 'store', tmp_path / 'release')

    def test_a_sequence_twice(self, release, tmp_path):
        files = npz(tmp_path, test=formats.test_data())
        with pytest.raises(ValueError, match='TS5 is in .*; give each sequence once'):
            convert(tmp_path / 'store', release, *files)


def spoil(key, change):
    """`TS5` with one array changed."""
    data = formats.test_data()
    data['TS5'][key] = change(data['TS5'][key])
    return data


def with_nan(array):
    array = array.copy()
    array[4, 2] = np.nan
    return array


class TestInvalid:
    @pytest.mark.parametrize(
        ('data', 'message'),
        [
            ({'TS9': {}}, r"\['TS9'\].*does not have"),
            ({'S1Seq1': []}, r"\['S1Seq1'\].*known: S1 Seq1"),
            ({}, 'expected a dict saved as data'),
            ([1], 'expected a dict saved as data'),
            ({'TS5': {'data_2d': 1, 'data_3d': 1}}, "TS5 has no 'valid'"),
            ({'TS5': {'valid': 1}}, "TS5 must be a dict with 'data_2d'"),
            ({'S1 Seq1': {}}, 'S1 Seq1 must be a pair of cameras and frames'),
            (formats.train_data(cameras=()), None),
            (spoil('data_2d', lambda x: x[:, :16]), r'TS5: 2D .* \(13, 16, 2\).*17, 2'),
            (spoil('data_3d', lambda x: x[..., :2]), r'TS5: 3D .* \(13, 17, 2\)'),
            (spoil('data_3d', lambda x: x[:-1]), 'TS5 has 13 frames .*, 12 of poses'),
            (spoil('valid', lambda x: x[:-1]), '12 flags of valid frames'),
            (spoil('valid', lambda x: x + 1), 'must be 0 or 1'),
            (
                spoil('data_3d', with_nan),
                'TS5: 3D poses hold NaN or infinity in frame 4',
            ),
            (spoil('data_2d', with_nan), 'TS5: 2D keypoints hold NaN'),
            (spoil('data_3d', lambda x: x / 1000), 'depth of 3.*millimetres'),
            (spoil('data_3d', lambda x: x - x[:, 14:15]), 'not root-relative'),
        ],
    )
    def test_npz(self, tmp_path, data, message):
        if message is None:
            message = 'S1 Seq1 has no camera'
        with pytest.raises(ValueError, match=message):
            convert(tmp_path / 'store', *npz(tmp_path, test=data))
        assert not (tmp_path / 'store').exists()

    def test_sequences_without_frames(self, tmp_path):
        data = formats.test_data()
        data['TS5'] = {key: value[:0] for key, value in data['TS5'].items()}
        with pytest.raises(ValueError, match=r'TS5: 2D .*\(0, 17, 2\).*at least one'):
            convert(tmp_path / 'store', *npz(tmp_path, test=data))

    def test_camera(self, tmp_path):
        data = formats.train_data()
        data['S1 Seq1'][0]['3'] = data['S1 Seq1'][0].pop('8')
        with pytest.raises(ValueError, match='S1 Seq1 camera 3 is none of 0, 1, 2, 4'):
            convert(tmp_path / 'store', *npz(tmp_path, data))

    def test_behind_the_camera(self, tmp_path):
        data = formats.test_data()
        data['TS5']['data_3d'][0] *= -1
        with pytest.raises(ValueError, match='behind the camera in the valid frame 0'):
            convert(tmp_path / 'store', *npz(tmp_path, test=data))

    def test_destination_and_source(self, both, tmp_path):
        convert(tmp_path / 'store', *both)
        with pytest.raises(FileExistsError, match='--overwrite'):
            convert(tmp_path / 'store', *both)
        with pytest.raises(FileNotFoundError, match='nothing.npz'):
            convert(tmp_path / 'other', tmp_path / 'nothing.npz')
        with pytest.raises(ValueError, match='not an .npz file'):
            convert(tmp_path / 'other', Path(__file__))


def test_help(capsys):
    with pytest.raises(SystemExit):
        converter.main(['--help'])
    output = capsys.readouterr().out
    assert 'data_train_3dhp.npz' in output and '--annotation annot3 --out' in output


def test_without_h5py(tmp_path, monkeypatch):
    formats.write_test_mat(tmp_path / 'release' / 'TS5', 'TS5')
    monkeypatch.setitem(__import__('sys').modules, 'h5py', None)
    with pytest.raises(ValueError, match='needs h5py: pip install h5py'):
        convert(tmp_path / 'store', tmp_path / 'release')
