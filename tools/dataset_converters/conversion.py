"""What all converters share: destination, progress bar, summary, exit."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.progress import track

from mmpose_ext.datasets.frame_store import FrameStore

ItemT = TypeVar('ItemT')


def make_parser(command: str, text: str) -> argparse.ArgumentParser:
    """A parser whose help opens with a command that can be copied."""
    return argparse.ArgumentParser(
        usage=command,
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def progress(items: Sequence[ItemT], text: str) -> Iterator[ItemT]:
    """Iterate with a progress bar."""
    yield from track(items, description=text, total=len(items))


def first_bad_frame(array: np.ndarray) -> int | None:
    """The first frame that holds NaN or infinity, if any."""
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return None if finite.all() else int(np.argmin(finite))


def report(out: Path, notes: Iterable[str] = ()) -> None:
    """Open what was written and print what it holds."""
    store = FrameStore(out)
    print(store.summary())
    rows: dict[str, list[Any]] = defaultdict(list)
    for sequence in store.sequences:
        rows[sequence.split or '(no split)'].append(sequence)
    print('  split        sequences    frames  subjects')
    for split, sequences in sorted(rows.items(), reverse=True):
        frames = sum(sequence.length for sequence in sequences)
        subjects = sorted(
            {sequence.subject for sequence in sequences if sequence.subject}
        )
        print(f'  {split:<12} {len(sequences):>9} {frames:>9}  {", ".join(subjects)}')
    for note in notes:
        print(f'  {note}')


def run(main: Callable[[], None]) -> None:
    """Call ``main``; a user's mistake ends as one line, not as a traceback."""
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
