"""How gradients become steps."""

from mmpose_ext.engine.optim_wrappers.bf16_optim_wrapper import Bf16OptimWrapper

__all__ = ['Bf16OptimWrapper']
