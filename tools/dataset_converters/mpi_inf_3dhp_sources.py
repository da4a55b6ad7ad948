"""Read MPI-INF-3DHP: the official release, and the .npz files of P-STMO and D3DP."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from conversion import first_bad_frame
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mmpose_ext.datasets.mpi_inf_3dhp import (
    ACTIVITIES,
    TEST_SEQUENCES,
    TRAIN_CAMERAS,
    TRAIN_SEQUENCES,
)
from mmpose_ext.datasets.restricted_unpickler import load_npz
from mmpose_ext.geometry import MPI_INF_3DHP17, MPI_INF_3DHP28_TO_17

# What SciPy raises for a file that is cut short, overwritten or of another version.
_DAMAGED = (
    *(ValueError, TypeError, OSError, NotImplementedError),
    *(MatReadError, zlib.error),
)
MILLIMETRES = (500.0, 50000.0)
"""Depths at which somebody can be."""


@dataclass(frozen=True)
class View:
    """One sequence as a camera saw it; joints in the order of 3DHP-17.

    ``keypoints`` ``(F, 17, 2)`` pixels, ``pose`` ``(F, 17, 3)`` camera frame,
    millimetres, ``valid`` ``(F,)`` bool, ``activity`` ``(F,)`` numbers where known,
    ``calibration`` image size and intrinsics where the source has them. ``where`` names
    the view in messages.
    """

    where: str
    camera: str | None
    keypoints: np.ndarray
    pose: np.ndarray
    valid: np.ndarray
    fps: float | None = None
    activity: np.ndarray | None = None
    calibration: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Recording:
    """A sequence of a source, read when it is needed.

    ``annotation`` is ``None`` where the source does not say which one it holds.
    """

    sequence: str
    source: Path
    annotation: str | None
    load: Callable[[], list[View]]


def find_recordings(sources: Sequence[Path], annotation: str) -> list[Recording]:
    """All sequences of the sources, in the order of the data set.

    Args:
        sources: Folders of the release, ``.npz`` files.
        annotation: What to read from a release; an ``.npz`` holds one, unnamed.

    Raises:
        FileNotFoundError: If a source does not exist or a folder holds no sequence.
        ValueError: If a name is not that of a sequence, a sequence comes twice, or a
            file is damaged.
    """
    by_name: dict[str, Recording] = {}
    for source in sources:
        found = _in_release(source, annotation) if source.is_dir() else _in_npz(source)
        for recording in found:
            other = by_name.setdefault(recording.sequence, recording)
            if other is not recording:
                raise ValueError(
                    f'{recording.sequence} is in {other.source} and in '
                    f'{recording.source}; give each sequence once'
                )
    order = [*TRAIN_SEQUENCES, *TEST_SEQUENCES]
    return [by_name[name] for name in order if name in by_name]


def _in_npz(file: Path) -> list[Recording]:
    arrays = load_npz(file)
    data = arrays['data'].item() if np.shape(arrays.get('data', [0])) == () else None
    if not isinstance(data, dict) or not data:
        raise ValueError(
            f'{file} holds {sorted(arrays)}, expected a dict saved as data; give '
            'data_train_3dhp.npz or data_test_3dhp.npz as P-STMO or D3DP make them'
        )
    readers: dict[str, Callable[[str, Any, str], list[View]]]
    readers = dict.fromkeys(TRAIN_SEQUENCES, _train_entry)
    readers |= dict.fromkeys(TEST_SEQUENCES, _test_entry)
    _check_names(data, readers, file)
    return [
        Recording(
            name, file, None, partial(readers[name], name, entry, f'{file}: {name}')
        )
        for name, entry in data.items()
    ]


def _in_release(folder: Path, annotation: str) -> list[Recording]:
    train = _files(folder, 'S*/Seq*/annot.mat')
    test = _files(folder, 'TS*/annot_data.mat')
    if not train and not test:
        raise FileNotFoundError(
            f'{folder} holds no sequence of MPI-INF-3DHP; expected S1/Seq1/annot.mat '
            'or TS1/annot_data.mat in it or in a folder of it'
        )
    by_name = {f'{file.parts[-3]} {file.parts[-2]}': file for file in train}
    _check_names(by_name, TRAIN_SEQUENCES, folder)
    found = [
        Recording(name, file, annotation, partial(_train_mat, name, file, annotation))
        for name, file in by_name.items()
    ]
    by_name = {file.parts[-2]: file for file in test}
    _check_names(by_name, TEST_SEQUENCES, folder)
    return found + [
        Recording(name, file, annotation, partial(_test_mat, file, annotation))
        for name, file in by_name.items()
    ]


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted({*folder.glob(pattern), *folder.glob(f'*/{pattern}')})


def _check_names(names: Iterable[str], known: Iterable[str], where: Path) -> None:
    unknown = sorted(set(map(str, names)) - set(known))
    if unknown:
        raise ValueError(
            f'{where} has the sequences {unknown}, which MPI-INF-3DHP does not have; '
            f'known: {", ".join(known)}'
        )


def _train_entry(name: str, entry: Any, where: str) -> list[View]:
    """``[{camera: {'data_2d', 'data_3d'}}, fps]``."""
    if not isinstance(entry, list | tuple | np.ndarray) or len(entry) != 2:
        raise ValueError(f'{where} must be a pair of cameras and frames per second')
    if not isinstance(entry[0], dict) or not entry[0]:
        raise ValueError(f'{where} has no camera')
    views = []
    for camera, arrays in entry[0].items():
        label = f'{where} camera {camera}'
        if str(camera) not in TRAIN_CAMERAS:
            raise ValueError(f'{label} is none of {", ".join(TRAIN_CAMERAS)}')
        views.append(_view(label, str(camera), arrays, fps=float(entry[1])))
    return views


def _test_entry(name: str, entry: Any, where: str) -> list[View]:
    """``{'data_2d', 'data_3d', 'valid'}``."""
    if not isinstance(entry, dict) or 'valid' not in entry:
        raise ValueError(
            f"{where} has no 'valid', the flags of valid frames; some copies of "
            'data_test_3dhp.npz lack them: make it again from the official test set'
        )
    return [_view(where, None, entry, valid=entry['valid'])]


def _train_mat(name: str, file: Path, annotation: str) -> list[View]:
    """``annot2`` ``(F, 56)`` and ``annot3`` ``(F, 84)`` in a cell for each camera."""
    try:
        cells = loadmat(file, variable_names=['annot2', annotation])
    except _DAMAGED as error:
        raise ValueError(
            f'{file} is damaged or not a MATLAB 5 file: {error}'
        ) from error
    _check_keys(cells, ('annot2', annotation), file)
    frames, fps = TRAIN_SEQUENCES[name]
    calibration = _read_calibration(file.with_name('camera.calibration'))
    views = []
    for camera in TRAIN_CAMERAS:
        where = f'{file} camera {camera}'
        if int(camera) >= len(cells['annot2']):
            raise ValueError(f'{where} is missing; the file has {len(cells["annot2"])}')
        # Annotations may go on after the last image.
        rows_2d, rows_3d = (
            cells[key][int(camera), 0][:frames] for key in ('annot2', annotation)
        )
        arrays = {
            'data_2d': _rows_of_28(rows_2d, 2, where),
            'data_3d': _rows_of_28(rows_3d, 3, where),
        }
        known = calibration.get(camera)
        views.append(_view(where, camera, arrays, fps=fps, calibration=known))
    return views


def _rows_of_28(rows: np.ndarray, channels: int, where: str) -> np.ndarray:
    if rows.ndim != 2 or rows.shape[1] != 28 * channels:
        raise ValueError(
            f'{where} has rows of {rows.shape[1:]} numbers, expected {28 * channels} '
            f'({channels} for each of 28 joints)'
        )
    return rows.reshape(-1, 28, channels)[:, MPI_INF_3DHP28_TO_17]


def _test_mat(file: Path, annotation: str) -> list[View]:
    """HDF5 with arrays ``(F, 1, 17, D)`` and ``(F, 1)``."""
    try:
        import h5py
    except ImportError as error:
        raise ValueError(
            f'{file} is a MATLAB 7.3 file, which needs h5py: pip install h5py'
        ) from error
    try:
        with h5py.File(file) as content:
            data = {
                key: content[key][()]
                for key in ('annot2', annotation, 'valid_frame', 'activity_annotation')
                if key in content
            }
    except OSError as error:
        raise ValueError(f'{file} is damaged or not HDF5: {error}') from error
    _check_keys(data, ('annot2', annotation, 'valid_frame'), file)
    arrays = {
        'data_2d': _only_person(data['annot2'], f'{file}: annot2'),
        'data_3d': _only_person(data[annotation], f'{file}: {annotation}'),
    }
    activity = data.get('activity_annotation')
    return [
        _view(str(file), None, arrays, valid=data['valid_frame'], activity=activity)
    ]


def _only_person(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim != 4 or array.shape[1] != 1:
        raise ValueError(f'{name} has shape {array.shape}, expected (frames, 1, 17, D)')
    return array[:, 0]


def _check_keys(data: Mapping[str, Any], keys: Sequence[str], file: Path) -> None:
    missing = [key for key in keys if key not in data]
    if missing:
        raise ValueError(f'{file} has no {missing}; download it again')


def _read_calibration(file: Path) -> dict[str, dict[str, Any]]:
    """Image size and intrinsics of each camera in a ``camera.calibration``, if any."""
    if not file.is_file():
        return {}
    found: dict[str, dict[str, Any]] = {}
    blocks = re.split(r'^\s*name\s+', file.read_text(encoding='utf-8'), flags=re.M)
    for block in blocks[1:]:
        size = re.search(r'^\s*size\s+(\d+)\s+(\d+)', block, flags=re.M)
        matrix = re.search(r'^\s*intrinsic\s+(.+)$', block, flags=re.M)
        numbers = matrix[1].split() if matrix else []
        if size is None or len(numbers) != 16:
            raise ValueError(
                f'{file}: camera {block.split()[0]} lacks its size or the 16 numbers '
                'of intrinsic; download it again'
            )
        found[block.split()[0]] = {
            'image_size': (int(size[1]), int(size[2])),
            'intrinsics': {
                'f': [float(numbers[0]), float(numbers[5])],
                'c': [float(numbers[2]), float(numbers[6])],
            },
        }
    return found


def _view(
    where: str,
    camera: str | None,
    arrays: Any,
    *,
    valid: np.ndarray | None = None,
    activity: np.ndarray | None = None,
    **facts: Any,
) -> View:
    """A checked view; all frames are valid if nothing is said.

    Raises:
        ValueError: If an array is missing, of another shape or length or not finite,
            there is no frame, or the poses are not in millimetres.
    """
    if not isinstance(arrays, dict) or not {'data_2d', 'data_3d'} <= set(arrays):
        raise ValueError(f"{where} must be a dict with 'data_2d' and 'data_3d'")
    keypoints = _poses(arrays['data_2d'], 2, f'{where}: 2D keypoints')
    pose = _poses(arrays['data_3d'], 3, f'{where}: 3D poses')
    count = len(pose)
    flags = np.ones(count) if valid is None else np.ravel(valid)
    if not len(keypoints) == len(flags) == count:
        raise ValueError(
            f'{where} has {len(keypoints)} frames of keypoints, {count} of poses and '
            f'{len(flags)} flags of valid frames; expected equal numbers'
        )
    if not np.isin(flags, (0, 1)).all():
        raise ValueError(f'{where}: flags of valid frames must be 0 or 1')
    depths = pose[flags > 0, MPI_INF_3DHP17.root, 2]
    depth = np.median(depths) if len(depths) else MILLIMETRES[0]
    if not MILLIMETRES[0] <= depth <= MILLIMETRES[1]:
        raise ValueError(
            f'{where}: the pelvis is at a depth of {depth:.4g}; poses must be in the '
            'camera frame in millimetres, not root-relative, not metres'
        )
    if activity is not None:
        activity = np.ravel(activity)
        known = np.isin(activity, range(len(ACTIVITIES))).all()
        if len(activity) != count or not known:
            raise ValueError(
                f'{where}: activities must be one number of 0 to {len(ACTIVITIES) - 1} '
                f'for each of {count} frames'
            )
        activity = activity.astype(np.uint8)
    return View(where, camera, keypoints, pose, flags > 0, activity=activity, **facts)


def _poses(value: Any, channels: int, name: str) -> np.ndarray:
    array = np.asarray(value)
    numbers = array.dtype.kind in 'fiu' and len(array.shape) == 3
    if not numbers or array.shape[1:] != (17, channels) or not len(array):
        raise ValueError(
            f'{name} are {array.dtype} of shape {array.shape}, expected numbers of '
            f'shape (frames, 17, {channels}) and at least one frame'
        )
    frame = first_bad_frame(array)
    if frame is not None:
        raise ValueError(f'{name} hold NaN or infinity in frame {frame}')
    return array.astype(np.float64, copy=False)
