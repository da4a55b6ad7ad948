"""Results as one JSON file, written a part at a time.

The entries of the header come first, then ``times`` and ``tracks``. A number that is
not known (a root that could not be solved) is ``null``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from rich.progress import track as progress_bar

from mmpose_ext.apis.result_content import (
    CHUNK,
    check_header,
    clip_from_content,
    clip_header,
    seen_tracks,
    track_arrays,
)
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.structures.tracks import LiftedClip

_METRES, _PIXELS, _SCORES, _SECONDS = 5, 2, 3, 6
_DIGITS = {
    'poses': _METRES,
    'root': _METRES,
    'keypoints': _PIXELS,
    'boxes': _PIXELS,
    'confidence': _SCORES,
    'scores': _SCORES,
}
_TYPES: dict[str, type] = {'frames': np.int64, 'filled': np.bool_}


def write_json_results(
    path: Path, clip: LiftedClip, *, skeleton: str = 'h36m17', progress: bool = True
) -> None:
    """Write a clip as JSON, atomically.

    Args:
        path: Destination.
        clip: What a lifter made.
        skeleton: Its joints are held as well, unless they are Human3.6M's.
        progress: Whether to show a progress bar.
    """
    times = np.asarray(clip.times)
    with atomic_path(path) as temporary, temporary.open('w', encoding='utf-8') as file:
        text = json.dumps(clip_header(clip, skeleton), indent=1, allow_nan=False)
        file.write(text.removesuffix('\n}') + ',\n "times": ')
        starts = range(0, len(times), CHUNK)
        _write_rows(file, (times[i : i + CHUNK] for i in starts), _SECONDS)
        file.write(',\n "tracks": [')
        tracks = progress_bar(seen_tracks(clip), 'JSON', disable=not progress)
        for number, track in enumerate(tracks):
            file.write(f'{"," if number else ""}\n  {{"track_id": {track.track_id}')
            for array in track_arrays(track, skeleton):
                digits = _DIGITS.get(array.name.rsplit('_', 1)[0])
                file.write(f',\n   "{array.name}": ')
                _write_rows(file, array.parts(), digits)
            if track.root is None:
                file.write(',\n   "root": null')
            file.write('}')
        file.write('\n ]\n}\n')


def read_json(path: Path) -> LiftedClip:
    """Read such a file.

    Raises:
        ValueError: If it is not one.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} cannot be read as JSON: {error}') from error
    check_header(path, content)
    tracks = []
    try:
        for entry in content.get('tracks', ()):
            arrays: dict[str, np.ndarray] = {
                name: np.asarray(rows, dtype=_TYPES.get(name, np.float32))
                for name, rows in entry.items()
                if name != 'track_id' and rows is not None
            }
            tracks.append((entry['track_id'], arrays))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{path}: a track is broken: {error!r}') from error
    return clip_from_content(
        path, content, np.asarray(content.get('times', ())), tracks
    )


def _write_rows(file: IO[str], parts: Iterable[np.ndarray], digits: int | None) -> None:
    """Write parts of one array as one list of rows."""
    file.write('[')
    for number, part in enumerate(parts):
        text = json.dumps(_rows(part, digits), separators=(',', ':'), allow_nan=False)
        file.write(f'{"," if number else ""}{text[1:-1]}')
    file.write(']')


def _rows(part: np.ndarray, digits: int | None) -> list[Any]:
    if digits is None:
        return part.tolist()
    rounded = np.round(part.astype(np.float64), digits)
    known = np.isfinite(rounded)
    if known.all():
        return rounded.tolist()
    numbers = rounded.astype(object)
    numbers[~known] = None
    return numbers.tolist()
