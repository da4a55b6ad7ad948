"""Read public pickle files without running what is in them.

A pickle is a program. This reader executes only the part of it that builds NumPy
arrays, scalars and data types, and Python's own numbers, strings and containers;
anything else is refused by name before it is imported. Objects of a package that the
caller names come as inert :class:`ForeignObject` instead, and that package is not
imported either.
"""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np


class ForeignObject:
    """Stands in for an object whose class is not imported, and does nothing.

    Attributes:
        kind: Module and name of its class, for example ``'chumpy.ch.Ch'``.
        state: What it stored, as a rule the dict of its attributes.
    """

    __slots__ = ('state',)

    kind: str = ''
    state: Any

    def __new__(cls, *_: Any) -> ForeignObject:
        """Make one from whatever arguments, which are dropped."""
        stand_in = super().__new__(cls)
        stand_in.state = None
        return stand_in

    def __setstate__(self, state: Any) -> None:
        self.state = state


def load_pickle(path: str | os.PathLike, *, foreign: Sequence[str] = ()) -> Any:
    """Read a pickle of arrays and containers, Python 2 ones in latin-1 included.

    Args:
        path: The file.
        foreign: Packages whose objects come as :class:`ForeignObject`, for example
            ``('chumpy', 'scipy.sparse')``.

    Returns:
        What was pickled.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the pickle asks for any other global (the message names it) or
            is truncated or not a pickle.
    """
    file = _existing(path)
    with file.open('rb') as stream:
        return _load(stream, str(file), foreign)


def load_npz(
    path: str | os.PathLike, *, foreign: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Read an ``.npz`` whose members may be object arrays.

    Args:
        path: The file.
        foreign: As for :func:`load_pickle`.

    Returns:
        All arrays by name. A dict stored by ``np.savez(x=some_dict)`` is a 0-d object
        array: take it out with ``.item()``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not an ``.npz``, is truncated, or an object array
            holds more than arrays and containers; the message names the member.
    """
    file = _existing(path)
    try:
        with zipfile.ZipFile(file) as archive:
            return {
                name.removesuffix('.npy'): _read_member(archive, name, file, foreign)
                for name in archive.namelist()
            }
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(
            f'{file} is not an .npz file or is truncated ({error}); download it again'
        ) from error


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickler that admits NumPy data and builtin containers only.

    Args:
        file: Binary stream.
        name: How error messages call it.
        foreign: As for :func:`load_pickle`.
    """

    def __init__(self, file: IO[bytes], name: str, foreign: Sequence[str] = ()) -> None:
        super().__init__(file, encoding='latin1')
        self.name = name
        self.foreign = tuple(f'{package}.' for package in foreign)

    def find_class(self, module: str, name: str) -> Any:
        """Return an admitted global.

        Raises:
            ValueError: If it is not admitted.
        """
        if (module, name) in _ADMITTED:
            return _ADMITTED[module, name]
        if f'{module}.'.startswith(self.foreign):
            kind = {'__slots__': (), 'kind': f'{module}.{name}'}
            return type('ForeignObject', (ForeignObject,), kind)
        raise ValueError(
            f'{self.name} asks for the global {module}.{name}, which is not among the '
            'NumPy and builtin types that are read here; do not trust this file, or '
            'save it again with plain arrays, lists and dicts only'
        )


class _Latin1Encode:
    """``_codecs.encode`` for the one use that pickles make of it: bytes as text."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str = 'latin1') -> bytes:
        if encoding not in ('latin1', 'latin-1'):
            raise ValueError(f'encoding {encoding!r} is not read here')
        return text.encode('latin1')


class _FromBuffer:
    """Array from bytes, as pickle protocol 5 stores contiguous arrays."""

    __slots__ = ()

    def __call__(
        self,
        buffer: Any,
        dtype: np.dtype,
        shape: tuple[int, ...],
        order: Literal['C', 'F'],
        *_: Any,
    ) -> np.ndarray:
        return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


class _Reconstructor:
    """``copyreg._reconstructor``, with which protocols 0 and 1 make objects."""

    __slots__ = ()

    def __call__(self, kind: Any, base: Any, state: Any) -> ForeignObject:
        if not (isinstance(kind, type) and issubclass(kind, ForeignObject)):
            raise ValueError(f'an object of {kind} is not read here')
        return kind()


def _admitted() -> dict[tuple[str, str], Any]:
    reconstruct = np.empty(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    table: dict[tuple[str, str], Any] = {
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): np.dtype,
        ('_codecs', 'encode'): _Latin1Encode(),
    }
    for core in ('numpy.core', 'numpy._core'):
        table[f'{core}.multiarray', '_reconstruct'] = reconstruct
        table[f'{core}.multiarray', 'scalar'] = scalar
        table[f'{core}.numeric', '_frombuffer'] = _FromBuffer()
    for builtins in ('builtins', '__builtin__'):
        for kind in (set, frozenset, bytearray, complex, object):
            table[builtins, kind.__name__] = kind
    for copyreg in ('copyreg', 'copy_reg'):
        table[copyreg, '_reconstructor'] = _Reconstructor()
    return table


_ADMITTED = _admitted()


def _existing(path: str | os.PathLike) -> Path:
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'there is no file {file}; check the path')
    return file


def _load(stream: IO[bytes], name: str, foreign: Sequence[str]) -> Any:
    try:
        return RestrictedUnpickler(stream, name, foreign).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        OverflowError,
        UnicodeError,
    ) as error:
        raise ValueError(
            f'{name} is truncated or not a pickle of arrays '
            f'({type(error).__name__}: {error})'
        ) from error


def _read_member(
    archive: zipfile.ZipFile, name: str, file: Path, foreign: Sequence[str]
) -> np.ndarray:
    label = f'{file}:{name}'
    with archive.open(name) as stream:
        if not _holds_objects(stream, label):
            stream.seek(0)
            return np.lib.format.read_array(stream, allow_pickle=False)
        array = _load(stream, label, foreign)
    if not isinstance(array, np.ndarray):
        raise ValueError(f'{label} holds a {type(array).__name__}, not an array')
    return array


def _holds_objects(stream: IO[bytes], label: str) -> bool:
    """Read the header of an ``.npy``; the stream is then at its data."""
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            dtype = np.lib.format.read_array_header_1_0(stream)[2]
        elif version == (2, 0):
            dtype = np.lib.format.read_array_header_2_0(stream)[2]
        else:
            return False
    except ValueError as error:
        raise ValueError(f'{label} is not an .npy file ({error})') from error
    return dtype.hasobject
