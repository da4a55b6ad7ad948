"""How many steps a run has whose epochs differ in length."""

from __future__ import annotations

from mmengine.runner import EpochBasedTrainLoop


def planned_steps(loop: EpochBasedTrainLoop) -> int:
    """Steps in all, if the present epoch and those to come are as long as the loader.

    Args:
        loop: At the beginning of an epoch, with the loader of that epoch.
    """
    left = loop._max_epochs - loop._epoch
    return loop._iter + left * len(loop.dataloader)
