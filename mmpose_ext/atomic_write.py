"""Files that are whole or absent, whatever interrupts their writing."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name if the block succeeds.

    Args:
        path: Destination; missing folders are made.

    Yields:
        The temporary file. Its ending is that of ``path``, for writers that go by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f'.{path.stem}.', suffix=path.suffix, dir=path.parent
    )
    os.close(handle)
    try:
        yield Path(name)
        with open(name, 'rb') as stream:
            os.fsync(stream.fileno())
        os.chmod(name, _default_mode())
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write JSON atomically; NaN is refused, since other programs cannot read it."""
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=1, allow_nan=False)
        temporary.write_text(text + '\n', encoding='utf-8')


def _default_mode() -> int:
    """Permissions of a file that the process makes in the usual way."""
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
