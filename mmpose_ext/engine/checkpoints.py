"""Loading of checkpoints without running what is inside them.

A ``.pth`` file is a pickle, and a pickle can run any code when it is read. torch reads
it safely with ``weights_only=True``, which admits tensors, plain containers and the
types that a program names. MMEngine's training checkpoints hold a few NumPy types and
its ``HistoryBuffer`` besides; onedl-mmengine names most of them and, when one is
missing, falls back to the unsafe way with a warning. The loader here names all of them
and never falls back.
"""

from __future__ import annotations

import functools
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import load_from_http

# The functions that arrays and scalars are pickled with; NumPy 2 moved them.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_SCALAR = np.float64(0).__reduce__()[0]
_DTYPES = (
    *(np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16),
    *(np.uint32, np.uint64, np.float16, np.float32, np.float64, np.str_),
)

_FORCE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def allow_training_checkpoints() -> None:
    """Let torch's safe loading read the types that MMEngine's checkpoints hold.

    None of them runs code from the file: arrays of numbers or text, their dtypes and
    scalars, and the history of logged values.
    """
    allowed: list[Any] = [
        HistoryBuffer,
        bytes,  # an empty array is pickled with it
        np.ndarray,
        np.dtype,
        *(type(np.dtype(kind)) for kind in _DTYPES),
        _named('builtins', 'getattr', _history_method),
    ]
    # Files from the other side of NumPy 2 name the same functions differently.
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        allowed.append(_named(module, '_reconstruct', _RECONSTRUCT))
        allowed.append(_named(module, 'scalar', _SCALAR))
    torch.serialization.add_safe_globals(allowed)


def _history_method(owner: Any, name: str) -> Callable:
    """What stands in for `getattr`, with which HistoryBuffer pickles its methods."""
    known = {'min', 'max', 'current', 'mean', *HistoryBuffer._statistics_methods}
    if owner is not HistoryBuffer or name not in known:
        raise pickle.UnpicklingError(f'GLOBAL getattr of {name!r}')
    return getattr(owner, name)


@functools.cache
def _named(module: str, name: str, function: Callable) -> Callable:
    """A function that torch finds under another name (all that it looks at)."""

    def stand_in(*args: Any) -> Any:
        return function(*args)

    stand_in.__module__ = module
    stand_in.__name__ = stand_in.__qualname__ = name
    return stand_in


def load_checkpoint(
    path: str | os.PathLike, map_location: Any = 'cpu', *, trust: bool = False
) -> dict[str, Any]:
    """Read a checkpoint file.

    Args:
        path: A ``.pth`` file or a ``.safetensors`` file.
        map_location: As for :func:`torch.load`.
        trust: Read objects of any type, which runs code from the file.

    Returns:
        What is in the file; a ``.safetensors`` file becomes ``dict(state_dict=...)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, or holds types that a checkpoint does not
            need and ``trust`` is not set.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}')
    checkpoint = _read(path, map_location, trust)
    _check_content(path, checkpoint)
    if not trust and isinstance(checkpoint.get('meta'), dict):
        # `Runner.resume` would execute this text of MMCV 1 as a Python config.
        checkpoint['meta'].pop('config', None)
    return checkpoint


def _read(path: Path, map_location: Any, trust: bool) -> Any:
    """What is in a file.

    Raises:
        ValueError: If it is damaged, or holds what a checkpoint does not need.
    """
    try:
        if path.suffix == '.safetensors':
            from safetensors.torch import load_file

            state_dict = load_file(path)
            if isinstance(map_location, str | torch.device):
                state_dict = {k: v.to(map_location) for k, v in state_dict.items()}
            return {'state_dict': state_dict}
        if trust:
            return torch.load(path, map_location=map_location, weights_only=False)
        allow_training_checkpoints()
        return torch.load(path, map_location=map_location, weights_only=True)
    except (OSError, MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as error:
        # What a file of another kind makes the readers do cannot be foreseen.
        raise ValueError(_explain(path, error)) from error


def _check_content(path: Path, checkpoint: Any) -> None:
    """Refuse what holds no weights by name.

    Raises:
        ValueError: If it is no dictionary, or its weights are none.
    """
    name, weights = 'the file', checkpoint
    if isinstance(checkpoint, dict) and 'state_dict' in checkpoint:
        name, weights = 'its state_dict', checkpoint['state_dict']
    if not isinstance(weights, dict) or not all(isinstance(k, str) for k in weights):
        raise ValueError(
            f'{path} is no checkpoint: {name} is a {type(weights).__name__}; expected '
            'a dictionary of weights by their names'
        )


def use_safe_checkpoints(*, trust: bool = False) -> None:
    """Make MMEngine read every checkpoint of this process with ``load_checkpoint``.

    Files that ``Runner`` resumes from or loads, and files that it downloads, are
    concerned; the other schemes (object stores) lose their unsafe fallback.

    Args:
        trust: Read objects of any type.
    """

    def load_from_local(filename: str, map_location: Any) -> dict[str, Any]:
        return load_checkpoint(filename, map_location, trust=trust)

    def load_from_url(filename: str, map_location: Any = None) -> dict[str, Any]:
        allow_training_checkpoints()
        try:
            return load_from_http(filename, map_location)
        except pickle.UnpicklingError as error:
            raise ValueError(_explain(filename, error)) from error

    if trust:
        os.environ.pop(_FORCE, None)
    else:
        os.environ[_FORCE] = '1'
    register = CheckpointLoader.register_scheme
    register(prefixes='', loader=load_from_local, force=True)
    register(prefixes=('http://', 'https://'), loader=load_from_url, force=True)


def plain_containers(value: Any) -> Any:
    """Arrays as lists, so that a file of it holds nothing but plain containers."""
    if isinstance(value, dict):
        return {key: plain_containers(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain_containers(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _explain(source: str | os.PathLike, error: Exception) -> str:
    found = re.search(r'GLOBAL (\S+)|but got (<.*?>)|function (<.*?>)', str(error))
    if found is None:
        return (
            f'{source} cannot be read as a checkpoint ({type(error).__name__}); it may '
            'be another kind of file or cut short: copy or download it again'
        )
    what = next(group for group in found.groups() if group)
    return (
        f'{source} holds {what}, which a checkpoint does not need; reading it could '
        'run code from the file. Use a published checkpoint '
        '(tools/misc/publish_model.py makes one), or repeat the command with '
        '--trust-checkpoint if you trust where the file comes from'
    )
