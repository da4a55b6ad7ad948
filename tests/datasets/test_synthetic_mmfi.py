"""Simulated MM-Fi as files and as a store."""

import json
import multiprocessing

import numpy as np
import pytest

from mmpose_ext.datasets import synthetic_mmfi
from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.synthetic_mmfi import (
    SyntheticMMFiOptions,
    ensure_synthetic_mmfi,
    simulate_sequence,
    write_mmfi,
)

TINY = dict(num_subjects=5, actions=('A26', 'A02'), num_frames=3, seed=2)


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    return write_mmfi(tmp_path_factory.mktemp('mmfi') / 'data' / 'tree', **TINY)


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp('store')
    path = ensure_synthetic_mmfi(folder / 'a' / 'store', **TINY)
    return FrameStore(path, verify=True)


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()[128:]
        for file in sorted(folder.rglob('*'))
        if file.is_file() and file.name != 'synthetic.json'
    }


def test_people_are_spread_over_the_rooms(tree):
    folders = sorted(str(p.relative_to(tree)) for p in tree.glob('E*/S*/A*'))
    people = ('E01/S01', 'E01/S02', 'E02/S11', 'E03/S21', 'E04/S31')
    assert folders == [f'{who}/{what}' for who in people for what in ('A02', 'A26')]
    assert [entry.name for entry in tree.parent.iterdir()] == ['tree']
    assert SyntheticMMFiOptions(num_subjects=12).subjects == (
        *('S01', 'S02', 'S03', 'S11', 'S12', 'S13'),
        *('S21', 'S22', 'S23', 'S31', 'S32', 'S33'),
    )
    assert len(SyntheticMMFiOptions(num_subjects=40).subjects) == 40


def test_options_are_recorded(tree, store):
    made = json.loads((tree / 'synthetic.json').read_text())
    assert made == store.header['synthetic']
    assert made['actions'] == ['A02', 'A26'] and made['seed'] == 2
    assert made['generator'] == synthetic_mmfi.GENERATOR
    assert 'simulated' in store.header['source']
    assert store.header['licence'] == 'Apache-2.0'
    assert store.header['keypoint_order'] == 'h36m17'


def test_more_data_leave_the_rest_as_they_are(tree, tmp_path):
    other = write_mmfi(
        tmp_path / 'x', **{**TINY, 'num_subjects': 1, 'actions': ['A26']}
    )
    few, many = contents(other), contents(tree)
    assert len(few) == 13 and all(many[name] == few[name] for name in few)
    write_mmfi(tmp_path / 'x', **{**TINY, 'num_subjects': 1, 'seed': 3}, overwrite=True)
    assert (
        contents(other)['E01/S01/A26/ground_truth.npy']
        != (many['E01/S01/A26/ground_truth.npy'])
    )


def test_workers_do_not_matter(tree, tmp_path):
    calls = []
    other = write_mmfi(
        *(tmp_path / 'x',),
        **{**TINY, 'num_subjects': 2, 'num_frames': 3},
        workers=2,
        progress=lambda *numbers: calls.append(numbers),
    )
    many = contents(tree)
    assert all(many[name] == content for name, content in contents(other).items())
    assert calls == [(done, 4) for done in (1, 2, 3, 4)]


def test_the_store_holds_what_the_sensors_gave(store):
    assert len(store) == 30 and store.header['fps'] == 10
    names = [sequence.name for sequence in store.sequences]
    assert names[:3] == ['E01_S01_A02', 'E01_S01_A26', 'E01_S02_A02']
    (row,) = (s for s in store.sequences if s.name == 'E02_S11_A26')
    assert row.extra == {'environment': 'E02'} and row.image_size == (640, 480)
    recording = simulate_sequence('S11', 'A26', num_frames=3, seed=2)
    frames = slice(row.start, row.start + 3)
    np.testing.assert_array_equal(
        store['pose_cam'][frames], recording.pose_cam.astype(np.float32)
    )
    np.testing.assert_array_equal(store['keypoints_rgb'][frames], recording.keypoints)
    for index in range(3):
        for field in ('lidar', 'mmwave'):
            expected = getattr(recording, field)[index].astype(np.float32)
            np.testing.assert_array_equal(
                store.ragged(field, row.start + index), expected
            )
    measured = np.isfinite(recording.csi_amplitude)
    np.testing.assert_array_equal(
        store['csi_amplitude'][frames][measured],
        recording.csi_amplitude[measured].astype(np.float32),
    )
    assert np.isfinite(store['csi_amplitude']).all()


def test_a_store_that_is_there_is_taken(store, monkeypatch):
    monkeypatch.setattr(synthetic_mmfi, 'write_mmfi', None)
    assert ensure_synthetic_mmfi(str(store.path), **TINY, workers=2) == store.path
    same = {**TINY, 'actions': ['A02', 'A26']}
    assert ensure_synthetic_mmfi(store.path, **same) == store.path
    with pytest.raises(ValueError, match='num_frames: 3 there, 4 wanted'):
        ensure_synthetic_mmfi(store.path, **{**TINY, 'num_frames': 4})
    # Nothing but the store and its lock is left.
    left = sorted(entry.name for entry in store.path.parent.iterdir())
    assert left == ['.store.lock', 'store']


def make(path, results):
    results.put(len(FrameStore(ensure_synthetic_mmfi(path, **SMALL), verify=True)))


SMALL = dict(num_subjects=1, actions=('A12',), num_frames=2)


def test_two_processes_make_one_store(tmp_path):
    # fork: the children need not import the package again
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    processes = [
        context.Process(target=make, args=(tmp_path / 's', results)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    assert [results.get(timeout=120) for _ in processes] == [2, 2]
    for process in processes:
        process.join()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ['.s.lock', 's']


def test_nothing_is_left_of_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_mmfi, 'write_sequence', None)
    with pytest.raises(TypeError):
        ensure_synthetic_mmfi(tmp_path / 's', **SMALL)
    assert [entry.name for entry in tmp_path.iterdir()] == ['.s.lock']


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (dict(num_subjects=41), 'num_subjects=41; expected 1 to 40'),
        (dict(num_frames=0), 'num_frames=0'),
        (dict(num_frames=1000), 'expected 1 to 999'),
        (dict(seed=-1), 'seed=-1'),
        (dict(actions=()), 'expected a list of codes from A01 to A27'),
        (dict(actions='A01'), 'expected a list of codes'),
        (dict(actions=('A28',)), 'A28'),
        (dict(workers=0), 'workers=0; expected at least one'),
    ],
)
def test_invalid(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        write_mmfi(tmp_path / 'x', **options)
    assert not (tmp_path / 'x').exists()


def test_other_folders_are_left_alone(tree, tmp_path):
    (tmp_path / 'mine').mkdir()
    with pytest.raises(FileExistsError, match='was not made here'):
        write_mmfi(tmp_path / 'mine', **TINY, overwrite=True)
    with pytest.raises(FileExistsError, match='exists; choose another folder or pass'):
        write_mmfi(tree, **TINY)
    with pytest.raises(ValueError, match=r"unknown options \['frames'\]; there are"):
        ensure_synthetic_mmfi(tmp_path / 's', frames=3)
