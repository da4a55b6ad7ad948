"""Where a program waits for its device.

A GPU works through a queue while the program runs ahead. A program that wants to know a
number or a shape which only the device knows stops until the queue is empty.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_WAITING = (
    'aten._local_scalar_dense',  # .item(), float(), bool()
    'aten.nonzero',
    'aten.masked_select',
    'aten.unique',
)


def waits_for_device(func: Any, args: tuple = ()) -> bool:
    """Whether a GPU would have to finish its work before an operation returns.

    Args:
        func: What a ``TorchDispatchMode`` is told of.
        args: Its arguments.
    """
    masks = str(func).startswith(('aten.index.', 'aten.index_put')) and any(
        isinstance(index, torch.Tensor) and index.dtype == torch.bool
        for index in args[1]
    )
    return masks or str(func).startswith(_WAITING)


class WaitingOperations(TorchDispatchMode):
    """Collects the operations that would wait for a GPU, on any device.

    It looks at the kind of an operation alone: a number that lies on the CPU in any
    case, such as the step that Adam counts, is collected, too.

    Attributes:
        names: Of the operations, in turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Note the operation if it waits, and do it."""
        if waits_for_device(func, args):
            self.names.append(str(func))
        return func(*args, **(kwargs or {}))


@contextmanager
def device_waits(device: torch.device) -> Iterator[list[str]]:
    """Collect what waits for a device: on a GPU what CUDA itself reports.

    Args:
        device: The one that the work is done on.

    Yields:
        A list, complete when the context ends, with one entry for each wait.
    """
    if device.type != 'cuda':
        with WaitingOperations() as mode:
            yield mode.names
        return
    found: list[str] = []
    torch.cuda.synchronize(device)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.cuda.set_sync_debug_mode('warn')
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode('default')
            texts = [str(warning.message) for warning in caught]
            found += [text for text in texts if 'synchronizing CUDA' in text]
