"""Folders of simulated data in the layout of a public data set."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmpose_ext.datasets.frame_store import check_destination, replace_folder

SIMULATED = 'synthetic.json'
"""In the folder: the options that it was made with."""


@contextmanager
def synthetic_folder(
    path: str | os.PathLike, options: Mapping[str, Any], *, overwrite: bool
) -> Iterator[Path]:
    """A folder to fill, which takes the name of ``path`` if the block succeeds.

    Args:
        path: Destination.
        options: What ``synthetic.json`` says.
        overwrite: Replace an existing folder of simulated data.

    Yields:
        An empty folder beside the destination.

    Raises:
        FileExistsError: If the destination exists and ``overwrite`` is false, or it
            holds something else, which is never replaced.
    """
    path = Path(path)
    _check(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f'.{path.name}.', dir=path.parent))
    try:
        folder.chmod(0o755)
        yield folder
        text = json.dumps(options, indent=1)
        (folder / SIMULATED).write_text(text + '\n', encoding='utf-8')
        _check(path, overwrite)
        replace_folder(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check(path: Path, overwrite: bool) -> None:
    check_destination(path, overwrite, mark=SIMULATED, without='was not made here')
