"""Fields that join a store: all of them or none, whatever interrupts."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections import namedtuple

import numpy as np
import pytest

from mmpose_ext.datasets.frame_store import (
    FrameStore,
    FrameStoreWriter,
    SequenceInfo,
    sha256_of_file,
)
from mmpose_ext.datasets.frame_store_fields import FieldsWriter, add_field

LENGTHS = {'a': 4, 'empty': 0, 'b': 3}


@pytest.fixture
def path(tmp_path):
    """A store of 7 frames with a plain and a ragged field."""
    with FrameStoreWriter(
        tmp_path / 'store', joint_set='h36m17', fps=50.0, extra={'kept': 'as it is'}
    ) as writer:
        for name, length in LENGTHS.items():
            arrays = {
                'label': np.arange(length),
                'points': [np.ones((n, 3), np.float32) for n in range(length)],
            }
            writer.add_sequence(SequenceInfo(name=name), arrays)
    return tmp_path / 'store'


def maps(value=0.0, dtype=np.float16, shape=(2, 3)):
    """An array for each sequence; frame i holds ``value + i``."""
    return {
        name: np.full((length, *shape), value, dtype)
        + np.arange(length, dtype=dtype).reshape(-1, *(1 for _ in shape))
        for name, length in LENGTHS.items()
    }


def files_of(path):
    """Name, content and inode of all files of the store."""
    return {
        file.name: (file.read_bytes(), file.stat().st_ino) for file in path.iterdir()
    }


def test_shapes(path):
    add_field(path, 'maps', maps(), note='made by a test')
    store = FrameStore(path, verify=True)
    assert store['maps'].shape == (7, 2, 3) and store['maps'].dtype == np.float16
    assert isinstance(store['maps'], np.memmap)
    assert list(store) == ['label', 'points', 'maps']
    assert store.fields['maps'].note == 'made by a test'
    assert store.fields['label'].note is None
    assert store.header['kept'] == 'as it is'


def test_values(path):
    add_field(path, 'maps', maps(0.5))
    stored = FrameStore(path)['maps']
    np.testing.assert_array_equal(stored[:, 0, 0], [0.5, 1.5, 2.5, 3.5, 0.5, 1.5, 2.5])
    header = json.loads((path / 'header.json').read_text())
    assert header['fields']['maps']['sha256'] == sha256_of_file(path / 'maps.npy')
    np.testing.assert_array_equal(np.load(path / 'maps.npy'), stored)


def test_other_files_are_not_touched(path):
    before = files_of(path)
    add_field(path, 'maps', maps())
    after = files_of(path)
    assert set(after) == {*before, 'maps.npy'}
    assert all(after[name] == before[name] for name in before if name != 'header.json')
    assert [p.name for p in path.parent.iterdir()] == ['store']
    assert (path / 'maps.npy').stat().st_mode == (path / 'label.npy').stat().st_mode


def test_old_readers_go_on(path):
    old = FrameStore(path)
    add_field(path, 'maps', maps())
    assert 'maps' not in old
    np.testing.assert_array_equal(old['label'], [0, 1, 2, 3, 0, 1, 2])


def test_arrays_on_demand(path):
    class OnDemand(dict):
        def __getitem__(self, name):
            asked.append(name)
            return np.full((LENGTHS[name], 2), len(asked), np.uint8)

    asked = []
    add_field(path, 'made', OnDemand.fromkeys(LENGTHS), progress=False)
    assert asked == ['a', 'empty', 'b']
    assert FrameStore(path)['made'][:, 0].tolist() == [1] * 4 + [3] * 3


def test_scalars_and_big_endian(path):
    arrays = {name: np.arange(n, dtype='>f4') for name, n in LENGTHS.items()}
    add_field(path, 'weight', arrays)
    stored = FrameStore(path, verify=True)['weight']
    assert stored.dtype.isnative and stored.tolist() == [0, 1, 2, 3, 0, 1, 2]


def test_portions_of_any_size(path):
    frames = np.arange(7.0)
    with FieldsWriter(path, ['x', 'y'], note='both') as writer:
        for begin, end in ((0, 1), (1, 6), (6, 6), (6, 7)):
            writer.append({'x': frames[begin:end], 'y': -frames[begin:end, None]})
    store = FrameStore(path, verify=True)
    np.testing.assert_array_equal(store['x'], frames)
    np.testing.assert_array_equal(store['y'], -frames[:, None])
    assert {store.fields[name].note for name in 'xy'} == {'both'}


def test_progress(path, capsys):
    add_field(path, 'maps', maps())
    assert 'Adding maps' in capsys.readouterr().out
    add_field(path, 'quiet', maps(), progress=False)
    assert capsys.readouterr().out == ''


def test_overwrite(path):
    add_field(path, 'maps', maps(1.0), note='first')
    old = FrameStore(path)
    add_field(path, 'maps', maps(2.0, np.float32, (5,)), note='second', overwrite=True)
    store = FrameStore(path, verify=True)
    assert store['maps'].shape == (7, 5) and store['maps'][0, 0] == 2.0
    assert store.fields['maps'].note == 'second'
    assert old['maps'][0, 0, 0] == 1.0, 'who has the old one open keeps it'


def test_overwrite_of_a_ragged_field(path):
    add_field(path, 'points', maps(), overwrite=True)
    store = FrameStore(path, verify=True)
    assert not store.fields['points'].ragged
    assert not (path / 'points_offsets.npy').exists()


def test_store_behind_a_link(path, tmp_path):
    (tmp_path / 'elsewhere').mkdir()
    link = tmp_path / 'elsewhere' / 'link'
    link.symlink_to(path)
    with FieldsWriter(link, ['x']) as writer:
        writer.append({'x': np.arange(7)})
        assert len(list(link.parent.iterdir())) == 1, "files grow on the store's disk"
    assert 'x' in FrameStore(link) and link.is_symlink()


def test_two_runs_at_once_keep_both(path):
    with FieldsWriter(path, ['first']) as writer:
        writer.append({'first': np.arange(7)})
        add_field(path, 'second', maps())
    assert set(FrameStore(path, verify=True)) >= {'first', 'second'}


class TestInterrupted:
    @pytest.mark.parametrize('error', [KeyboardInterrupt, ZeroDivisionError])
    def test_exception_in_the_block(self, path, error):
        before = files_of(path)
        with pytest.raises(error), FieldsWriter(path, ['maps']) as writer:
            writer.append({'maps': np.zeros((6, 2))})
            raise error
        assert files_of(path) == before
        assert [p.name for p in path.parent.iterdir()] == ['store']

    def test_killed_while_frames_come(self, path):
        def write_and_die():
            with FieldsWriter(path, ['maps']) as writer:
                writer.append({'maps': np.zeros((6, 2))})
                os.kill(os.getpid(), signal.SIGKILL)

        before = files_of(path)
        process = multiprocessing.get_context('fork').Process(target=write_and_die)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert files_of(path) == before, 'nothing has come into the store'
        add_field(path, 'maps', maps())
        assert 'maps' in FrameStore(path, verify=True)

    @pytest.mark.parametrize(('overwrite', 'steps'), [(False, 3), (True, 4)])
    def test_killed_while_files_move_in(self, path, monkeypatch, overwrite, steps):
        """Whichever renaming is the last, the store is whole."""
        if overwrite:
            add_field(path, 'maps', maps(3.0))
        replace = os.replace
        for step in range(steps):
            copy, done = path.with_name(f'copy{step}'), []
            shutil.copytree(path, copy)

            def stop(source, target, step=step, done=done):
                if len(done) == step:
                    raise Killed
                done.append(replace(source, target))

            monkeypatch.setattr(os, 'replace', stop)
            with (
                pytest.raises(Killed),
                FieldsWriter(copy, ['maps', 'other'], overwrite=overwrite) as writer,
            ):
                writer.append({'maps': np.zeros((7, 9)), 'other': np.zeros(7)})
            monkeypatch.undo()
            store = FrameStore(copy, verify=True)
            np.testing.assert_array_equal(store['label'], [0, 1, 2, 3, 0, 1, 2])
            assert 'other' not in store
            assert ('maps' in store) == (overwrite and step == 0)
            add_field(copy, 'maps', maps(4.0), overwrite=True)
            assert FrameStore(copy, verify=True)['maps'][0, 0, 0] == 4.0


class Killed(BaseException):
    """Stands for the end of the process."""


class TestInvalid:
    def refused(self, path, message, error=ValueError, **options):
        before = files_of(path)
        with pytest.raises(error, match=message):
            add_field(path, **{'name': 'x', 'arrays_by_sequence': maps(), **options})
        assert files_of(path) == before
        assert [p.name for p in path.parent.iterdir()] == ['store']

    def test_taken(self, path):
        self.refused(path, r"has the fields \['label'\] already", name='label')

    def test_taken_meanwhile(self, path):
        with (
            pytest.raises(ValueError, match='already'),
            FieldsWriter(path, ['x']) as writer,
        ):
            writer.append({'x': np.arange(7)})
            add_field(path, 'x', maps(1.0))
        assert FrameStore(path, verify=True)['x'][0, 0, 0] == 1.0

    @pytest.mark.parametrize('name', ['', 'a-b', '../x', 'x.y', '1'])
    def test_name(self, path, name):
        self.refused(path, 'letters, digits and _', name=name)

    def test_length(self, path):
        arrays = {**maps(), 'b': np.zeros((2, 2, 3), np.float16)}
        message = (
            r"'x' of sequence 'b' has shape \[2, 2, 3\], the sequence has 3 frames"
        )
        self.refused(path, message, arrays_by_sequence=arrays)

    def test_sequences(self, path):
        missing = {name: array for name, array in maps().items() if name != 'b'}
        self.refused(path, r"1 names: \['b'\]", arrays_by_sequence=missing)
        more = {**maps(), 'c': np.zeros(0)}
        self.refused(path, r"1 names: \['c'\]", arrays_by_sequence=more)

    @pytest.mark.parametrize(
        'second', [np.zeros((3, 2, 4), np.float16), np.zeros((3, 2, 3), np.float32)]
    )
    def test_rows_change(self, path, second):
        arrays = {**maps(), 'b': second}
        self.refused(path, "'x' changed from float16", arrays_by_sequence=arrays)

    def test_objects(self, path):
        arrays = {name: np.array([None] * n, object) for name, n in LENGTHS.items()}
        self.refused(path, 'Python objects', arrays_by_sequence=arrays)

    def test_number_of_frames(self, path):
        for frames in (6, 8):
            with (
                pytest.raises(ValueError, match=f'got {frames} frames, .* has 7'),
                FieldsWriter(path, ['x']) as writer,
            ):
                writer.append({'x': np.zeros(frames)})
        with (
            pytest.raises(ValueError, match='no frame was appended'),
            FieldsWriter(path, ['x']),
        ):
            pass
        assert 'x' not in FrameStore(path, verify=True)

    def test_append(self, path):
        with (
            pytest.raises(ValueError, match=r"expected the fields \['x', 'y'\]"),
            FieldsWriter(path, ['x', 'y']) as writer,
        ):
            writer.append({'x': np.zeros(7)})
        with (
            pytest.raises(ValueError, match='differ in length'),
            FieldsWriter(path, ['x', 'y']) as writer,
        ):
            writer.append({'x': np.zeros(7), 'y': np.zeros(6)})
        with pytest.raises(RuntimeError, match='open the writer'):
            FieldsWriter(path, ['x']).append({'x': np.zeros(7)})

    def test_names_twice(self, path):
        with pytest.raises(ValueError, match='different names'):
            FieldsWriter(path, ['x', 'x'])
        with pytest.raises(ValueError, match='different names'):
            FieldsWriter(path, [])

    def test_disk_is_full(self, path, monkeypatch):
        usage = namedtuple('usage', 'total used free')
        monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(100, 17, 83))
        self.refused(path, r"\['x'\] of 7 frames take 0.0 GiB, .* make room")
        monkeypatch.setattr(shutil, 'disk_usage', lambda _: usage(100, 16, 84))
        add_field(path, 'x', maps())  # 7 frames of 2 x 3 values of 2 bytes

    def test_no_store(self, tmp_path):
        with pytest.raises(FileNotFoundError, match='not a FrameStore'):
            add_field(tmp_path, 'x', maps())
