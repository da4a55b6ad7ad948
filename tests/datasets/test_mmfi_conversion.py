"""From the tree of MM-Fi to a store: values, partial trees, damage, interruptions."""

import multiprocessing
import shutil
import signal
import time

import mmfi_format
import numpy as np
import pytest

from mmpose_ext.datasets import mmfi_conversion, mmfi_sequence
from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.mmfi_conversion import convert_tree
from mmpose_ext.datasets.mmfi_report import report_lines

FRAMES = 4


@pytest.fixture
def tree(tmp_path):
    """A tree of three people and two actions, fresh for each test."""
    root = tmp_path / 'MMFi'
    return root, mmfi_format.write_tree(root, frames=FRAMES)


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    root = tmp_path_factory.mktemp('mmfi')
    contents = mmfi_format.write_tree(root / 'tree', frames=FRAMES)
    report = convert_tree(root / 'tree', root / 'store')
    return FrameStore(root / 'store', verify=True), contents, report


def small(tmp_path, frames=3, **options):
    """One sequence, S01 A02."""
    root = tmp_path / 'small'
    content = mmfi_format.make_sequence(frames)
    mmfi_format.write_sequence(root, 'S01', 'A02', content, **options)
    return root, content


def file_of(root, modality, number):
    return mmfi_format.frame_file(root, 'S01', 'A02', modality, number)


