"""Synthetic stores that are made on first use, by one process of many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

from mmengine.logging import print_log

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.step_progress import step_progress

try:
    import fcntl
except ImportError:  # Windows: stores are still renamed into place whole.
    fcntl = None  # type: ignore[assignment]

_Options = TypeVar('_Options')


def make_once(
    path: str | os.PathLike,
    wanted: Mapping[str, Any],
    make: Callable[[Path, Callable[[int, int], None]], Any],
) -> Path:
    """Make a synthetic store unless it is there, with a progress bar.

    Any number of processes may call this at once, on one or several machines with a
    shared folder: one makes the store, the others wait for it. The lock is the
    kernel's (``flock`` on ``.<name>.lock`` beside the store), so it ends with the
    process that holds it, however that ends.

    Args:
        path: Folder of the store.
        wanted: What its header has to say under ``'synthetic'``.
        make: Makes the store in the folder that it is given, and calls the function
            that it is given with the number of steps done and their total.

    Returns:
        The folder.

    Raises:
        ValueError: If the folder holds something else: other data, or synthetic data
            made with other options.
        FileNotFoundError: If the folder exists but is not a store.
    """
    path = Path(path)
    if path.exists():
        _check(path, wanted)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent / f'.{path.name}.lock', path):
        if path.exists():
            _check(path, wanted)
            return path
        print_log(f'Making synthetic data in {path} (once)', logger='current')
        with step_progress('simulating') as progress:
            make(path, progress)
        print_log(FrameStore(path).summary(), logger='current')
    return path


def read_options(kind: type[_Options], options: Mapping[str, Any]) -> _Options:
    """Fill in the defaults of options.

    Args:
        kind: Their dataclass.
        options: Those that were given, by name.

    Raises:
        ValueError: If an option is unknown or out of range.
    """
    known = [option.name for option in fields(cast(Any, kind))]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f'unknown options {unknown}; there are {known}')
    return kind(**options)


def _check(path: Path, wanted: Mapping[str, Any]) -> None:
    found = FrameStore(path).header.get('synthetic')
    if found == wanted:
        return
    if found is None:
        raise ValueError(
            f'{path} holds data that were not simulated; choose another folder for the '
            'synthetic data'
        )
    changed = ', '.join(
        f'{key}: {found.get(key)!r} there, {wanted.get(key)!r} wanted'
        for key in sorted({*found, *wanted})
        if found.get(key) != wanted.get(key)
    )
    raise ValueError(
        f'{path} holds synthetic data made with other options ({changed}); delete that '
        'folder, so that it is made anew, or choose another one'
    )


@contextmanager
def _locked(lock_file: Path, path: Path) -> Iterator[None]:
    """Hold an exclusive lock; wait for it if need be."""
    with lock_file.open('a') as stream:
        if fcntl is not None:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print_log(f'Another process makes {path}; waiting', logger='current')
                fcntl.flock(stream, fcntl.LOCK_EX)
        yield
