"""FrameStore: written whole or not at all, checked when opened."""

from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import pytest

from mmpose_ext.datasets.frame_store import (
    FrameStore,
    FrameStoreWriter,
    SequenceInfo,
    sha256_of_file,
)

OPTIONS = dict(joint_set='h36m17', fps=50.0, licence='CC0', source='a test')


def _arrays(frames, value=0.0):
    pose = np.full((frames, 17, 3), value, dtype=np.float32)
    pose += np.arange(frames, dtype=np.float32)[:, None, None]
    return {'pose_cam': pose, 'label': np.arange(frames, dtype=np.int16)}


def _write(path, lengths=(4, 0, 3), value=0.0, **options):
    with FrameStoreWriter(path, **{**OPTIONS, **options}) as writer:
        for i, length in enumerate(lengths):
            info = SequenceInfo(name=f's{i}', subject=f'S{i}', image_size=(640, 480))
            writer.add_sequence(info, _arrays(length, value + 100 * i))
    return path


def _points(counts):
    return [np.full((n, 3), i, dtype=np.float32) for i, n in enumerate(counts)]


def _write_ragged(path, sequences=((2, 0, 5), (0, 1))):
    with FrameStoreWriter(path, **OPTIONS) as writer:
        for i, counts in enumerate(sequences):
            arrays = {'id': np.arange(len(counts)), 'points': _points(counts)}
            writer.add_sequence(SequenceInfo(name=f's{i}'), arrays)
    return path


def test_shapes(tmp_path):
    store = FrameStore(_write(tmp_path / 'store'), verify=True)
    assert len(store) == 7
    assert store['pose_cam'].shape == (7, 17, 3)
    assert store['pose_cam'].dtype == np.float32
    assert store['label'].dtype == np.int16
    assert set(store) == {'pose_cam', 'label'} and 'pose_cam' in store
    assert [(s.start, s.length) for s in store.sequences] == [(0, 4), (4, 0), (4, 3)]
    assert store.fields['pose_cam'].shape == (7, 17, 3)


def test_values(tmp_path):
    info = SequenceInfo(
        name='walk',
        subject='S1',
        action='Walking',
        camera='cam',
        image_size=(1000, 1002),
        intrinsics={
            'f': [1145.0, 1144.0],
            'c': [512.0, 515.0],
            'distortion': [0.1] * 5,
        },
        extrinsics={'R': np.eye(3).tolist(), 't': [0.0, 1.0, 2.0]},
        split='test',
        fps=25.0,
        extra={'take': 3},
    )
    arrays = _arrays(5, 0.5)
    with FrameStoreWriter(tmp_path / 'store', **OPTIONS, extra={'note': 'x'}) as writer:
        writer.add_sequence(info, arrays)
    store = FrameStore(tmp_path / 'store')
    np.testing.assert_array_equal(store['pose_cam'], arrays['pose_cam'])
    np.testing.assert_array_equal(store['label'], arrays['label'])
    read = store.sequences[0]
    assert read.intrinsics == info.intrinsics and read.extrinsics == info.extrinsics
    assert read.image_size == (1000, 1002) and read.extra == {'take': 3}
    assert (read.subject, read.split, read.fps) == ('S1', 'test', 25.0)
    assert store.header['note'] == 'x' and store.header['licence'] == 'CC0'
    summary = store.summary()
    assert '1 sequences, 5 frames at 50 fps' in summary and 'CC0' in summary


def test_fields_are_read_only_memory_maps(tmp_path):
    store = FrameStore(_write(tmp_path / 'store'))
    assert isinstance(store['pose_cam'], np.memmap)
    with pytest.raises(ValueError, match='read-only'):
        store['pose_cam'][0] = 1


def test_pickle_opens_again_by_path(tmp_path):
    store = FrameStore(_write(tmp_path / 'store', lengths=(2000,)))
    data = pickle.dumps(store)
    assert len(data) < 1000
    again = pickle.loads(data)
    np.testing.assert_array_equal(again['label'], store['label'])
    assert again.sequences == store.sequences