class TestStore:
    def test_shapes(self, converted):
        store, contents, _ = converted
        assert [(r.name, r.subject, r.action, r.length) for r in store.sequences] == [
            ('E01_S01_A02', 'S01', 'A02', 4),
            ('E01_S01_A18', 'S01', 'A18', 5),
            ('E01_S02_A02', 'S02', 'A02', 4),
            ('E01_S02_A18', 'S02', 'A18', 5),
            ('E02_S11_A02', 'S11', 'A02', 4),
            ('E02_S11_A18', 'S11', 'A18', 5),
        ]
        assert store.sequences[4].extra == {'environment': 'E02'}
        assert store.sequences[4].image_size == (640, 480)
        rows = {name: (store[name].shape[1:], str(store[name].dtype)) for name in store}
        assert rows == {
            'pose_cam': ((17, 3), 'float32'),
            'keypoints_rgb': ((17, 2), 'float32'),
            'lidar': ((3,), 'float32'),
            'mmwave': ((5,), 'float32'),
            'csi_amplitude': ((3, 114, 10), 'float32'),
            'csi_phase': ((3, 114, 10), 'float32'),
            'csi_bad_packets': ((), 'uint16'),
            'modality_valid': ((), 'uint8'),
        }
        assert store.header['joint_set'] == 'h36m17' and store.header['fps'] == 10
        assert 'BY-NC' in store.header['licence']

    def test_values(self, converted):
        store, contents, _ = converted
        for row in store.sequences:
            true = contents[row.subject, row.action]
            rows = slice(row.start, row.start + row.length)
            np.testing.assert_allclose(store['pose_cam'][rows], true['pose'], rtol=1e-6)
            np.testing.assert_array_equal(store['keypoints_rgb'][rows], true['rgb'])
            for i in range(row.length):
                for name in ('lidar', 'mmwave'):
                    points = store.ragged(name, row.start + i)
                    np.testing.assert_array_equal(points, true[name][i].astype('f4'))
            amplitude, phase = true['wifi-csi']
            stored = store['csi_amplitude'][rows]
            np.testing.assert_array_equal(stored[1:], amplitude[1:].astype('f4'))
            holes = ~np.isfinite(amplitude[0])
            assert np.argwhere(holes).tolist() == [[0, 5, 3], [2, 100, 3]]
            packet = amplitude[0][..., 3]
            mean = packet[np.isfinite(packet)].mean()
            np.testing.assert_allclose(stored[0][holes], mean, rtol=1e-6)
            stored = store['csi_phase'][rows]
            np.testing.assert_array_equal(stored[1:], phase[1:].astype('f4'))
            np.testing.assert_array_equal(
                stored[0][~holes], phase[0][~holes].astype('f4')
            )
            turned = np.exp(1j * phase[0][..., 3][np.isfinite(packet)])
            np.testing.assert_allclose(
                stored[0][holes], np.angle(turned.sum()), atol=1e-6
            )
            valid = np.full(row.length, 15)
            valid[1] = 11  # the radar saw nothing
            np.testing.assert_array_equal(store['modality_valid'][rows], valid)
        assert not store['csi_bad_packets'].any()

    def test_report(self, converted):
        _, _, report = converted
        assert (report['sequences'], report['frames']) == (6, 27)
        assert report['actions'] == {
            'A02': dict(frames=12, empty_radar=3),
            'A18': dict(frames=15, empty_radar=3),
        }
        for key in ('missing_files', 'damaged', 'stray', 'missing_folders'):
            assert not report[key]
        lines = report_lines(report)
        assert '6 frames without radar points (22.2%), most in A02 25%' in lines[0]
        assert len(lines) == 2

    def test_workers_make_no_difference(self, converted, tree, tmp_path):
        store = converted[0]
        steps = []
        report = convert_tree(
            tree[0],
            tmp_path / 'store',
            workers=2,
            progress=lambda done, total: steps.append((done, total)),
        )
        other = FrameStore(tmp_path / 'store')
        assert other.fields == store.fields and report == converted[2]
        for key in ('sequences_sha256', 'source_sha256'):
            assert other.header[key] == store.header[key]
        assert steps == [(i, 12) for i in range(1, 13)]
        assert sorted(p.name for p in tmp_path.iterdir()) == ['MMFi', 'store']

    def test_all_modalities(self, tmp_path):
        seven = tuple(mmfi_format.EXTENSIONS)
        root, content = small(tmp_path, frames=2, modalities=seven)
        names = ['rgb', 'infra1', 'infra2', 'depth', 'lidar', 'mmwave', 'wifi']
        file_of(root, 'infra2', 2).unlink()
        file_of(root, 'depth', 2).unlink()
        convert_tree(root, tmp_path / 'store', modalities=names)
        store = FrameStore(tmp_path / 'store', verify=True)
        np.testing.assert_array_equal(store['keypoints_infra1'], content['infra1'])
        np.testing.assert_array_equal(store['depth'][0], content['depth'][0])
        assert not store['depth'][1].any() and not store['keypoints_infra2'][1].any()
        # Frame 2 has no radar points (4), no depth (16), no second infrared (64).
        assert store['modality_valid'].tolist() == [127, 127 - 4 - 16 - 64]

    def test_header_of_the_caller(self, tmp_path):
        root, _ = small(tmp_path)
        extra = dict(synthetic=dict(seed=3), licence='none')
        convert_tree(root, tmp_path / 'store', modalities=['rgb'], extra_header=extra)
        header = FrameStore(tmp_path / 'store').header
        assert header['synthetic'] == dict(seed=3) and header['licence'] == 'none'
        assert set(FrameStore(tmp_path / 'store')) == {
            *('pose_cam', 'keypoints_rgb', 'modality_valid')
        }

    @pytest.mark.parametrize('part', ['', 'E01'])
    def test_simulated_people_stay_marked(self, tmp_path, part):
        root, _ = small(tmp_path)
        (root / 'synthetic.json').write_text('{"seed": 5}')
        report = convert_tree(root / part, tmp_path / 'store', modalities=['rgb'])
        header = FrameStore(tmp_path / 'store').header
        assert header['synthetic'] == dict(seed=5) and 'BY-NC' not in header['licence']
        assert not report['stray']


