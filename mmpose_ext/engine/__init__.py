"""How runs start, report and stop."""

from mmpose_ext.engine.hooks import (
    LearningCurveHook,
    NonFiniteLossHook,
    PosePictureHook,
    RunSummaryHook,
    StepSeedHook,
)
from mmpose_ext.engine.loops import DualStudentTrainLoop
from mmpose_ext.engine.optim_wrappers import (
    Bf16OptimWrapper,
    PartsOptimWrapperConstructor,
)

__all__ = [
    'Bf16OptimWrapper',
    'DualStudentTrainLoop',
    'LearningCurveHook',
    'NonFiniteLossHook',
    'PartsOptimWrapperConstructor',
    'PosePictureHook',
    'RunSummaryHook',
    'StepSeedHook',
]