def test_ragged_with_empty_frames(tmp_path):
    store = FrameStore(_write_ragged(tmp_path / 'store'), verify=True)
    assert store.fields['points'].ragged and not store.fields['id'].ragged
    assert [len(store.ragged('points', i)) for i in range(5)] == [2, 0, 5, 0, 1]
    assert store.offsets('points').tolist() == [0, 2, 2, 7, 7, 8]
    assert store.ragged('points', 1).shape == (0, 3)
    np.testing.assert_array_equal(store.ragged('points', 2), np.full((5, 3), 2))
    with pytest.raises(IndexError, match='frame 5 of 5'):
        store.ragged('points', 5)
    with pytest.raises(ValueError, match='not ragged'):
        store.ragged('id', 0)
    with pytest.raises(ValueError, match='not ragged'):
        store.offsets('id')


def test_ragged_without_any_row(tmp_path):
    store = FrameStore(_write_ragged(tmp_path / 'store', [(0, 0)]), verify=True)
    assert store.ragged('points', 1).shape == (0, 3)


def test_fields_of_zero_frames(tmp_path):
    store = FrameStore(_write(tmp_path / 'store', lengths=(0,)), verify=True)
    assert len(store) == 0 and store['pose_cam'].shape == (0, 17, 3)


def test_big_endian_input(tmp_path):
    with FrameStoreWriter(tmp_path / 'store', **OPTIONS) as writer:
        array = np.arange(3, dtype='>f4')
        writer.add_sequence(SequenceInfo(name='a'), {'x': array})
    np.testing.assert_array_equal(FrameStore(tmp_path / 'store')['x'], [0, 1, 2])


def test_exception_inside_the_block_leaves_nothing(tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        FrameStoreWriter(tmp_path / 'store', **OPTIONS) as writer,
    ):
        writer.add_sequence(SequenceInfo(name='a'), _arrays(3))
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_error_while_finishing_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError('disk is full')

    monkeypatch.setattr('mmpose_ext.datasets.frame_store.replace_folder', fail)
    with pytest.raises(OSError, match='disk is full'):
        _write(tmp_path / 'store')
    assert list(tmp_path.iterdir()) == []


def test_half_written_folder_is_not_a_store(tmp_path):
    writer = FrameStoreWriter(tmp_path / 'store', **OPTIONS).__enter__()
    writer.add_sequence(SequenceInfo(name='a'), _arrays(3))
    # What a killed process leaves: a hidden folder without a header, no store.
    (half,) = tmp_path.iterdir()
    assert half.name.startswith('.') and not (tmp_path / 'store').exists()
    for path in (half, tmp_path / 'store'):
        with pytest.raises(FileNotFoundError, match='not a FrameStore; make one with'):
            FrameStore(path)
    _write(tmp_path / 'store')
    assert len(FrameStore(tmp_path / 'store')) == 7


def test_existing_store_is_kept(tmp_path):
    path = _write(tmp_path / 'store', value=1.0)
    with pytest.raises(FileExistsError, match='overwrite=True'):
        _write(path)
    assert FrameStore(path)['pose_cam'][0, 0, 0] == 1.0


def test_overwrite_keeps_the_old_one_until_complete(tmp_path):
    path = _write(tmp_path / 'store', value=1.0)
    old = FrameStore(path)
    with FrameStoreWriter(path, overwrite=True, **OPTIONS) as writer:
        writer.add_sequence(SequenceInfo(name='a'), _arrays(2, 7.0))
        assert FrameStore(path, verify=True)['pose_cam'][0, 0, 0] == 1.0
    assert FrameStore(path, verify=True)['pose_cam'][0, 0, 0] == 7.0
    assert old['pose_cam'][0, 0, 0] == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ['store']

    with (
        pytest.raises(ZeroDivisionError),
        FrameStoreWriter(path, overwrite=True, **OPTIONS) as writer,
    ):
        writer.add_sequence(SequenceInfo(name='a'), _arrays(2, 9.0))
        _ = 1 / 0
    assert FrameStore(path, verify=True)['pose_cam'][0, 0, 0] == 7.0
    assert [p.name for p in tmp_path.iterdir()] == ['store']