class TestTree:
    def test_subset(self, tree, tmp_path):
        convert_tree(tree[0], tmp_path / 'a', subjects=['S02', 'S11'], actions=['A18'])
        names = [row.name for row in FrameStore(tmp_path / 'a').sequences]
        assert names == ['E01_S02_A18', 'E02_S11_A18']
        convert_tree(tree[0], tmp_path / 'b', environments=['E02'])
        names = [row.name for row in FrameStore(tmp_path / 'b').sequences]
        assert names == ['E02_S11_A02', 'E02_S11_A18']

    @pytest.mark.parametrize('shape', ['one', 'nested', 'nested one'])
    def test_mirrors(self, tree, tmp_path, shape):
        """One environment alone; E01/E01; both."""
        root = tree[0]
        if 'nested' in shape:
            mmfi_format.nest(root)
        given = root / 'E01' if 'one' in shape else root
        report = convert_tree(given, tmp_path / 'store')
        names = [row.name for row in FrameStore(tmp_path / 'store').sequences]
        assert names[:4] == [
            *('E01_S01_A02', 'E01_S01_A18', 'E01_S02_A02', 'E01_S02_A18')
        ]
        assert len(names) == (4 if 'one' in shape else 6) and not report['stray']

    def test_stray_files(self, tree, tmp_path):
        root = tree[0]
        inside = root / 'E01' / 'S01' / 'A02'
        strays = [
            *('.DS_Store', 'readme.txt', 'E01/notes', 'E01/S01/A02.zip'),
            *('E01/S01/A02/list.csv', 'E01/S01/A02/rgb/frame01.npy'),
            *('E01/S01/A02/lidar/frame002.bin.part', 'E01/S01/A02/rgb/frame005.npy'),
            'E02/S11/A99',
        ]
        for name in strays:
            (root / name).touch()
        shutil.copytree(inside / 'rgb', inside / 'rgb_img')
        (root / 'E02' / 'S03').mkdir()  # who is not of that room
        report = convert_tree(root, tmp_path / 'store')
        expected = [*strays, 'E01/S01/A02/rgb_img', 'E02/S03']
        assert sorted(report['stray']) == sorted(expected)
        assert report['sequences'] == 6
        assert any('11 files or folders' in line for line in report_lines(report))

    def test_a_sequence_twice(self, tree, tmp_path):
        root = tree[0]
        shutil.copytree(root / 'E01' / 'S01', root / 'E01' / 'E01' / 'S01')
        report = convert_tree(root, tmp_path / 'store')
        assert report['stray'] == ['E01/E01/S01/A02', 'E01/E01/S01/A18']

    def test_without_ground_truth(self, tree, tmp_path):
        root = tree[0]
        (root / 'E01' / 'S02' / 'A18' / 'ground_truth.npy').unlink()
        report = convert_tree(root, tmp_path / 'store')
        assert report['without_poses'] == ['E01_S02_A18']
        assert len(FrameStore(tmp_path / 'store').sequences) == 5

    @pytest.mark.parametrize(
        ('options', 'message'),
        [
            (
                dict(subjects=['S03']),
                r"no subjects \['S03'\] .*\['S01', 'S02', 'S11'\]",
            ),
            (dict(actions=['A01']), r"no actions \['A01'\]"),
            (
                dict(environments=['E04']),
                r"no environments \['E04'\].*\['E01', 'E02'\]",
            ),
            (dict(environments=['E02'], subjects=['S01']), 'at once'),
            (dict(modalities=['sound']), r"modalities=\['sound'\]; choose some of"),
            (dict(modalities=[]), 'choose some of'),
            (dict(workers=0), 'workers=0'),
            (dict(modalities=['depth', 'rgb']), 'depth.*every sequence has .*rgb'),
        ],
    )
    def test_invalid(self, tree, tmp_path, options, message):
        with pytest.raises(ValueError, match=message):
            convert_tree(tree[0], tmp_path / 'store', **options)
        assert not (tmp_path / 'store').exists()

    def test_nothing_there(self, tmp_path):
        with pytest.raises(FileNotFoundError, match='is no folder'):
            convert_tree(tmp_path / 'nothing', tmp_path / 'store')
        (tmp_path / 'empty').mkdir()
        with pytest.raises(FileNotFoundError, match='holds no E01/S01/A01'):
            convert_tree(tmp_path / 'empty', tmp_path / 'store')

    def test_destination(self, tree, tmp_path):
        (tmp_path / 'taken').mkdir()
        with pytest.raises(FileExistsError, match='is not a FrameStore'):
            convert_tree(tree[0], tmp_path / 'taken', overwrite=True)
        options = dict(modalities=['rgb'], subjects=['S01'])
        convert_tree(tree[0], tmp_path / 'store', **options)
        with pytest.raises(FileExistsError, match='--overwrite'):
            convert_tree(tree[0], tmp_path / 'store', **options)
        convert_tree(tree[0], tmp_path / 'store', overwrite=True, modalities=['lidar'])
        assert len(FrameStore(tmp_path / 'store').sequences) == 6


