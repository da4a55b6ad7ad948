"""FrameStore: arrays of frames on disk, memory-mapped, with a sequence table.

A store is a folder::

    header.json            schema, joint set, axes, unit, fps, licence, source, fields
    sequences.json         one entry a sequence, in frame order
    <field>.npy            frames along axis 0
    <field>_offsets.npy    only for ragged fields: row range of each frame

It is written to a temporary folder beside its destination and renamed, so a store
is whole or absent. Nothing in it is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

SCHEMA_VERSION = 1
_CHUNK_BYTES = 1 << 22
_HEADER_KEYS = {
    'joint_set',
    'fps',
    'unit',
    'num_frames',
    'fields',
    'sequences_sha256',
}


@dataclass(frozen=True)
class SequenceInfo:
    """One row of the sequence table.

    Args:
        name: Unique name inside the store.
        subject: The person.
        action: What the person does.
        camera: Name of the camera.
        image_size: ``(width, height)`` in pixels.
        intrinsics: ``{'f': [fx, fy], 'c': [cx, cy], 'distortion': [k1, k2, p1, p2,
            k3]}`` in pixels, OpenCV's order.
        extrinsics: ``{'R': 3x3, 't': [3]}`` with ``x_cam = R x_world + t``, metres.
        split: ``'train'``, ``'test'`` or ``None``.
        fps: Frames per second where they differ from the header's.
        start: First frame in the store; filled by the writer.
        length: Number of frames; filled by the writer.
        extra: Anything else that JSON can hold.
    """

    name: str
    subject: str | None = None
    action: str | None = None
    camera: str | None = None
    image_size: tuple[int, int] | None = None
    intrinsics: dict[str, Any] | None = None
    extrinsics: dict[str, Any] | None = None
    split: str | None = None
    fps: float | None = None
    start: int = 0
    length: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FieldInfo:
    """Shape, type and checksum of one stored field.

    ``shape`` is that of the ``.npy`` file: frames first, or rows first for a ragged
    field, whose row ranges lie in ``<field>_offsets.npy``. ``note`` says in words where
    a field came from that was added to the store later.
    """

    shape: tuple[int, ...]
    dtype: str
    sha256: str
    ragged: bool = False
    offsets_sha256: str | None = None
    note: str | None = None


class FrameStore:
    """Read a store; fields are shared, read-only memory maps.

    Args:
        path: Folder of the store.
        verify: Also compare every file with its checksum (reads all of it).

    Raises:
        FileNotFoundError: If the folder, its header or a field's file is missing.
        ValueError: If the schema, a size or a checksum does not fit; the message
            names the file and what to run.
    """

    def __init__(self, path: str | os.PathLike, verify: bool = False) -> None:
        self.path = Path(path)
        self.header = self._read_json('header.json')
        version = self.header.get('schema_version')
        if version != SCHEMA_VERSION:
            raise ValueError(
                f'{self.path}: schema version {version!r}, this package reads '
                f'{SCHEMA_VERSION}; convert the data again with the converters in '
                'tools/dataset_converters'
            )
        missing = sorted(_HEADER_KEYS - set(self.header))
        if missing:
            raise ValueError(
                f'{self.path / "header.json"} lacks {missing}; copy the store again or '
                'convert the data again'
            )
        self.fields: dict[str, FieldInfo] = {
            name: FieldInfo(**{**entry, 'shape': tuple(entry['shape'])})
            for name, entry in self.header['fields'].items()
        }
        self.sequences: list[SequenceInfo] = [
            _sequence_from_json(row) for row in self._read_json('sequences.json')
        ]
        self._check_table()
        self._arrays: dict[str, np.ndarray] = {}
        self._offsets: dict[str, np.ndarray] = {}
        for name in self.fields:
            self._open(name)
        if verify:
            self.verify()

    def __len__(self) -> int:
        return int(self.header['num_frames'])

    def __contains__(self, name: object) -> bool:
        return name in self.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> np.ndarray:
        """The memory map of a field, frames along axis 0 (rows, if ragged)."""
        if name not in self.fields:
            raise KeyError(
                f'{self.path} has no field {name!r}; it has {sorted(self.fields)}'
            )
        return self._arrays[name]

    def __getstate__(self) -> dict[str, Any]:
        return {'path': self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state['path'])  # type: ignore[misc]

    def ragged(self, name: str, frame: int) -> np.ndarray:
        """The rows of one frame of a ragged field."""
        array = self[name]
        if not self.fields[name].ragged:
            raise ValueError(f'{self.path}: field {name!r} is not ragged')
        offsets = self._offsets[name]
        if not 0 <= frame < len(self):
            raise IndexError(f'frame {frame} of {len(self)} in {self.path}')
        return array[offsets[frame] : offsets[frame + 1]]

    def offsets(self, name: str) -> np.ndarray:
        """Row ranges of a ragged field: frame i has rows offsets[i] to offsets[i + 1].

        Returns:
            ``(F + 1,)`` int64.
        """
        if not self.fields[name].ragged:
            raise ValueError(f'{self.path}: field {name!r} is not ragged')
        return np.asarray(self._offsets[name])

    def verify(self) -> None:
        """Compare every file with the checksum in the header.

        Raises:
            ValueError: If a file was altered since it was written.
        """
        for name, info in self.fields.items():
            self._check_sum(f'{name}.npy', info.sha256)
            if info.ragged:
                self._check_sum(f'{name}_offsets.npy', info.offsets_sha256)
        self._check_sum('sequences.json', self.header['sequences_sha256'])

    def summary(self) -> str:
        """A few lines for people: sizes, subjects, fields, licence."""
        subjects = sorted({s.subject for s in self.sequences if s.subject})
        cameras = {s.camera for s in self.sequences if s.camera}
        size = sum(a.nbytes for a in self._arrays.values()) / 2**20
        lines = [
            f'{self.path}: {len(self.sequences)} sequences, {len(self)} frames at '
            f'{self.header["fps"]:g} fps, {size:.1f} MiB',
            f'  {len(subjects)} subjects, {len(cameras)} cameras, joint set '
            f'{self.header["joint_set"]}, unit {self.header["unit"]}',
            '  fields: '
            + ', '.join(f'{n} {list(i.shape)}' for n, i in self.fields.items()),
        ]
        if self.header.get('licence'):
            lines.append(f'  licence: {self.header["licence"]}')
        return '\n'.join(lines)

    def _read_json(self, name: str) -> Any:
        file = self.path / name
        if not file.is_file():
            raise FileNotFoundError(
                f'{file} is missing: {self.path} is not a FrameStore; make one with '
                'tools/make_synthetic_data.py or tools/dataset_converters'
            )
        try:
            return json.loads(file.read_text(encoding='utf-8'))
        except ValueError as error:  # not JSON, or not even UTF-8
            raise ValueError(
                f'{file} is not valid JSON ({error}); convert the data again'
            ) from error

    def _open(self, name: str) -> None:
        info = self.fields[name]
        self._arrays[name] = self._map(f'{name}.npy', info.shape, info.dtype)
        if not info.ragged:
            if info.shape[0] != len(self):
                raise ValueError(
                    f'{self.path / name}.npy holds {info.shape[0]} frames, the header '
                    f'says {len(self)}; convert the data again'
                )
            return
        offsets = self._map(f'{name}_offsets.npy', (len(self) + 1,), 'int64')
        if offsets[0] != 0 or offsets[-1] != info.shape[0]:
            raise ValueError(
                f'{self.path / name}_offsets.npy does not cover the {info.shape[0]} '
                'rows of its field; convert the data again'
            )
        self._offsets[name] = offsets

    def _map(self, file_name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        file = self.path / file_name
        if not file.is_file():
            raise FileNotFoundError(
                f'{file} is missing although {self.path / "header.json"} lists it; '
                'copy the store again or convert the data again'
            )
        try:
            array = np.load(file, mmap_mode='r', allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(
                f'{file} is truncated or not a NumPy file ({error}); copy the store '
                'again or convert the data again'
            ) from error
        if array.shape != shape or array.dtype != np.dtype(dtype):
            raise ValueError(
                f'{file} holds {array.dtype} {list(array.shape)}, the header says '
                f'{dtype} {list(shape)}; convert the data again'
            )
        expected = getattr(array, 'offset', None)
        if expected is not None and file.stat().st_size != expected + array.nbytes:
            raise ValueError(
                f'{file} has {file.stat().st_size} bytes, its header says '
                f'{expected + array.nbytes}; copy the store again or convert the data '
                'again'
            )
        return array

    def _check_table(self) -> None:
        expected = 0
        for row in self.sequences:
            if row.start != expected or row.length < 0:
                raise ValueError(
                    f'{self.path / "sequences.json"}: sequence {row.name!r} starts at '
                    f'frame {row.start}, expected {expected}; convert the data again'
                )
            expected += row.length
        if expected != len(self):
            raise ValueError(
                f'{self.path / "sequences.json"} covers {expected} frames, the header '
                f'says {len(self)}; convert the data again'
            )

    def _check_sum(self, file_name: str, expected: str | None) -> None:
        file = self.path / file_name
        actual = sha256_of_file(file)
        if actual != expected:
            raise ValueError(
                f'{file} was altered: its SHA-256 is {actual}, the header says '
                f'{expected}; copy the store again or convert the data again'
            )


class FrameStoreWriter:
    """Write a store; use as a context manager.

    Fields are appended to disk sequence by sequence, so memory stays bounded by one
    sequence. Leaving the block without an exception renames the temporary folder to
    ``path``; with one, nothing is left behind.

    Args:
        path: Destination folder.
        joint_set: Name of the joint order, for example ``'h36m17'``.
        axes: The coordinate frames, in words.
        unit: Unit of lengths in 3D.
        fps: Frames per second.
        licence: Licence of the data.
        source: Where the data came from, in words.
        source_sha256: Checksum of the source file, if it was one file.
        overwrite: Replace an existing store.
        extra: Further header entries.

    Raises:
        FileExistsError: If ``path`` exists and ``overwrite`` is false, or it is not a
            store, which is never replaced.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        joint_set: str,
        fps: float,
        axes: str = 'camera: x right, y down, z forward; world: z up',
        unit: str = 'm',
        licence: str = '',
        source: str = '',
        source_sha256: str | None = None,
        overwrite: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.overwrite = overwrite
        check_destination(self.path, self.overwrite)
        self._header: dict[str, Any] = {
            'schema_version': SCHEMA_VERSION,
            'joint_set': joint_set,
            'axes': axes,
            'unit': unit,
            'fps': float(fps),
            'licence': licence,
            'source': source,
            'source_sha256': source_sha256,
            **(extra or {}),
        }
        self._sequences: list[SequenceInfo] = []
        self._names: set[str] = set()
        self._columns: dict[str, _Column] = {}
        self._num_frames = 0
        self._folder: Path | None = None

    def __enter__(self) -> FrameStoreWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(
            tempfile.mkdtemp(prefix=f'.{self.path.name}.', dir=self.path.parent)
        )
        self._folder.chmod(0o755)
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
            for column in self._columns.values():
                column.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def add_sequence(
        self,
        info: SequenceInfo,
        arrays: Mapping[str, np.ndarray | Sequence[np.ndarray]],
    ) -> None:
        """Append one sequence.

        Args:
            info: Its row of the table; ``start`` and ``length`` are filled in.
            arrays: For each field an array with frames along axis 0, or, for a ragged
                field, a list of one array a frame.

        Raises:
            ValueError: If fields differ from those of the first sequence, lengths
                disagree, a name returns, or a value is of an object type.
        """
        if self._folder is None:
            raise RuntimeError('open the writer with `with FrameStoreWriter(...)`')
        if info.name in self._names:
            raise ValueError(f'sequence name {info.name!r} occurs twice')
        lengths = {name: len(value) for name, value in arrays.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(
                f'sequence {info.name!r}: fields differ in length: {lengths}'
            )
        if self._columns and set(arrays) != set(self._columns):
            raise ValueError(
                f'sequence {info.name!r} has fields {sorted(arrays)}, the store has '
                f'{sorted(self._columns)}'
            )
        for name, value in arrays.items():
            if name not in self._columns:
                self._columns[name] = _Column(self._folder, name)
            self._columns[name].append(value)
        length = next(iter(lengths.values()))
        self._names.add(info.name)
        self._sequences.append(replace(info, start=self._num_frames, length=length))
        self._num_frames += length

    def _finish(self) -> None:
        assert self._folder is not None
        if not self._sequences:
            raise ValueError(f'no sequence was added; {self.path} is not written')
        rows = [_sequence_to_json(row) for row in self._sequences]
        table = self._folder / 'sequences.json'
        table.write_text(json.dumps(rows, indent=1), encoding='utf-8')
        self._header['num_frames'] = self._num_frames
        self._header['sequences_sha256'] = sha256_of_file(table)
        self._header['fields'] = {
            name: asdict(column.finish()) for name, column in self._columns.items()
        }
        (self._folder / 'header.json').write_text(
            json.dumps(self._header, indent=1), encoding='utf-8'
        )
        check_destination(self.path, self.overwrite)
        replace_folder(self._folder, self.path)


class _Column:
    """A field while it is written: raw rows first, the ``.npy`` header at the end."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.ragged: bool | None = None
        self.row_shape: tuple[int, ...] | None = None
        self.dtype: np.dtype | None = None
        self.rows = 0
        self.counts: list[int] = []
        self._raw = (folder / f'{name}.raw').open('wb')

    def append(self, value: np.ndarray | Sequence[np.ndarray]) -> None:
        ragged = not isinstance(value, np.ndarray)
        if ragged:
            self.counts.extend(len(frame) for frame in value)
            frames = [np.asarray(frame) for frame in value]
            value = np.concatenate(frames) if frames else np.empty((0,))
            if not len(frames):
                return
        array = np.ascontiguousarray(value)
        if array.dtype.hasobject:
            raise ValueError(f'field {self.name!r} holds Python objects')
        array = array.astype(array.dtype.newbyteorder('='), copy=False)
        if self.dtype is None:
            self.ragged, self.row_shape, self.dtype = (
                ragged,
                array.shape[1:],
                array.dtype,
            )
        if (ragged, array.shape[1:], array.dtype) != (
            self.ragged,
            self.row_shape,
            self.dtype,
        ):
            raise ValueError(
                f'field {self.name!r} changed from {self.dtype} {self.row_shape} to '
                f'{array.dtype} {array.shape[1:]} a row'
            )
        self._raw.write(array.tobytes())
        self.rows += len(array)

    def finish(self) -> FieldInfo:
        self.close()
        assert self.dtype is not None and self.row_shape is not None
        shape = (self.rows, *self.row_shape)
        target = self.folder / f'{self.name}.npy'
        raw = self.folder / f'{self.name}.raw'
        with target.open('wb') as out, raw.open('rb') as rows:
            np.lib.format.write_array_header_1_0(
                out,
                {
                    'descr': np.lib.format.dtype_to_descr(self.dtype),
                    'fortran_order': False,
                    'shape': shape,
                },
            )
            shutil.copyfileobj(rows, out, _CHUNK_BYTES)
            _flush_to_disk(out)
        raw.unlink()
        offsets_sum = None
        if self.ragged:
            offsets = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)
            offsets_file = self.folder / f'{self.name}_offsets.npy'
            np.save(offsets_file, offsets, allow_pickle=False)
            offsets_sum = sha256_of_file(offsets_file)
        return FieldInfo(
            shape,
            self.dtype.name,
            sha256_of_file(target),
            bool(self.ragged),
            offsets_sum,
        )

    def close(self) -> None:
        if not self._raw.closed:
            self._raw.close()


def check_destination(
    path: str | os.PathLike,
    overwrite: bool,
    *,
    mark: str = 'header.json',
    without: str = 'is not a FrameStore',
) -> None:
    """Refuse a folder that a store, or other data with a mark, may not take.

    Args:
        path: The folder.
        overwrite: Whether data of the same kind may be replaced.
        mark: File by which they are known.
        without: What a folder without it does or is.

    Raises:
        FileExistsError: If it exists without the mark, or with it and ``overwrite`` is
            false.
    """
    path = Path(path)
    if not path.exists():
        return
    if not (path / mark).is_file():
        raise FileExistsError(f'{path} exists and {without}; choose another folder')
    if not overwrite:
        raise FileExistsError(
            f'{path} exists; choose another folder or pass overwrite=True (--overwrite '
            'in the tools)'
        )


def sha256_of_file(file: str | os.PathLike) -> str:
    """SHA-256 of a file, read in chunks."""
    digest = hashlib.sha256()
    with open(file, 'rb') as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def replace_folder(source: Path, target: Path) -> None:
    """Rename ``source`` to ``target``; an old target is removed only afterwards."""
    if not target.exists():
        os.rename(source, target)
        return
    old = Path(tempfile.mkdtemp(prefix=f'.{target.name}.old.', dir=target.parent))
    os.rename(target, old / target.name)
    os.rename(source, target)
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(stream: Any) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _sequence_to_json(row: SequenceInfo) -> dict[str, Any]:
    return {key: value for key, value in asdict(row).items() if value not in (None, {})}


def _sequence_from_json(row: Mapping[str, Any]) -> SequenceInfo:
    known = {f.name for f in fields(SequenceInfo)}
    values = {key: value for key, value in row.items() if key in known}
    if values.get('image_size') is not None:
        values['image_size'] = tuple(values['image_size'])
    return SequenceInfo(**values)
