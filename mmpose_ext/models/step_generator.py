"""Random draws that belong to a step of a run."""

from __future__ import annotations

import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub


def step_generator() -> torch.Generator:
    """A generator that depends on the run's seed, the step and the rank alone.

    So a resumed run draws what an uninterrupted one would have drawn.
    """
    step = MessageHub.get_current_instance().get_info('iter', 0) or 0
    seed = (torch.initial_seed() + 1_000_003 * int(step) + 7_919 * get_rank()) % 2**63
    return torch.Generator().manual_seed(seed)
