"""Pickles of arrays are read, everything else is refused."""

import io
import pickle
import zipfile

import numpy as np
import public_formats
import pytest

from mmpose_ext.datasets.restricted_unpickler import (
    ForeignObject,
    load_npz,
    load_pickle,
)


def content():
    return {
        'array': np.arange(6, dtype=np.float32).reshape(2, 3),
        'fortran': np.asfortranarray(np.arange(6).reshape(2, 3)),
        'objects': np.array(['a', None, {'b': np.eye(2)}], dtype=object),
        'scalar': np.float64(2.5),
        'text': np.array(['S1', 'S11']),
        'list': [1, 2.5, 'é', b'\x00\xff', None, True, (1, 2), {3, 4}],
        'long': 'x' * 300,
    }


def assert_content(actual):
    expected = content()
    assert set(actual) == set(expected)
    for key in ('array', 'fortran', 'text'):
        np.testing.assert_array_equal(actual[key], expected[key])
        assert actual[key].dtype == expected[key].dtype
    assert actual['scalar'] == 2.5
    np.testing.assert_array_equal(actual['objects'][2]['b'], np.eye(2))
    assert actual['long'] == expected['long']


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_all_protocols(tmp_path, protocol):
    file = tmp_path / 'data.pkl'
    file.write_bytes(pickle.dumps(content(), protocol=protocol))
    actual = load_pickle(file)
    assert_content(actual)
    assert actual['list'] == content()['list']


def test_python2(tmp_path):
    file = public_formats.write_pickle(tmp_path / 'data.pkl', content(), python2=True)
    assert b'numpy.core.multiarray' in file.read_bytes()
    actual = load_pickle(file)
    assert_content(actual)
    # Python 2 strings come as text, whatever they were.
    assert actual['list'][3] == '\x00ÿ'


def test_npz(tmp_path):
    file = tmp_path / 'data.npz'
    np.savez(file, plain=np.eye(3), nested={'S1': {'walk': [np.ones((2, 2))]}})
    data = load_npz(file)
    np.testing.assert_array_equal(data['plain'], np.eye(3))
    assert data['nested'].shape == ()
    np.testing.assert_array_equal(data['nested'].item()['S1']['walk'][0], 1)


def test_npz_compressed(tmp_path):
    file = tmp_path / 'data.npz'
    np.savez_compressed(file, nested={'a': np.arange(3)}, plain=np.arange(4))
    data = load_npz(file)
    assert data['nested'].item()['a'].tolist() == [0, 1, 2]
    assert data['plain'].tolist() == [0, 1, 2, 3]


class TestMalicious:
    @pytest.mark.parametrize('python2', [False, True])
    def test_command(self, tmp_path, python2):
        trap = tmp_path / 'trap'
        bad = public_formats.Malicious(f'touch {trap}')
        file = public_formats.write_pickle(
            tmp_path / 'bad.pkl', {'train': bad}, python2=python2
        )
        with pytest.raises(ValueError, match=r'(posix|nt|os)\.system'):
            load_pickle(file)
        assert not trap.exists()
        with file.open('rb') as stream:  # it would have worked
            pickle.load(stream)
        assert trap.exists()

    def test_inside_an_object_array(self, tmp_path):
        trap = tmp_path / 'trap'
        file = tmp_path / 'bad.npz'
        np.savez(file, positions_3d={'S1': public_formats.Malicious(f'touch {trap}')})
        with pytest.raises(ValueError, match=r'positions_3d.*system'):
            load_npz(file)
        assert not trap.exists()

    @pytest.mark.parametrize(
        'name',
        [
            'builtins\neval',
            '__builtin__\neval',
            'builtins\ngetattr',
            'os\nsystem',
            'numpy\nload',
            'numpy.core.multiarray\nfromfile',
            'numpy\nndarray.tofile',
            'functools\npartial',
        ],
    )
    def test_globals(self, tmp_path, name):
        file = tmp_path / 'bad.pkl'
        file.write_bytes(b'c' + name.encode() + b'\n.')
        with pytest.raises(ValueError, match=name.replace('\n', r'\.')):
            load_pickle(file)

    def test_dotted_name(self, tmp_path):
        """Protocol 4 resolves `a.b` by attribute; the table has no dots."""
        file = tmp_path / 'bad.pkl'
        file.write_bytes(b'\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.')
        with pytest.raises(ValueError, match='ndarray.tofile'):
            load_pickle(file)

    def test_codec(self, tmp_path):
        file = tmp_path / 'bad.pkl'
        file.write_bytes(
            b'\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.'
        )
        with pytest.raises(ValueError, match='rot13'):
            load_pickle(file)


class Constant:
    """Pickles as an object of a package that is not installed."""

    def __init__(self, **state):
        self.__dict__.update(state)


Constant.__module__, Constant.__qualname__ = 'absent.ch', 'Ch'


