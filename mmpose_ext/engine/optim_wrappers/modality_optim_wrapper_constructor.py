"""Build an optimiser wrapper that knows the model."""

from __future__ import annotations

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmpose.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from mmpose_ext.engine.optim_wrappers.modality_optim_wrapper import (
    ModalityOptimWrapper,
)
from mmpose_ext.engine.side_trip import bare_model


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ModalityOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's default constructor, which then binds the wrapper to the model.

    A config looks so::

        optim_wrapper = dict(
            type='OGMGEOptimWrapper',
            constructor='ModalityOptimWrapperConstructor',
            optimizer=dict(type='Adam', lr=1e-3),
        )

    Raises:
        TypeError: If the wrapper takes no model.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the wrapper of a model."""
        wrapper = super().__call__(model)
        if not isinstance(wrapper, ModalityOptimWrapper):
            raise TypeError(
                f'{type(self).__name__} builds wrappers that edit gradients of '
                f'modalities, such as OGMGEOptimWrapper; {type(wrapper).__name__} '
                'needs no constructor'
            )
        wrapper.bind(bare_model(model))
        return wrapper
