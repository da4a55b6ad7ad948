"""Clip index: which frames of which sequence make up each window.

Pure functions on integer arrays. Nothing is drawn at random, so the same lengths and
options always give the same index; it can be stored beside the data.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmpose_ext.choices import check_choice

TAILS = ('drop', 'last_window', 'pad')
SHORTS = ('pad', 'drop', 'stretch')
_COLUMNS = ('sequence', 'start', 'frames', 'scored', 'stretched', 'lead', 'centred')
_FLAGS = ('stretched', 'centred')
_SCHEMA_VERSION = 2


@dataclass(frozen=True)
class WindowIndex:
    """W windows of ``seq_len`` frames, sequence by sequence, in order of time.

    Args:
        seq_len: Frames of a window, T.
        sequence: Row of the sequence, ``(W,)``.
        start: First frame inside the sequence, ``(W,)``.
        frames: Different frames of the sequence that the window holds, ``(W,)``.
            Less than T in a padded window, whose first or last frame is repeated, and
            in a stretched one, whose frames repeat evenly.
        scored: How many of those frames an earlier window already scored, ``(W,)``.
        stretched: Whether the window is a stretched short sequence, ``(W,)`` bool.
        lead: Slots of padding in front of the first frame, ``(W,)``.
        centred: Whether only slot ``T // 2`` is scored, ``(W,)`` bool.
    """

    seq_len: int
    sequence: np.ndarray
    start: np.ndarray
    frames: np.ndarray
    scored: np.ndarray
    stretched: np.ndarray
    lead: np.ndarray
    centred: np.ndarray

    def __len__(self) -> int:
        return len(self.sequence)

    def take(self, ids: int | slice | Sequence[int] | np.ndarray) -> WindowIndex:
        """Some of the windows; an integer ``n`` means the first n (last, if negative).

        Scored frames keep the meaning they had in the whole index.
        """
        rows = chosen_rows(ids)
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    def frame_ids(self, window: int) -> np.ndarray:
        """Frames of a window inside its sequence, ``(T,)`` int64."""
        slots = np.arange(self.seq_len)
        frames = int(self.frames[window])
        if self.stretched[window]:
            return slots * frames // self.seq_len
        ahead = np.clip(slots - self.lead[window], 0, frames - 1)
        return self.start[window] + ahead

    def valid_mask(self, window: int) -> np.ndarray:
        """Slots that hold data and no padding, ``(T,)`` bool."""
        if self.stretched[window]:
            return np.ones(self.seq_len, dtype=bool)
        ahead = np.arange(self.seq_len) - self.lead[window]
        return (ahead >= 0) & (ahead < self.frames[window])

    def score_mask(self, window: int) -> np.ndarray:
        """Slots that this window scores, ``(T,)`` bool.

        Over all windows of a sequence each frame that any of them covers is true
        exactly once: not in padding, not where an earlier window scored it, and only
        at its first occurrence where a stretched window repeats it. A centred window
        scores its middle alone.
        """
        if self.centred[window]:
            return np.arange(self.seq_len) == self.seq_len // 2
        ids = self.frame_ids(window) - self.start[window]
        first = np.diff(ids, prepend=-1) > 0
        return first & (ids >= self.scored[window])


def build_window_index(
    lengths: Sequence[int] | np.ndarray,
    seq_len: int,
    *,
    stride: int | None = None,
    tail: str = 'last_window',
    short: str = 'pad',
) -> WindowIndex:
    """Cut sequences into windows.

    Windows start at 0, ``stride``, 2 ``stride``, ... as long as they fit. What is left
    at the end of a sequence of at least ``seq_len`` frames is the tail.

    Args:
        lengths: Frames of each sequence, ``(S,)``. A sequence of 0 frames has no
            window.
        seq_len: Frames of a window, T.
        stride: Frames between the starts of two windows; ``None`` means ``seq_len``.
        tail: ``'drop'`` leaves the tail out (the protocol of MotionBERT and PrML);
            ``'last_window'`` adds a window that ends at the last frame; ``'pad'`` adds
            the next window of the grid and repeats the last frame.
        short: What becomes of a sequence shorter than T: ``'pad'`` repeats its last
            frame, ``'drop'`` leaves it out, ``'stretch'`` takes frame
            ``floor(i * length / T)`` at slot i (MotionBERT draws floor or ceil at
            random here; floor always keeps the index deterministic).

    Returns:
        The index; ``sequence`` counts the rows of ``lengths``.

    Raises:
        ValueError: If an option is unknown, or a length, T or stride is out of range.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    stride = seq_len if stride is None else stride
    _check_options(lengths, seq_len, stride, tail, short)

    long_enough = lengths >= seq_len
    full = np.where(long_enough, (lengths - seq_len) // stride + 1, 0)
    has_tail = long_enough & ((full - 1) * stride + seq_len < lengths)
    if tail == 'pad':
        has_tail &= full * stride < lengths
    is_short = (lengths < seq_len) & (lengths > 0)
    extra = has_tail & (tail != 'drop') | is_short & (short != 'drop')

    counts = full + extra
    sequence = np.repeat(np.arange(len(lengths)), counts)
    position = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
    length = lengths[sequence]
    start = position * stride
    if tail == 'last_window':
        start = np.minimum(start, np.maximum(length - seq_len, 0))
    frames = np.minimum(seq_len, length - start)
    end_before = np.where(position > 0, np.roll(start + frames, 1), 0)
    return WindowIndex(
        seq_len=seq_len,
        sequence=sequence,
        start=start,
        frames=frames,
        scored=np.maximum(end_before - start, 0),
        stretched=(length < seq_len) & (short == 'stretch'),
        lead=np.zeros_like(start),
        centred=np.zeros(len(start), dtype=bool),
    )


def build_centre_index(valid: Sequence[np.ndarray], seq_len: int) -> WindowIndex:
    """Centre a window on each valid frame.

    The protocol of P-STMO and its followers on MPI-INF-3DHP: a window scores its middle
    frame alone, slot ``T // 2``, and repeats the first and the last frame of the
    sequence where it reaches beyond them.

    Args:
        valid: For each sequence, whether a frame has a window, ``(length,)`` bool.
        seq_len: Frames of a window, T.

    Returns:
        The index; ``sequence`` counts the entries of ``valid``.

    Raises:
        ValueError: If T is less than 1.
    """
    if seq_len < 1:
        raise ValueError(f'seq_len must be at least 1, got {seq_len}')
    centres = [np.flatnonzero(flags) for flags in valid]
    sequence = np.repeat(np.arange(len(valid)), [len(ids) for ids in centres])
    length = np.array([len(flags) for flags in valid], dtype=np.int64)[sequence]
    first = np.concatenate([np.zeros(0, np.int64), *centres]) - seq_len // 2
    start = np.maximum(first, 0)
    none = np.zeros_like(start)
    return WindowIndex(
        seq_len=seq_len,
        sequence=sequence,
        start=start,
        frames=np.minimum(first + seq_len, length) - start,
        scored=none,
        stretched=none.astype(bool),
        lead=start - first,
        centred=np.ones(len(start), dtype=bool),
    )


def save_index(path: str | os.PathLike, index: WindowIndex) -> tuple[Path, Path]:
    """Store an index as ``<path>.npy`` (rows of integers) and ``<path>.json``.

    Args:
        path: Destination without suffix.
        index: What to store.

    Returns:
        The two files.
    """
    rows = np.stack([getattr(index, name) for name in _COLUMNS], axis=1)
    array_file, header_file = Path(f'{path}.npy'), Path(f'{path}.json')
    array_file.parent.mkdir(parents=True, exist_ok=True)
    np.save(array_file, rows.astype(np.int64), allow_pickle=False)
    header = {
        'schema_version': _SCHEMA_VERSION,
        'seq_len': index.seq_len,
        'num_windows': len(index),
        'columns': list(_COLUMNS),
    }
    header_file.write_text(json.dumps(header, indent=1) + '\n', encoding='utf-8')
    return array_file, header_file


def load_index(path: str | os.PathLike) -> WindowIndex:
    """Read what :func:`save_index` stored.

    Args:
        path: The path given to :func:`save_index`.

    Raises:
        FileNotFoundError: If one of the two files is missing.
        ValueError: If they do not fit each other or are of another version.
    """
    array_file, header_file = Path(f'{path}.npy'), Path(f'{path}.json')
    for file in (array_file, header_file):
        if not file.is_file():
            raise FileNotFoundError(
                f'{file} is missing; a window index is the pair {array_file.name} and '
                f'{header_file.name}, written by save_index'
            )
    try:
        header = json.loads(header_file.read_text(encoding='utf-8'))
        rows = np.load(array_file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f'the window index {path} cannot be read ({error}); write it again with '
            'save_index'
        ) from error
    if (
        header.get('schema_version') != _SCHEMA_VERSION
        or header.get('columns') != list(_COLUMNS)
        or rows.shape != (header.get('num_windows'), len(_COLUMNS))
    ):
        raise ValueError(
            f'{array_file} holds {list(rows.shape)}, {header_file.name} says {header}; '
            'write the index again with save_index'
        )
    columns = dict(zip(_COLUMNS, rows.astype(np.int64).T, strict=True))
    for name in _FLAGS:
        columns[name] = columns[name].astype(bool)
    return WindowIndex(seq_len=int(header['seq_len']), **columns)


def chosen_rows(
    ids: int | slice | Sequence[int] | np.ndarray,
) -> slice | np.ndarray:
    """What picks some rows of an array.

    Args:
        ids: Numbers of the rows; an integer ``n`` means the first n (last, if
            negative).
    """
    if isinstance(ids, int):
        return slice(ids) if ids >= 0 else slice(ids, None)
    return ids if isinstance(ids, slice) else np.asarray(ids, dtype=np.int64)


def _check_options(
    lengths: np.ndarray, seq_len: int, stride: int, tail: str, short: str
) -> None:
    if lengths.ndim != 1 or (lengths < 0).any():
        raise ValueError(
            f'lengths must be one non-negative number a sequence, got {lengths}'
        )
    if seq_len < 1 or stride < 1:
        raise ValueError(
            f'seq_len and stride must be at least 1, got {seq_len} and {stride}'
        )
    check_choice('tail', tail, TAILS)
    check_choice('short', short, SHORTS)