class TestForeign:
    def dump(self, tmp_path, value, protocol=2):
        # Python's own pickler insists on importing the class.
        pickler = type('Pickler', (pickle._Pickler,), {'save_global': save_name})
        file = tmp_path / 'data.pkl'
        with file.open('wb') as stream:
            pickler(stream, protocol=protocol).dump(value)
        return file

    @pytest.mark.parametrize('protocol', [0, 1, 2])
    def test_objects_come_inert(self, tmp_path, protocol):
        value = {'a': Constant(x=np.arange(3), inner=Constant(x=1)), 'b': np.eye(2)}
        file = self.dump(tmp_path, value, protocol)
        data = load_pickle(file, foreign=('other', 'absent'))
        assert isinstance(data['a'], ForeignObject)
        assert data['a'].kind == 'absent.ch.Ch'
        np.testing.assert_array_equal(data['a'].state['x'], np.arange(3))
        assert data['a'].state['inner'].state == {'x': 1}
        np.testing.assert_array_equal(data['b'], np.eye(2))

    def test_in_npz(self, tmp_path):
        inside = self.dump(tmp_path, np.array(Constant(x=1), dtype=object)).read_bytes()
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            stream, {'descr': '|O', 'fortran_order': False, 'shape': ()}
        )
        with zipfile.ZipFile(tmp_path / 'data.npz', 'w') as archive:
            archive.writestr('a.npy', stream.getvalue() + inside)
        data = load_npz(tmp_path / 'data.npz', foreign=('absent',))
        assert data['a'].item().state == {'x': 1}
        with pytest.raises(ValueError, match=r'a.npy .*absent\.ch\.Ch'):
            load_npz(tmp_path / 'data.npz')

    @pytest.mark.parametrize('foreign', [(), ('abs',), ('absent.c',), ('ch',)])
    def test_only_packages_that_are_named(self, tmp_path, foreign):
        file = self.dump(tmp_path, Constant(x=1))
        with pytest.raises(ValueError, match=r'absent\.ch\.Ch'):
            load_pickle(file, foreign=foreign)

    def test_a_named_package_is_not_run(self, tmp_path):
        trap = tmp_path / 'trap'
        file = tmp_path / 'bad.pkl'
        file.write_bytes(
            b"csubprocess\ncall\n(S'touch "
            + str(trap).encode()
            + b"'\nI01\ntR."  # call(command, 1)
        )
        loaded = load_pickle(file, foreign=('subprocess',))
        assert loaded.kind == 'subprocess.call' and loaded.state is None
        assert not trap.exists()

    @pytest.mark.parametrize('kind', [b'numpy\nndarray', b'builtins\nset'])
    def test_reconstructor_makes_nothing_else(self, tmp_path, kind):
        file = tmp_path / 'bad.pkl'
        file.write_bytes(
            b'ccopy_reg\n_reconstructor\n(c' + kind + b'\nc__builtin__\nobject\nNtR.'
        )
        with pytest.raises(ValueError, match='is not read here'):
            load_pickle(file, foreign=('absent',))


def save_name(pickler, value, name=None):
    """Write a global by name, without looking it up."""
    name = name or value.__qualname__
    pickler.write(pickle.GLOBAL + f'{value.__module__}\n{name}\n'.encode())
    pickler.memoize(value)


class TestInvalid:
    def test_missing(self, tmp_path):
        for load in (load_pickle, load_npz):
            with pytest.raises(FileNotFoundError, match='nothing.here'):
                load(tmp_path / 'nothing.here')

    @pytest.mark.parametrize('cut', [0, 1, 20, 200])
    def test_truncated_pickle(self, tmp_path, cut):
        file = tmp_path / 'cut.pkl'
        file.write_bytes(pickle.dumps(content())[:cut])
        with pytest.raises(ValueError, match='cut.pkl'):
            load_pickle(file)

    def test_not_a_pickle(self, tmp_path):
        file = tmp_path / 'page.pkl'
        file.write_text('<!DOCTYPE html><html>')
        with pytest.raises(ValueError, match='page.pkl'):
            load_pickle(file)

    def test_not_a_zip(self, tmp_path):
        file = tmp_path / 'page.npz'
        file.write_text('<!DOCTYPE html><html>')
        with pytest.raises(ValueError, match='page.npz is not an .npz'):
            load_npz(file)

    def test_member_is_no_array(self, tmp_path):
        file = tmp_path / 'odd.npz'
        with zipfile.ZipFile(file, 'w') as archive:
            archive.writestr('a.npy', b'hello')
        with pytest.raises(ValueError, match='a.npy'):
            load_npz(file)

    def test_object_member_that_is_no_array(self, tmp_path):
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            stream, {'descr': '|O', 'fortran_order': False, 'shape': ()}
        )
        file = tmp_path / 'odd.npz'
        with zipfile.ZipFile(file, 'w') as archive:
            archive.writestr('a.npy', stream.getvalue() + pickle.dumps({'x': 1}))
        with pytest.raises(ValueError, match='a dict, not an array'):
            load_npz(file)
