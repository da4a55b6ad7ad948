"""Random draws that belong to a step of a run."""

from __future__ import annotations

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub

_SALT = 0x5EED


def step_generator() -> torch.Generator:
    """A generator that depends on the run's seed, the step and the rank alone.

    So a resumed run draws what an uninterrupted one would have drawn.
    """
    # Not the numbers that `StepSeedHook` gives to dropout.
    seed = step_seed(run_seed(), training_step()) ^ _SALT
    return torch.Generator().manual_seed(seed)


def training_step() -> int:
    """Number of the step that the run is in; 0 outside of a run."""
    return int(MessageHub.get_current_instance().get_info('iter', 0) or 0)


def steps_per_epoch() -> int:
    """Training steps of an epoch of the run.

    Raises:
        ValueError: Outside of a run, and in one that counts steps alone.
    """
    hub = MessageHub.get_current_instance()
    steps, epochs = hub.get_info('max_iters'), hub.get_info('max_epochs')
    # MMEngine gives runs that count steps one epoch.
    if not steps or not epochs or epochs < 2:
        raise ValueError(
            'nobody says how many steps an epoch has: train for two epochs or more '
            '(train_cfg.max_epochs), or give a number of steps instead of "epoch"'
        )
    return int(steps) // int(epochs)


def run_seed() -> int:
    """The seed that the run began with."""
    seed = MessageHub.get_current_instance().get_info('run_seed')
    return torch.initial_seed() if seed is None else int(seed)


def step_seed(seed: int, step: int, *, rank: int | None = None) -> int:
    """The seed of a step of a run.

    Args:
        seed: Of the run.
        step: Its number.
        rank: Of the process that draws; this one if ``None``. What all processes draw
            alike takes 0.
    """
    rank = get_rank() if rank is None else rank
    return (seed + 1_000_003 * step + 7_919 * rank) % 2**63
