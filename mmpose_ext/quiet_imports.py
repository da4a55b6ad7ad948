"""Keep known chatter of other packages off the console while they are imported."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO, cast

_LINES = (
    # mmdet, when an optional dataset package is absent.
    'Could not import OneDL. Skipping OneDL datasets.',
)
_WARNINGS = (
    # mmdet, when an optional metric package is absent.
    'faster_coco_eval is not installed',
    # mmpose, when it takes a joint set from its own folder, as it should.
    'The metainfo config file',
    # torch, on a machine without GPU.
    "'pin_memory' argument is set as true but no accelerator is found",
)


@contextlib.contextmanager
def quiet_imports() -> Iterator[None]:
    """Drop the lines and warnings listed above; everything else is shown.

    They concern what nothing here uses or what is as it should be. The warnings stay
    silent after the block, because registries import parts of mmdet later, on demand.
    """
    for message in _WARNINGS:
        warnings.filterwarnings('ignore', message=message)
    with contextlib.redirect_stdout(cast(TextIO, _LineFilter(sys.stdout))):
        yield


class _LineFilter(io.TextIOBase):
    """Passes text on to a stream, without the listed lines."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.dropped = False

    def write(self, text: str) -> int:
        if text.strip() in _LINES:
            self.dropped = True
        elif not (self.dropped and text == '\n'):
            # `print` writes the line break on its own.
            self.dropped = False
            self.stream.write(text)
        else:
            self.dropped = False
        return len(text)

    def flush(self) -> None:
        self.stream.flush()
