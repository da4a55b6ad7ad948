"""Progress bars of work that counts its steps itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, ProgressColumn


@contextmanager
def step_progress(
    description: str, *columns: ProgressColumn
) -> Iterator[Callable[[int, int], None]]:
    """A bar.

    Args:
        description: What is done, in a word or two.
        columns: Of the bar; rich's own if there are none.

    Yields:
        A function to call with the number of steps done and their total.
    """
    with Progress(*columns) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
