"""Small files of arrays that people make themselves."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np


def read_json_or_npz(path: str | os.PathLike) -> Any:
    """What a file holds: arrays by name for ``.npz``, else what its JSON says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is neither.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        if file.suffix == '.npz':
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        return json.loads(file.read_text(encoding='utf-8'))
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise ValueError(f'{path} cannot be read as .json or .npz: {error}') from error
