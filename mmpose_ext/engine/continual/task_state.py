"""What a run over tasks has to remember when it is interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook

_KEY = 'continual'


class TaskStateHook(Hook):
    """Closes tasks in time for the last checkpoint, and keeps the loop's state there.

    Args:
        loop: A ``TaskIncrementalTrainLoop``.
    """

    def __init__(self, loop: Any) -> None:
        self.loop = loop

    def after_train_epoch(self, runner: Any) -> None:
        """Close a task before the checkpoint of its last epoch is written."""
        self.loop.finish_stage()

    def before_save_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Put the state in."""
        self.loop.count_time()
        checkpoint[_KEY] = self.loop.state_dict()

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Take the state out of a checkpoint that the run resumes from.

        Raises:
            ValueError: If there is none, or it does not fit.
        """
        if not runner._resume:
            return
        if _KEY not in checkpoint:
            raise ValueError(
                'the checkpoint is not one of TaskIncrementalTrainLoop, so there is '
                'nothing to go on from; to begin with its weights give load_from and '
                'leave out --resume'
            )
        self.loop.load_state_dict(checkpoint[_KEY])


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Lists for tuples and plain dicts for configs, as checkpoints hold them."""
    return json.loads(json.dumps(options))


def check_unchanged(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with other options than those of a checkpoint.

    Raises:
        ValueError: If one differs or is not in the checkpoint.
    """
    changed = [
        f'{name}: {before.get(name, "nothing")} in the checkpoint, {value} now'
        for name, value in now.items()
        if name not in before or before[name] != value
    ]
    if changed:
        raise ValueError(
            'the checkpoint was made with other options or data: '
            f'{"; ".join(changed)}. Resume with the same, or start anew without '
            '--resume'
        )
