"""Synthetic data that makes itself: content, options, several processes at once."""

import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from mmpose_ext.datasets import synthetic_store
from mmpose_ext.datasets.frame_store import FrameStore, FrameStoreWriter, SequenceInfo
from mmpose_ext.datasets.synthetic_human36m import Human36MOptions, write_human36m
from mmpose_ext.datasets.synthetic_store import ensure_synthetic_store
from mmpose_ext.geometry import camera_to_world, h36m_cameras, project_to_pixels

TINY = dict(num_subjects=2, num_frames=12, actions=['walk', 'jump'])


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('synthetic') / 'store'
    return FrameStore(ensure_synthetic_store(path, **TINY), verify=True)


def test_shapes(store):
    frames = 2 * 2 * 4 * 12
    assert len(store) == frames
    assert {name: info.shape for name, info in store.fields.items()} == {
        'pose_cam': (frames, 17, 3),
        'pose_image': (frames, 17, 3),
        'factor': (frames,),
        'keypoints_det': (frames, 17, 2),
        'scores_det': (frames, 17),
    }
    assert all(info.dtype == 'float32' for info in store.fields.values())
    assert store.header['joint_set'] == 'h36m17' and store.header['unit'] == 'm'
    assert store.header['fps'] == 50


def test_people_are_in_one_split_each(store):
    people = {
        split: {row.subject for row in store.sequences if row.split == split}
        for split in ('train', 'test')
    }
    assert people == {'train': {'P01'}, 'test': {'P02'}}
    assert {row.action for row in store.sequences} == {'walk', 'jump'}
    names = [row.name for row in store.sequences]
    assert names[0] == 'P01_walk_1.54138969' and len(set(names)) == 16


@pytest.mark.parametrize(('people', 'test'), [(2, 1), (4, 1), (8, 2), (11, 3)])
def test_a_quarter_of_the_people_is_held_out(people, test):
    assert Human36MOptions(num_subjects=people).num_test_subjects == test


def test_values(store):
    """The four views show one motion, upright, through the cameras they name."""
    cameras = h36m_cameras()
    by_motion = {}
    for row in store.sequences:
        frames = slice(row.start, row.start + row.length)
        pose, image = store['pose_cam'][frames], store['pose_image'][frames]
        room = cameras[row.extra['room']][row.camera]
        assert (row.intrinsics, row.extrinsics) == (
            room['intrinsics'],
            room['extrinsics'],
        )
        assert row.image_size == room['image_size']
        pixels = project_to_pixels(
            pose.astype(np.float64),
            *(row.intrinsics[key] for key in ('f', 'c', 'distortion')),
        )
        np.testing.assert_allclose(image[..., :2], pixels, atol=0.01)
        depth = (pose[..., 2] - pose[:, :1, 2]) / store['factor'][frames, None]
        np.testing.assert_allclose(image[..., 2], depth, atol=0.01)
        error = np.linalg.norm(store['keypoints_det'][frames] - image[..., :2], axis=-1)
        assert 0.5 < np.median(error) < 20
        world = camera_to_world(
            pose.astype(np.float64), row.extrinsics['R'], row.extrinsics['t']
        )
        by_motion.setdefault(row.name.split('.')[0], []).append(world)
    assert len(by_motion) == 4
    for views in by_motion.values():
        assert len(views) == 4
        np.testing.assert_allclose(views, [views[0]] * 4, atol=1e-4)
        assert 0.05 < views[0][:, [3, 6], 2].min() < 0.11
        assert (views[0][:, 10, 2] - views[0][:, [3, 6], 2].min(1) > 0.9).all()


def test_noise_of_zero_detects_the_truth(tmp_path):
    path = write_human36m(tmp_path / 's', **TINY, noise=0)
    store = FrameStore(path)
    np.testing.assert_array_equal(store['keypoints_det'], store['pose_image'][..., :2])