class TestMissingAndDamaged:
    def test_missing_files(self, tmp_path):
        root, _ = small(tmp_path)
        for modality, number in (('rgb', 1), ('lidar', 2), ('wifi-csi', 3)):
            file_of(root, modality, number).unlink()
        report = convert_tree(root, tmp_path / 'store')
        assert report['missing_files'] == {
            'E01/S01/A02/rgb': [1],
            'E01/S01/A02/lidar': [2],
            'E01/S01/A02/wifi-csi': [3],
        }
        store = FrameStore(tmp_path / 'store')
        assert store['modality_valid'].tolist() == [14, 15 - 4 - 2, 7]
        assert not store['keypoints_rgb'][0].any()
        assert not len(store.ragged('lidar', 1)) and not store['csi_amplitude'][2].any()
        assert store['csi_bad_packets'].tolist() == [0, 0, 1023]
        assert report['bad_packets'] == 0 and report['empty_radar'] == 1

    def test_missing_folder(self, tree, tmp_path):
        root = tree[0]
        shutil.rmtree(root / 'E01' / 'S02' / 'A02' / 'wifi-csi')
        shutil.rmtree(root / 'E02' / 'S11' / 'A18' / 'lidar')
        with pytest.raises(ValueError, match='2 folders .*S02/A02/wifi-csi') as error:
            convert_tree(root, tmp_path / 'store')
        assert "every sequence has ['rgb', 'mmwave']" in str(error.value)
        assert '--modalities' in str(error.value)
        report = convert_tree(root, tmp_path / 'store', allow_missing=True)
        assert report['missing_folders'] == [
            *('E01/S02/A02/wifi-csi', 'E02/S11/A18/lidar')
        ]
        assert report['missing_files'] == {}
        store = FrameStore(tmp_path / 'store')
        row = store.sequences[2]
        assert not (store['modality_valid'][row.start : row.start + 4] & 8).any()

    def test_modality_missing_everywhere(self, tmp_path):
        root, _ = small(tmp_path, modalities=('rgb',))
        convert_tree(root, tmp_path / 'store', allow_missing=True)
        store = FrameStore(tmp_path / 'store')
        assert store['lidar'].shape == (0, 3) and store['mmwave'].shape == (0, 5)
        assert store.ragged('lidar', 2).shape == (0, 3)
        assert store['modality_valid'].tolist() == [1, 1, 1]

    def test_damaged_files(self, tmp_path):
        """All are named at once; what is finished is kept until they are mended."""
        root, content = small(tmp_path)
        for modality, number in (('lidar', 1), ('mmwave', 3), ('wifi-csi', 2)):
            file = file_of(root, modality, number)
            file.write_bytes(file.read_bytes()[:-20])
        with pytest.raises(ValueError, match='3 files are damaged') as error:
            convert_tree(root, tmp_path / 'store')
        for name in ('lidar/frame001.bin', 'mmwave/frame003.bin', 'frame002.mat'):
            assert name in str(error.value)
        assert not (tmp_path / 'store').exists()
        report = convert_tree(root, tmp_path / 'a', allow_damaged=True)
        assert len(report['damaged']) == 3
        valid = FrameStore(tmp_path / 'a')['modality_valid'].tolist()
        assert valid == [15 - 2, 15 - 4 - 8, 15 - 4]
        mmfi_format.write_frame(file_of(root, 'lidar', 1), 'lidar', content, 0)
        mmfi_format.write_frame(file_of(root, 'mmwave', 3), 'mmwave', content, 2)
        mmfi_format.write_frame(file_of(root, 'wifi-csi', 2), 'wifi-csi', content, 1)
        report = convert_tree(root, tmp_path / 'store')
        assert not report['damaged']
        valid = FrameStore(tmp_path / 'store')['modality_valid'].tolist()
        assert valid == [15, 11, 15]

    def test_damaged_depth(self, tmp_path):
        root, _ = small(tmp_path, frames=2, modalities=('depth',))
        file_of(root, 'depth', 1).write_bytes(b'')
        with pytest.raises(ValueError, match='frame001.png is damaged'):
            convert_tree(root, tmp_path / 'store', modalities=['depth'])
        convert_tree(root, tmp_path / 'store', modalities=['depth'], allow_damaged=True)
        store = FrameStore(tmp_path / 'store')
        assert store['modality_valid'].tolist() == [0, 16]
        assert not store['depth'][0].any() and store['depth'][1].any()

    def test_nothing_undefined_comes_through(self, tmp_path):
        root, content = small(tmp_path)
        amplitude, phase = content['wifi-csi']
        amplitude[1, ..., 2], phase[1, ..., 2] = -np.inf, np.nan
        amplitude[2], phase[2] = np.nan, np.nan
        content['lidar'][0][1, 2] = np.nan
        content['mmwave'][2][:] = np.inf
        content['rgb'][1, 4] = np.nan
        for i in range(3):
            for modality in mmfi_format.FOUR:
                file = file_of(root, modality, i + 1)
                mmfi_format.write_frame(file, modality, content, i)
        report = convert_tree(root, tmp_path / 'store')
        store = FrameStore(tmp_path / 'store')
        for name in store:
            assert np.isfinite(store[name]).all(), name
        assert store['csi_bad_packets'].tolist() == [0, 1 << 2, 1023]
        assert (report['bad_packets'], report['frames_without_csi']) == (11, 1)
        assert report['dropped_points'] == 1 + len(content['mmwave'][2])
        assert report['dropped_keypoints'] == 1
        assert len(store.ragged('lidar', 0)) == len(content['lidar'][0]) - 1
        # Frame 2: no keypoints, no radar. Frame 3: neither radar nor channel state.
        assert store['modality_valid'].tolist() == [15, 15 - 1 - 4, 15 - 4 - 8]

    def test_phase_is_lost_with_the_amplitude(self, tmp_path):
        """Receivers give a phase of 0 with an amplitude of -inf."""
        root, content = small(tmp_path)
        amplitude, phase = content['wifi-csi']
        amplitude[0, ..., 3], phase[0, ..., 3] = -np.inf, 0
        amplitude[1, 2, 7, 5], phase[1, 2, 7, 5] = -np.inf, 0
        amplitude[2, 0, 0, 0] = 1e300  # infinite in single precision
        for i in range(3):
            mmfi_format.write_frame(
                file_of(root, 'wifi-csi', i + 1), 'wifi-csi', content, i
            )
        convert_tree(root, tmp_path / 'store')
        store = FrameStore(tmp_path / 'store')
        vectors = np.exp(1j * phase)
        others = np.delete(vectors[0], 3, axis=-1).sum(-1)
        np.testing.assert_allclose(
            store['csi_phase'][0][..., 3], np.angle(others), atol=1e-5
        )
        vectors[1, 2, 7, 5] = 0
        mean = np.angle(vectors[1, ..., 5].sum())
        np.testing.assert_allclose(store['csi_phase'][1, 2, 7, 5], mean, atol=1e-5)
        vectors[2, 0, 0, 0] = 0
        mean = np.angle(vectors[2, ..., 0].sum())
        np.testing.assert_allclose(store['csi_phase'][2, 0, 0, 0], mean, atol=1e-5)
        assert store['csi_bad_packets'].tolist() == [1 << 3, 0, 0]

    def test_empty_lidar_files(self, tmp_path):
        root, _ = small(tmp_path)
        file_of(root, 'lidar', 3).write_bytes(b'')
        report = convert_tree(root, tmp_path / 'store')
        assert (report['empty_lidar'], report['empty_radar']) == (1, 1)
        assert '1 frames without LiDAR points' in report_lines(report)
        assert FrameStore(tmp_path / 'store')['modality_valid'].tolist() == [15, 11, 13]

    def test_damaged_ground_truth(self, tree, tmp_path):
        root, steps = tree[0], []
        file = root / 'E01' / 'S02' / 'A18' / 'ground_truth.npy'
        file.write_bytes(file.read_bytes()[:-8])
        with pytest.raises(ValueError, match=r'1 files .*ground_truth\.npy is damaged'):
            convert_tree(root, tmp_path / 'store')
        report = convert_tree(
            root,
            tmp_path / 'store',
            allow_damaged=True,
            progress=lambda done, total: steps.append((done, total)),
        )
        assert len(report['damaged']) == 1 and 'S02/A18' in report['damaged'][0]
        assert report['without_poses'] == ['E01_S02_A18']
        store = FrameStore(tmp_path / 'store')
        assert report['sequences'] == len(store.sequences) == 5
        assert 'E01_S02_A18' not in [row.name for row in store.sequences]
        assert report['frames'] == len(store['pose_cam']) and steps[-1] == (12, 12)

    def test_every_ground_truth_damaged(self, tmp_path):
        root, _ = small(tmp_path)
        (root / 'E01' / 'S01' / 'A02' / 'ground_truth.npy').write_bytes(b'')
        with pytest.raises(ValueError, match=r'ground_truth\.npy that can be read'):
            convert_tree(root, tmp_path / 'store', allow_damaged=True)


