"""What a store of poses must hold before windows are cut from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.windows import WindowIndex

JOINT_SET = 'h36m17'
FIELDS: dict[str, tuple[tuple[int, ...], str]] = {
    'pose_cam': ((17, 3), 'float32'),
    'pose_image': ((17, 3), 'float32'),
    'factor': ((), 'float32'),
    'keypoints_det': ((17, 2), 'float32'),
    'scores_det': ((17,), 'float32'),
    'valid': ((), 'bool'),
    'joint_valid': ((17,), 'float32'),
    'activity': ((), 'uint8'),
}
"""Shape and type of one frame of each field that has a fixed meaning."""
_CHECK_FRAMES = 1 << 14


def check_fields(store: FrameStore, needed: Iterable[str], reason: str) -> None:
    """Check the joint set, and that fields exist and have their shape and type.

    Args:
        store: The store.
        needed: Fields that must be there.
        reason: What needs them, for the message.

    Raises:
        ValueError: If one of this does not hold.
    """
    joint_set = store.header['joint_set']
    if joint_set != JOINT_SET:
        raise ValueError(
            f'{store.path} holds the joint set {joint_set!r}, LiftingDataset needs '
            f'{JOINT_SET!r}; convert the data with tools/dataset_converters'
        )
    for name in needed:
        if name not in store:
            raise ValueError(
                f'{store.path} has no field {name!r}, which {reason} need; it has '
                f'{sorted(store)}'
            )
    for name, (shape, dtype) in FIELDS.items():
        if name not in store:
            continue
        info = store.fields[name]
        if info.shape[1:] != shape or info.dtype != dtype:
            raise ValueError(
                f'{store.path}: a frame of the field {name!r} is {info.dtype} '
                f'{list(info.shape[1:])}, expected {dtype} {list(shape)}; convert the '
                'data again'
            )


def choose_sequences(
    store: FrameStore, filters: Mapping[str, Sequence[str] | None]
) -> np.ndarray:
    """Rows of the sequence table that pass the filters.

    Args:
        store: The store.
        filters: For an attribute of the rows, such as ``'subject'``, the values that
            pass; ``None`` lets all pass.

    Returns:
        Their numbers in ascending order.

    Raises:
        ValueError: If a filter names what the store does not have, no row passes, or
            one that does has no frames or no image size.
    """
    rows = store.sequences
    keep = np.ones(len(rows), dtype=bool)
    for attribute, names in filters.items():
        if names is None:
            continue
        values = [getattr(row, attribute) for row in rows]
        known = {value for value in values if value is not None}
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(
                f'unknown {attribute} {unknown} in {store.path}; known: {sorted(known)}'
            )
        keep &= np.isin([str(value) for value in values], names)
    chosen = np.flatnonzero(keep)
    if not len(chosen):
        raise ValueError(f'no sequence of {store.path} passes all of {filters}')
    for i in chosen:
        if not rows[i].length:
            raise ValueError(
                f'{store.path}: sequence {rows[i].name!r} has no frames; leave it out '
                'or convert the data again'
            )
        if rows[i].image_size is None:
            raise ValueError(
                f'{store.path}: sequence {rows[i].name!r} has no image_size, by which '
                'keypoints are normalised; convert the data again'
            )
    return chosen


def check_finite(
    store: FrameStore, channels: Mapping[str, Any], chosen: Iterable[int]
) -> None:
    """Look for NaN and infinity, a few thousand frames at a time.

    Args:
        store: The store.
        channels: Fields to look at and the index of the part that matters, such as
            ``np.s_[..., :2]``; it keeps the frames.
        chosen: Rows of the sequence table.

    Raises:
        ValueError: If a value is not finite; names field, sequence and frame.
    """
    for name, part in channels.items():
        array = np.asarray(store[name])
        for row in (store.sequences[i] for i in chosen):
            for begin in range(0, row.length, _CHECK_FRAMES):
                end = min(begin + _CHECK_FRAMES, row.length)
                chunk = array[row.start + begin : row.start + end]
                finite = np.isfinite(chunk[part])
                if finite.all():
                    continue
                bad = int(np.argmin(finite.reshape(len(chunk), -1).all(axis=1)))
                raise ValueError(
                    f'{store.path}: field {name!r} is not finite in sequence '
                    f'{row.name!r}, frame {begin + bad}; repair the source or leave '
                    'the sequence out'
                )


def check_intrinsics(store: FrameStore, chosen: Iterable[int]) -> None:
    """Look for sequences whose camera cannot project.

    Args:
        store: The store.
        chosen: Rows of the sequence table.

    Raises:
        ValueError: If one has no focal length above 0 or no principal point; names it.
    """
    for row in (store.sequences[i] for i in chosen):
        known = row.intrinsics or {}
        focal, centre = (_two_numbers(known.get(key)) for key in ('f', 'c'))
        if focal is None or centre is None or (focal <= 0).any():
            raise ValueError(
                f'{store.path}: sequence {row.name!r} has the intrinsics {known}, but '
                "the focal length 'f' and the principal point 'c' are needed, two "
                'numbers in pixels each; convert the data again with its calibration, '
                'or leave the sequence out'
            )


def _two_numbers(value: Any) -> np.ndarray | None:
    """``(2,)`` finite numbers, or ``None`` if it is something else."""
    if value is None:
        return None
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape == (2,) and np.isfinite(numbers).all() else None


def has_valid_frame(store: FrameStore, windows: WindowIndex) -> np.ndarray:
    """Which windows hold a frame that is true in the field ``valid``, ``(W,)`` bool."""
    before = np.concatenate([[0], np.cumsum(np.asarray(store['valid']))])
    starts = np.array([row.start for row in store.sequences])
    begin = starts[windows.sequence] + windows.start
    return before[begin + windows.frames] > before[begin]
