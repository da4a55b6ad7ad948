"""Files that are whole or absent."""

import json
import os

import pytest

from mmpose_ext.atomic_write import atomic_path, write_bytes, write_json


def test_values(tmp_path):
    file = tmp_path / 'new' / 'a.json'
    write_json(file, {'b': [1, 2.5]})
    assert json.loads(file.read_text()) == {'b': [1, 2.5]}
    assert [f.name for f in file.parent.iterdir()] == ['a.json']


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path):
    file = tmp_path / 'a.json'
    write_json(file, 1)
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert file.read_text() == '1\n'
    assert list(tmp_path.iterdir()) == [file]


def test_interrupted_writing_leaves_nothing(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_bytes(tmp_path / 'model.pth', b'weights')
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_bytes(tmp_path / 'ours', b'')
    (tmp_path / 'theirs').touch()
    assert (tmp_path / 'ours').stat().st_mode == (tmp_path / 'theirs').stat().st_mode


def test_invalid(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / 'a.json', float('nan'))
    assert not list(tmp_path.iterdir())
