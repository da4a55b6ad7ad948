"""Synthetic data that makes itself on first use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.synthetic_human36m import Human36MOptions, write_human36m

try:
    import fcntl
except ImportError:  # Windows: stores are still renamed into place whole.
    fcntl = None  # type: ignore[assignment]


def ensure_synthetic_store(path: str | os.PathLike, **options: Any) -> Path:
    """Make the synthetic Human3.6M store unless it is there.

    Any number of processes may call this at once, on one or several machines with a
    shared folder: one makes the store, the others wait for it. The lock is the
    kernel's (``flock`` on ``.<name>.lock`` beside the store), so it ends with the
    process that holds it, however that ends.

    Args:
        path: Folder of the store.
        options: See :class:`mmpose_ext.datasets.synthetic_human36m.Human36MOptions`.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is unknown or out of range, or if the folder holds
            something else: other data, or synthetic data made with other options.
        FileNotFoundError: If the folder exists but is not a store.
    """
    path = Path(path)
    wanted = Human36MOptions.from_mapping(options)
    if path.exists():
        _check(path, wanted.to_header())
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent / f'.{path.name}.lock', path):
        if path.exists():
            _check(path, wanted.to_header())
            return path
        print_log(f'Making synthetic data in {path} (once)', logger='current')
        write_human36m(path, **vars(wanted))
        print_log(FrameStore(path).summary(), logger='current')
    return path


def _check(path: Path, wanted: dict[str, Any]) -> None:
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
