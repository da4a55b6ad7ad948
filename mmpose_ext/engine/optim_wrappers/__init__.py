"""How gradients become steps."""

from mmpose_ext.engine.optim_wrappers.bf16_optim_wrapper import Bf16OptimWrapper
from mmpose_ext.engine.optim_wrappers.parts_optim_wrapper_constructor import (
    PartsOptimWrapperConstructor,
)

__all__ = ['Bf16OptimWrapper', 'PartsOptimWrapperConstructor']