class TestResume:
    def interrupt(self, monkeypatch, name, call):
        """Let the n-th call of a function of the conversion be the end of the run."""
        calls = []
        original = getattr(mmfi_conversion, name)

        def fail(*args, **options):
            calls.append(args)
            if len(calls) == call:
                raise KeyboardInterrupt
            return original(*args, **options)

        monkeypatch.setattr(mmfi_conversion, name, fail)
        return calls

    def reads(self, monkeypatch):
        """Names of the sequences that are read from their files."""
        names = []
        original = mmfi_sequence.SequenceReader.read

        def read(self, modalities):
            names.append(self.sequence.name)
            return original(self, modalities)

        monkeypatch.setattr(mmfi_sequence.SequenceReader, 'read', read)
        return names

    @pytest.mark.parametrize(
        ('place', 'call', 'left'), [('_read_one', 4, 3), ('_load', 3, 0)]
    )
    def test_goes_on(self, tree, tmp_path, converted, monkeypatch, place, call, left):
        out = tmp_path / 'out' / 'store'
        with monkeypatch.context() as patch:
            self.interrupt(patch, place, call)
            with pytest.raises(KeyboardInterrupt):
                convert_tree(tree[0], out)
        assert not out.exists()
        names = self.reads(monkeypatch)
        report = convert_tree(tree[0], out)
        assert len(names) == left
        assert FrameStore(out, verify=True).fields == converted[0].fields
        assert report == converted[2]
        assert [path.name for path in out.parent.iterdir()] == ['store']

    def test_killed(self, tree, tmp_path, converted, monkeypatch):
        """SIGKILL in the middle; the second run keeps what the first one finished."""
        out, work = tmp_path / 'store', tmp_path / '.store.converting'

        def wait(done, total):
            if done == 3:
                time.sleep(60)

        fork = multiprocessing.get_context('fork')
        process = fork.Process(
            target=convert_tree, args=(tree[0], out), kwargs=dict(progress=wait)
        )
        process.start()
        while process.is_alive() and len(list(work.glob('E*.json'))) < 3:
            time.sleep(0.01)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL and not out.exists()
        names = self.reads(monkeypatch)
        convert_tree(tree[0], out)
        assert len(names) == 3
        assert FrameStore(out, verify=True).fields == converted[0].fields
        assert not work.exists()

    def test_changed_files_are_read_again(self, tree, tmp_path, monkeypatch):
        root, contents = tree
        with monkeypatch.context() as patch:
            self.interrupt(patch, '_assemble', 1)
            with pytest.raises(KeyboardInterrupt):
                convert_tree(root, tmp_path / 'store')
        file_of(root, 'mmwave', 3).write_bytes(b'')
        # Of the same size, but of another time.
        file = root / 'E02' / 'S11' / 'A02' / 'lidar' / 'frame002.bin'
        file.write_bytes(bytes(file.stat().st_size))
        names = self.reads(monkeypatch)
        report = convert_tree(root, tmp_path / 'store')
        assert names == ['E01_S01_A02', 'E02_S11_A02'] and report['empty_radar'] == 7

    def test_other_modalities_are_read_again(self, tree, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            self.interrupt(patch, '_assemble', 1)
            with pytest.raises(KeyboardInterrupt):
                convert_tree(tree[0], tmp_path / 'store', modalities=['rgb'])
        convert_tree(tree[0], tmp_path / 'store', modalities=['lidar'])
        assert set(FrameStore(tmp_path / 'store')) == {
            *('pose_cam', 'lidar', 'modality_valid')
        }
