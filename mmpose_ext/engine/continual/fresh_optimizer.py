"""An optimiser as at the start of a run, in the middle of it."""

from __future__ import annotations

import copy
from typing import Any


def renew_optimizer(runner: Any) -> None:
    """Build optimiser and schedulers anew from the runner's config.

    Learning rates are scaled by the batch size as at the start, if that is wanted.
    """
    cfg = runner.cfg
    runner.optim_wrapper = runner.build_optim_wrapper(copy.deepcopy(cfg.optim_wrapper))
    # Schedulers take the learning rates that they find as initial ones.
    runner.param_schedulers = None
    runner.scale_lr(runner.optim_wrapper, runner.auto_scale_lr)
    if cfg.get('param_scheduler') is not None:
        runner.param_schedulers = runner.build_param_scheduler(
            copy.deepcopy(cfg.param_scheduler)
        )