def test_same_seed_same_data_and_people_do_not_depend_on_each_other(tmp_path, store):
    again = FrameStore(write_human36m(tmp_path / 'again', **TINY))
    assert again.header['fields'] == store.header['fields']
    other = FrameStore(write_human36m(tmp_path / 'other', **TINY, seed=1))
    assert other.header['fields'] != store.header['fields']
    more = FrameStore(
        write_human36m(
            tmp_path / 'more', **{**TINY, 'num_subjects': 3, 'actions': ['jump']}
        )
    )
    name = 'P01_jump_1.55011271'
    poses = []
    for source in (store, more):
        row = next(row for row in source.sequences if row.name == name)
        poses.append(source['keypoints_det'][row.start : row.start + row.length])
    np.testing.assert_array_equal(*poses)


def test_second_call_leaves_the_store_alone(store):
    before = os.stat(store.path / 'header.json').st_mtime_ns
    assert ensure_synthetic_store(str(store.path), **TINY) == store.path
    tuples = {**TINY, 'actions': ('walk', 'jump'), 'fps': 50}
    ensure_synthetic_store(store.path, **tuples)
    assert os.stat(store.path / 'header.json').st_mtime_ns == before


def test_header_records_the_options(store):
    recorded = json.loads((store.path / 'header.json').read_text())['synthetic']
    assert recorded == Human36MOptions(**TINY).to_header()
    assert recorded['num_frames'] == 12 and recorded['seed'] == 0


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'seed': 3}, r'seed: 0 there, 3 wanted.*delete that folder'),
        ({'num_frames': 20}, r'num_frames: 12 there, 20 wanted'),
        ({'frames': 20}, r"unknown options \['frames'\]; there are \['num_subjects'"),
        ({'num_subjects': 1}, 'at least 2'),
        ({'num_frames': 0}, 'num_frames=0 must be positive'),
        ({'noise': -1}, 'noise=-1'),
        ({'actions': ['walk', 'fly']}, "expected a list of names from .*'walk'"),
        ({'actions': 'walk'}, 'expected a list of names'),
        ({'actions': []}, 'expected a list of names'),
    ],
)
def test_invalid(store, options, words):
    with pytest.raises(ValueError, match=words):
        ensure_synthetic_store(store.path, **{**TINY, **options})


def test_other_data_are_not_taken_for_synthetic(tmp_path):
    with FrameStoreWriter(tmp_path / 's', joint_set='h36m17', fps=50) as writer:
        writer.add_sequence(SequenceInfo('a'), {'x': np.zeros((2, 3), np.float32)})
    with pytest.raises(ValueError, match='not simulated; choose another folder'):
        ensure_synthetic_store(tmp_path / 's', **TINY)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='not a FrameStore'):
        ensure_synthetic_store(tmp_path / 'empty', **TINY)


@pytest.fixture
def slow_writer(tmp_path, monkeypatch):
    """Make writing slow and note which process did it; returns the file of notes."""
    notes = tmp_path / 'notes'
    notes.touch()

    def write(*args, **kwargs):
        with notes.open('a') as stream:
            stream.write(f'{os.getpid()}\n')
        time.sleep(0.5)
        return write_human36m(*args, **kwargs)

    monkeypatch.setattr(synthetic_store, 'write_human36m', write)
    return notes


def _ensure(path, barrier, results):
    barrier.wait()
    results.put(len(FrameStore(ensure_synthetic_store(path, **TINY), verify=True)))


def _hold_lock(path):
    ensure_synthetic_store(path, **TINY)


# fork: the children need not import the package again
FORK = multiprocessing.get_context('fork')


def test_of_several_processes_one_writes_and_all_get_the_store(tmp_path, slow_writer):
    barrier, results = FORK.Barrier(3), FORK.Queue()
    path = tmp_path / 'new' / 'store'
    workers = [
        FORK.Process(target=_ensure, args=(path, barrier, results)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=60) for _ in workers] == [192] * 3
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert len(slow_writer.read_text().split()) == 1
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        '.store.lock',
        'store',
    ]


def test_lock_of_a_killed_process_does_not_hang(tmp_path, slow_writer):
    path = tmp_path / 'store'
    worker = FORK.Process(target=_hold_lock, args=(path,))
    worker.start()
    deadline = time.monotonic() + 60
    while not slow_writer.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(timeout=60)
    assert worker.exitcode == -signal.SIGKILL and not path.exists()
    assert len(FrameStore(ensure_synthetic_store(path, **TINY))) == 192
