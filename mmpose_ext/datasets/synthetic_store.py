"""Synthetic data that makes itself on first use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmpose_ext.datasets.made_once import make_once, read_options
from mmpose_ext.datasets.synthetic_human36m import Human36MOptions, write_human36m


def ensure_synthetic_store(path: str | os.PathLike, **options: Any) -> Path:
    """Make the synthetic Human3.6M store unless it is there.

    Any number of processes may call this at once; see
    :func:`~mmpose_ext.datasets.made_once.make_once`.

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
    wanted = read_options(Human36MOptions, options)
    return make_once(
        path,
        wanted.to_header(),
        lambda folder, progress: write_human36m(
            folder, **vars(wanted), progress=progress
        ),
    )
