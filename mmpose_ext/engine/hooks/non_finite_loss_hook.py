"""Stop when a loss is not a number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.structures import BaseDataElement
from mmpose.registry import HOOKS


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Raise when a training loss is NaN or infinite, naming the batch's samples.

    The values are those that MMEngine's ``RuntimeInfoHook`` has just put into the
    message hub as plain numbers (it fetches them from the device at every step), so
    looking at them costs no synchronisation of its own. With dynamic loss scaling an
    overflow shows in the gradients, which the scaler handles, not in the loss.

    Args:
        max_names: Samples named in the message.

    Raises:
        FloatingPointError: In training, at the step whose loss is not finite.
    """

    # After RuntimeInfoHook, before anything is logged or saved.
    priority = 'ABOVE_NORMAL'

    def __init__(self, max_names: int = 64) -> None:
        self.max_names = max_names

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Check the losses of this step."""
        scalars = runner.message_hub.log_scalars
        bad = {
            key: scalars[f'train/{key}'].current()
            for key in outputs or {}
            if 'loss' in key and not math.isfinite(scalars[f'train/{key}'].current())
        }
        if not bad:
            return
        names = sample_names(data_batch)
        shown = ', '.join(names[: self.max_names])
        more = len(names) - self.max_names
        last = runner.message_hub.runtime_info.get('last_ckpt', 'none yet')
        raise FloatingPointError(
            f'training stopped at epoch {runner.epoch + 1}, step {runner.iter + 1}: '
            + ', '.join(f'{key} = {value}' for key, value in bad.items())
            + f'. Samples of this batch: {shown or "unnamed"}'
            + (f' and {more} more' if more > 0 else '')
            + f'. Last checkpoint: {last}. Look at these samples, or lower the '
            'learning rate or clip gradients (optim_wrapper.clip_grad)'
        )


def sample_names(batch: Any) -> list[str]:
    """Names of the data samples anywhere in a batch of nested containers.

    Args:
        batch: What a data loader returns.

    Returns:
        ``sample_name`` of each data sample, or its ``img_path`` or ``id``.
    """
    names = []
    for sample in _data_samples(batch):
        meta = sample.metainfo
        name = next(
            (meta[key] for key in ('sample_name', 'img_path', 'id') if key in meta),
            'unnamed',
        )
        names.append(str(name))
    return names


def _data_samples(batch: Any) -> Iterator[BaseDataElement]:
    if isinstance(batch, BaseDataElement):
        yield batch
    elif isinstance(batch, dict):
        for value in batch.values():
            yield from _data_samples(value)
    elif isinstance(batch, list | tuple):
        for value in batch:
            yield from _data_samples(value)
