"""JSON files that hooks leave in the folder of a run, for pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

_Content = TypeVar('_Content')


def read_run_file(
    path: str | os.PathLike,
    name: str,
    parse: Callable[[Mapping[str, Any]], _Content],
    *,
    hook: str,
    when: str,
) -> _Content:
    """Read what a hook wrote.

    Args:
        path: The file, or the folder of a run.
        name: Name of the file.
        parse: Makes something of its content.
        hook: Name of the hook.
        when: In what runs it writes, for people who have no such file.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is something else.
    """
    path = Path(path)
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f'there is no {file}; {hook} writes it {when}')
    try:
        return parse(json.loads(file.read_text(encoding='utf-8')))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{file} is no {name} of {hook}: {type(error).__name__} {error}'
        ) from error


def names_of_runs(
    runs: Sequence[str | os.PathLike], labels: Sequence[str] | None = None
) -> list[str]:
    """A name for each run in a picture.

    Args:
        runs: Folders of runs, or files in them.
        labels: Names; ``None`` for those of the folders.

    Raises:
        ValueError: If there are too many or too few, or two are alike.
    """
    paths = [Path(run).resolve() for run in runs]
    names = labels or [p.name if p.is_dir() else p.parent.name for p in paths]
    if len(names) != len(paths):
        raise ValueError(f'{len(paths)} runs need as many labels, got {list(names)}')
    if len(set(names)) < len(names):
        raise ValueError(
            f'the labels {list(names)} are not distinct; give others: --labels'
        )
    return list(names)
