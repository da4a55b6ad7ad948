"""How gradients become steps."""

from mmpose_ext.engine.optim_wrappers.agm_optim_wrapper import AGMOptimWrapper
from mmpose_ext.engine.optim_wrappers.bf16_optim_wrapper import Bf16OptimWrapper
from mmpose_ext.engine.optim_wrappers.mm_pareto_optim_wrapper import (
    MMParetoOptimWrapper,
)
from mmpose_ext.engine.optim_wrappers.modality_optim_wrapper import ModalityOptimWrapper
from mmpose_ext.engine.optim_wrappers.modality_optim_wrapper_constructor import (
    ModalityOptimWrapperConstructor,
)
from mmpose_ext.engine.optim_wrappers.ogm_ge_optim_wrapper import OGMGEOptimWrapper
from mmpose_ext.engine.optim_wrappers.parts_optim_wrapper_constructor import (
    PartsOptimWrapperConstructor,
)

__all__ = [
    'AGMOptimWrapper',
    'Bf16OptimWrapper',
    'MMParetoOptimWrapper',
    'ModalityOptimWrapper',
    'ModalityOptimWrapperConstructor',
    'OGMGEOptimWrapper',
    'PartsOptimWrapperConstructor',
]
