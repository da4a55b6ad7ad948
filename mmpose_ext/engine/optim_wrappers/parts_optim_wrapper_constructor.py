"""An optimiser for each part of a model."""

from __future__ import annotations

from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class PartsOptimWrapperConstructor:
    """Build one optimiser wrapper for each part that a model names.

    The model has a method ``optimised_parts`` that returns names and modules, and a
    ``train_step`` that takes an ``OptimWrapperDict``. A config looks so::

        optim_wrapper = dict(
            constructor='PartsOptimWrapperConstructor',
            lifter=dict(optimizer=dict(type='Adam', lr=6e-5)),
            generator=dict(optimizer=dict(type='Adam', lr=1e-4)),
        )

    All other keys (``type``, ``loss_scale``, ``clip_grad``) are for every part that
    does not set its own, so ``tools/train.py --amp`` works.

    Args:
        optim_wrapper_cfg: One optimiser wrapper, with what it may hold, under the name
            of each part, and what they share.
        paramwise_cfg: For every part that does not set its own.

    Raises:
        TypeError: If the model names no parts.
        ValueError: If a part has no optimiser, if gradients are to be accumulated, for
            which MMEngine prepares single optimisers only, or if the model is
            distributed over processes.
    """

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict | None = None
    ) -> None:
        self.config = dict(optim_wrapper_cfg)
        if paramwise_cfg is not None:
            self.config['paramwise_cfg'] = paramwise_cfg

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        """Build the wrappers of a model."""
        if is_model_wrapper(model):
            raise ValueError(
                f'{type(model).__name__} steps with a single optimiser: set '
                'optim_wrapper.optimizer instead of '
                f"constructor='{type(self).__name__}', and other learning rates of "
                'parts with custom_keys in optim_wrapper.paramwise_cfg'
            )
        name_parts = getattr(model, 'optimised_parts', None)
        if name_parts is None:
            raise TypeError(
                f'{type(model).__name__} names no parts (optimised_parts); set '
                'optim_wrapper.optimizer'
            )
        parts = name_parts()
        missing = [name for name in parts if name not in self.config]
        if missing:
            raise ValueError(
                f'optim_wrapper has no {missing}; {type(model).__name__} needs one '
                f'dict(optimizer=...) for each of {list(parts)}, got '
                f'{list(self.config)}'
            )
        shared = {k: v for k, v in self.config.items() if k not in parts}
        configs = {name: {**shared, **self.config[name]} for name in parts}
        if any(
            config.get('accumulative_counts', 1) != 1 for config in configs.values()
        ):
            raise ValueError('accumulative_counts must be 1 with an optimiser a part')
        return OptimWrapperDict(
            **{name: build_optim_wrapper(parts[name], configs[name]) for name in parts}
        )