def test_store_that_appears_meanwhile_is_kept(tmp_path):
    path = tmp_path / 'store'
    with (
        pytest.raises(FileExistsError),
        FrameStoreWriter(path, **OPTIONS) as writer,
    ):
        writer.add_sequence(SequenceInfo(name='a'), _arrays(2, 9.0))
        _write(path, value=1.0)
    assert FrameStore(path)['pose_cam'][0, 0, 0] == 1.0
    assert [p.name for p in tmp_path.iterdir()] == ['store']


def _truncate(file):
    with file.open('r+b') as stream:
        stream.truncate(file.stat().st_size - 8)


def _lengthen(file):
    with file.open('ab') as stream:
        stream.write(b'12345678')


def _empty(file):
    file.write_bytes(b'')


def _reshape(file):
    np.save(file, np.zeros((7, 16, 3), dtype=np.float32))


def _retype(file):
    np.save(file, np.zeros((7, 17, 3), dtype=np.float64))


def _pickle_in(file):
    np.save(file, np.array([{}, []], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    ('damage', 'error', 'message'),
    [
        (_truncate, ValueError, 'pose_cam.npy is truncated'),
        (_empty, ValueError, 'pose_cam.npy is truncated or not a NumPy file'),
        (_lengthen, ValueError, r'pose_cam.npy'),
        (_reshape, ValueError, r'holds float32 \[7, 16, 3\], the header says'),
        (_retype, ValueError, 'holds float64'),
        (_pickle_in, ValueError, 'pose_cam.npy is truncated or not a NumPy file'),
        (lambda file: file.unlink(), FileNotFoundError, 'pose_cam.npy is missing'),
    ],
)
def test_damaged_field_is_found_when_opened(tmp_path, damage, error, message):
    path = _write(tmp_path / 'store')
    damage(path / 'pose_cam.npy')
    with pytest.raises(error, match=message) as caught:
        FrameStore(path)
    assert 'again' in str(caught.value)


@pytest.mark.parametrize('name', ['pose_cam.npy', 'label.npy'])
def test_altered_field_is_found_by_verify(tmp_path, name):
    path = _write(tmp_path / 'store')
    data = bytearray((path / name).read_bytes())
    data[-1] ^= 1
    (path / name).write_bytes(data)
    store = FrameStore(path)
    with pytest.raises(ValueError, match=f'{name} was altered.*again'):
        store.verify()
    with pytest.raises(ValueError, match='was altered'):
        FrameStore(path, verify=True)


def test_altered_table_is_found_by_verify(tmp_path):
    path = _write(tmp_path / 'store')
    table = path / 'sequences.json'
    table.write_text(table.read_text().replace('"S0"', '"S9"'))
    with pytest.raises(ValueError, match='sequences.json was altered'):
        FrameStore(path, verify=True)


def test_altered_offsets(tmp_path):
    path = _write_ragged(tmp_path / 'store')
    offsets = np.load(path / 'points_offsets.npy')
    np.save(path / 'points_offsets.npy', np.minimum(offsets, 7))
    with pytest.raises(ValueError, match='does not cover the 8 rows'):
        FrameStore(path)
    np.save(path / 'points_offsets.npy', np.maximum(offsets, [0, 3, 3, 0, 0, 0]))
    with pytest.raises(ValueError, match='points_offsets.npy was altered'):
        FrameStore(path, verify=True)
    (path / 'points_offsets.npy').unlink()
    with pytest.raises(FileNotFoundError, match='points_offsets.npy is missing'):
        FrameStore(path)


def _edit_header(path, **values):
    header = json.loads((path / 'header.json').read_text())
    for key, value in values.items():
        if value is None:
            del header[key]
        else:
            header[key] = value
    (path / 'header.json').write_text(json.dumps(header))


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (dict(schema_version=99), 'schema version 99, this package reads 1'),
        (dict(num_frames=8), 'covers 7 frames, the header says 8'),
        (dict(fields=None), 'header.json'),
        (dict(num_frames=None), 'header.json'),
    ],
)
def test_damaged_header(tmp_path, values, message):
    path = _write(tmp_path / 'store')
    _edit_header(path, **values)
    with pytest.raises(ValueError, match=message):
        FrameStore(path)


