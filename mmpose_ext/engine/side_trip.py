"""Batches that a hook runs beside the training, without leaving a trace."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.model import is_model_wrapper
from torch import nn
from torch.utils.data import DataLoader

from mmpose_ext.models.step_generator import run_seed, step_seed


@contextmanager
def side_trip(model: nn.Module, *, step: int, salt: int = 0) -> Iterator[None]:
    """Keep random numbers, modes of modules and gradients as they are.

    Inside, random numbers depend on the run's seed, the step, the rank and ``salt``
    alone, so that a resumed run makes the same trip. Weights and buffers are the
    caller's to restore, if it changes them.

    Args:
        model: What the batches go through.
        step: Number of the training step, ``runner.iter``.
        salt: Tells different trips of a step apart.
    """
    modes = [(module, module.training) for module in model.modules()]
    gradients = [(p, p.grad) for p in model.parameters()]
    numbers = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    try:
        for parameter, _ in gradients:
            parameter.grad = None
        with torch.random.fork_rng(devices):
            seed = step_seed(run_seed(), step) ^ salt
            torch.manual_seed(seed)
            np.random.seed(seed % 2**32)
            random.seed(seed)
            yield
    finally:
        random.setstate(numbers[0])
        np.random.set_state(numbers[1])
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, mode in modes:
            module.training = mode


def first_batches(
    loader: DataLoader, num_batches: int | None, *, epoch: int
) -> Iterator[Any]:
    """The first batches of a loader in the order that they have in an epoch.

    Args:
        loader: A data loader.
        num_batches: How many; ``None`` means all.
        epoch: The epoch that the sampler is set to, if it takes one.
    """
    set_sampler_epoch(loader, epoch)
    return itertools.islice(loader, num_batches)


def bare_model(model: nn.Module) -> Any:
    """The model without its parallel wrapper."""
    return model.module if is_model_wrapper(model) else model


def set_sampler_epoch(loader: DataLoader, epoch: int) -> None:
    """Set the epoch of a loader's sampler, if it takes one."""
    set_epoch = getattr(loader.sampler, 'set_epoch', None)
    if set_epoch is not None:
        set_epoch(epoch)
