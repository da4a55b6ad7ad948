"""Results as one NPZ file, written a part at a time.

``header`` is a JSON text (units, frame, skeletons, camera, ...), ``times`` an array and
``track_ids`` the number of the person of each track; the arrays of track 2 are named
``track_2_poses``, ``track_2_confidence`` and so on.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from rich.progress import track as progress_bar

from mmpose_ext.apis.result_content import (
    check_header,
    clip_from_content,
    clip_header,
    seen_tracks,
    track_arrays,
)
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.structures.tracks import LiftedClip


def write_npz(
    path: Path, clip: LiftedClip, *, skeleton: str = 'h36m17', progress: bool = True
) -> None:
    """Write a clip as NPZ, atomically.

    Args:
        path: Destination.
        clip: What a lifter made.
        skeleton: Its joints are held as well, unless they are Human3.6M's.
        progress: Whether to show a progress bar.
    """
    header = json.dumps(clip_header(clip, skeleton), allow_nan=False)
    seen = seen_tracks(clip)
    ids = np.array([track.track_id for track in seen], dtype=np.int64)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, 'w') as archive:
        _write_array(archive, 'header', np.array(header))
        _write_array(archive, 'times', np.asarray(clip.times))
        _write_array(archive, 'track_ids', ids)
        tracks = progress_bar(seen, 'NPZ', disable=not progress)
        for number, track in enumerate(tracks):
            for array in track_arrays(track, skeleton):
                name = f'track_{number}_{array.name}'
                _write_parts(archive, name, array.shape, array.dtype, array.parts())


def read_npz(path: Path) -> LiftedClip:
    """Read such a file.

    Raises:
        ValueError: If it is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        header = json.loads(str(arrays.get('header', 'null')))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f'{path} cannot be read as NPZ: {error}') from error
    check_header(path, header)
    ids = arrays.get('track_ids', np.zeros(0, dtype=int))
    tracks = []
    for number, person in enumerate(ids.tolist()):
        prefix = f'track_{number}_'
        fields = {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        tracks.append((person, fields))
    return clip_from_content(path, header, arrays.get('times', np.zeros(0)), tracks)


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(f'{name}.npy', 'w', force_zip64=True) as stream:
        npy.write_array(stream, array, allow_pickle=False)


def _write_parts(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    parts: Iterable[np.ndarray],
) -> None:
    description = npy.dtype_to_descr(dtype)
    header = {'descr': description, 'fortran_order': False, 'shape': shape}
    with archive.open(f'{name}.npy', 'w', force_zip64=True) as stream:
        npy.write_array_header_1_0(stream, header)
        for part in parts:
            stream.write(np.ascontiguousarray(part, dtype=dtype).tobytes())