def test_damaged_json(tmp_path):
    path = _write(tmp_path / 'store')
    table = (path / 'sequences.json').read_text()
    (path / 'sequences.json').write_text(table[:-20])
    with pytest.raises(ValueError, match='sequences.json is not valid JSON'):
        FrameStore(path)
    (path / 'sequences.json').write_text(table.replace('"start": 4', '"start": 5'))
    with pytest.raises(ValueError, match="'s1' starts at frame 5, expected 4"):
        FrameStore(path)
    shutil.copy(path / 'label.npy', path / 'header.json')
    with pytest.raises(ValueError, match='header.json is not valid JSON'):
        FrameStore(path)


def test_unknown_field(tmp_path):
    store = FrameStore(_write(tmp_path / 'store'))
    with pytest.raises(KeyError, match=r"no field 'pose'; it has \['label', 'pose_cam"):
        store['pose']


@pytest.mark.parametrize(
    ('second', 'message'),
    [
        (('a', _arrays(3)), "'a' occurs twice"),
        (('b', {'pose_cam': _arrays(3)['pose_cam']}), 'has fields'),
        (('b', {**_arrays(3), 'label': np.arange(4)}), 'differ in length'),
        (('b', {**_arrays(3), 'label': np.arange(3.0)}), "'label' changed from int16"),
        (('b', {**_arrays(3), 'label': np.zeros((3, 2), np.int16)}), "'label' changed"),
        (('b', {**_arrays(3), 'label': _points([1, 2, 3])}), "'label' changed"),
        (('b', {}), 'differ in length'),
    ],
)
def test_invalid_sequence(tmp_path, second, message):
    name, arrays = second
    with (
        pytest.raises(ValueError, match=message),
        FrameStoreWriter(tmp_path / 'store', **OPTIONS) as writer,
    ):
        writer.add_sequence(SequenceInfo(name='a'), _arrays(3))
        writer.add_sequence(SequenceInfo(name=name), arrays)
    assert list(tmp_path.iterdir()) == []


def test_invalid_use_of_the_writer(tmp_path):
    with pytest.raises(RuntimeError, match='open the writer with'):
        FrameStoreWriter(tmp_path / 'store', **OPTIONS).add_sequence(
            SequenceInfo(name='a'), _arrays(1)
        )
    with (
        pytest.raises(ValueError, match='no sequence was added'),
        FrameStoreWriter(tmp_path / 'store', **OPTIONS),
    ):
        pass
    with (
        pytest.raises(ValueError, match='Python objects'),
        FrameStoreWriter(tmp_path / 'store', **OPTIONS) as writer,
    ):
        array = np.array([None, {}], dtype=object)
        writer.add_sequence(SequenceInfo(name='a'), {'x': array})


def test_no_pickle_in_the_folder(tmp_path):
    path = _write_ragged(tmp_path / 'store')
    names = sorted(file.name for file in path.iterdir())
    assert names == [
        'header.json',
        'id.npy',
        'points.npy',
        'points_offsets.npy',
        'sequences.json',
    ]
    for file in path.glob('*.npy'):
        np.load(file, allow_pickle=False)
    header = json.loads((path / 'header.json').read_text())
    assert header['fields']['id']['sha256'] == sha256_of_file(path / 'id.npy')
