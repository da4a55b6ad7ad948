"""Which commands make the rendered people that the configs of this package name."""

from __future__ import annotations

import os
from pathlib import Path

RENDERED_SETS = {
    'synthetic_coco': (),
    'synthetic_few': (
        *('--images', '3000', '--val-images', '500'),
        *('--max-people', '1', '--looks', '12', '--occlusion', '0.1'),
        *('--facing', '1', '--motions', 'walk', 'reach', 'gesture', 'wave'),
    ),
    'synthetic_walkers': (
        *('--val-images', '300', '--motions', 'walk'),
        *('--facing', '0.2', '--max-people', '2'),
    ),
}
"""Options of ``tools/make_synthetic_data.py coco`` by the name of the folder."""


def command_for(folder: str | os.PathLike) -> str | None:
    """The command that makes a folder of rendered people.

    Args:
        folder: Where a config looks for it.

    Returns:
        What to type in the folder of this repository, or ``None`` if no config of it
        names such a folder.
    """
    options = RENDERED_SETS.get(Path(folder).name)
    if options is None:
        return None
    words = ('python tools/make_synthetic_data.py coco', str(Path(folder)), *options)
    return ' '.join(words)
