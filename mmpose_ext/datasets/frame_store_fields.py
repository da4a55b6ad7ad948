"""Adding fields to a FrameStore that exists, without copying the others.

New files grow in a hidden folder beside the store. Only when they are complete do they
move in, and the header, which makes them part of the store, is rewritten last. A run
that is killed leaves the store as it was.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import numpy as np
from rich.progress import track

from mmpose_ext.atomic_write import write_json
from mmpose_ext.datasets.frame_store import FieldInfo, FrameStore


def add_field(
    path: str | os.PathLike,
    name: str,
    arrays_by_sequence: Mapping[str, np.ndarray],
    *,
    note: str = '',
    overwrite: bool = False,
    progress: bool = True,
) -> None:
    """Add one field to a store.

    Args:
        path: Folder of the store.
        name: The new field.
        arrays_by_sequence: For the name of each sequence an array with its frames along
            axis 0, all of one type and row shape. A mapping that computes or loads them
            on demand keeps memory bounded by one sequence.
        note: Where the field came from, in words; kept in the header.
        overwrite: Replace a field of this name.
        progress: Show a progress bar.

    Raises:
        ValueError: If sequences are missing or unknown, a length is wrong, or as
            :class:`FieldsWriter` does.
    """
    with FieldsWriter(path, [name], note=note, overwrite=overwrite) as writer:
        rows = writer.store.sequences
        wrong = sorted({row.name for row in rows} ^ set(arrays_by_sequence))
        if wrong:
            raise ValueError(
                f'{path}: the arrays of {name!r} and the sequences of the store differ '
                f'in {len(wrong)} names: {wrong[:5]}'
            )
        for row in track(rows, f'Adding {name}', disable=not progress):
            array = np.asarray(arrays_by_sequence[row.name])
            if array.shape[:1] != (row.length,):
                raise ValueError(
                    f'{path}: {name!r} of sequence {row.name!r} has shape '
                    f'{list(array.shape)}, the sequence has {row.length} frames'
                )
            writer.append({name: array})


class FieldsWriter:
    """Write fields that join a store together; use as a context manager.

    Frames are appended in the store's order, in portions of any size. Leaving the block
    without an exception adds the fields; with one, nothing is left behind. A field that
    is replaced first leaves the header, so a run killed in that instant costs this
    field and no other.

    Args:
        path: Folder of the store.
        names: The new fields.
        note: Where they came from, in words; kept in the header.
        overwrite: Replace fields of these names.

    Raises:
        ValueError: If a name is no identifier, occurs twice, or is taken and
            ``overwrite`` is false; on leaving, if frames are missing. As
            :class:`FrameStore` does, if the store is damaged.
        FileNotFoundError: If there is no store.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        names: Sequence[str],
        *,
        note: str = '',
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path).resolve()
        self.names, self.note, self.overwrite = tuple(names), note, overwrite
        self.store = FrameStore(self.path)
        wrong = [name for name in names if not name.isidentifier()]
        if wrong or not names or len(set(names)) != len(names):
            raise ValueError(
                f'fields need different names of letters, digits and _, got {names}'
            )
        self._refuse_taken(self.store.fields)
        self._files: dict[str, _FieldFile] = {}
        self._folder: Path | None = None

    def __enter__(self) -> FieldsWriter:
        self._folder = Path(
            tempfile.mkdtemp(prefix=f'.{self.path.name}.', dir=self.path.parent)
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._folder is not None
        try:
            if kind is None:
                self._finish()
        finally:
            for file in self._files.values():
                file.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def append(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Append the next frames of every field.

        Args:
            arrays: An array with frames along axis 0 for each name.

        Raises:
            ValueError: If names or lengths differ, a row changes its shape or type,
                frames are too many, or the disk is too small for all of them.
        """
        if self._folder is None:
            raise RuntimeError('open the writer with `with FieldsWriter(...)`')
        if set(arrays) != set(self.names):
            raise ValueError(
                f'expected the fields {sorted(self.names)}, got {sorted(arrays)}'
            )
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f'fields differ in length: {lengths}')
        if not self._files:
            self._open_files(arrays)
        for name, array in arrays.items():
            self._files[name].append(array)

    def _open_files(self, arrays: Mapping[str, np.ndarray]) -> None:
        assert self._folder is not None
        need = len(self.store) * sum(_row_bytes(array) for array in arrays.values())
        free = shutil.disk_usage(self._folder).free
        if need > free:
            raise ValueError(
                f'{list(arrays)} of {len(self.store)} frames take '
                f'{need / 2**30:.1f} GiB, {self.path.parent} has '
                f'{free / 2**30:.1f} GiB left; make room or choose smaller features'
            )
        for name, array in arrays.items():
            file = self._folder / f'{name}.npy'
            self._files[name] = _FieldFile(file, len(self.store), array)

    def _finish(self) -> None:
        assert self._folder is not None
        if not self._files:
            raise ValueError(f'no frame was appended; {self.path} is left as it is')
        infos = {name: file.finish(self.note) for name, file in self._files.items()}
        file = self.path / 'header.json'
        # Not the header from the start: another run may have added fields meanwhile.
        header = json.loads(file.read_text(encoding='utf-8'))
        self._refuse_taken(header['fields'])
        replaced = {name: header['fields'].pop(name, None) for name in infos}
        if any(replaced.values()):
            write_json(file, header)
        for name in infos:
            os.replace(self._folder / f'{name}.npy', self.path / f'{name}.npy')
            (self.path / f'{name}_offsets.npy').unlink(missing_ok=True)
        header['fields'].update({name: asdict(info) for name, info in infos.items()})
        write_json(file, header)

    def _refuse_taken(self, fields: Iterable[str]) -> None:
        taken = sorted(set(self.names) & set(fields))
        if taken and not self.overwrite:
            raise ValueError(
                f'{self.path} has the fields {taken} already; choose other names or '
                'pass overwrite=True (--overwrite in the tools)'
            )


class _FieldFile:
    """A ``.npy`` file of known length that grows row by row, with its checksum."""

    def __init__(self, file: Path, num_frames: int, example: np.ndarray) -> None:
        if example.dtype.hasobject:
            raise ValueError(f'field {file.stem!r} holds Python objects')
        self.dtype = example.dtype.newbyteorder('=')
        self.shape = (num_frames, *example.shape[1:])
        self.name, self.rows = file.stem, 0
        self._stream, self._digest = file.open('wb'), hashlib.sha256()
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header,
            {
                'descr': np.lib.format.dtype_to_descr(self.dtype),
                'fortran_order': False,
                'shape': self.shape,
            },
        )
        self._write(header.getvalue())

    def append(self, array: np.ndarray) -> None:
        if (array.shape[1:], array.dtype.newbyteorder('=')) != (
            self.shape[1:],
            self.dtype,
        ):
            raise ValueError(
                f'field {self.name!r} changed from {self.dtype} {self.shape[1:]} to '
                f'{array.dtype} {array.shape[1:]} a row'
            )
        self.rows += len(array)
        if self.rows > self.shape[0]:
            raise ValueError(
                f'field {self.name!r} got {self.rows} frames, the store has '
                f'{self.shape[0]}'
            )
        self._write(np.ascontiguousarray(array, self.dtype).tobytes())

    def finish(self, note: str) -> FieldInfo:
        if self.rows != self.shape[0]:
            raise ValueError(
                f'field {self.name!r} got {self.rows} frames, the store has '
                f'{self.shape[0]}'
            )
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.close()
        return FieldInfo(
            self.shape, self.dtype.name, self._digest.hexdigest(), note=note or None
        )

    def close(self) -> None:
        self._stream.close()

    def _write(self, content: bytes) -> None:
        self._stream.write(content)
        self._digest.update(content)


def _row_bytes(array: np.ndarray) -> int:
    return array.dtype.itemsize * int(np.prod(array.shape[1:]))
