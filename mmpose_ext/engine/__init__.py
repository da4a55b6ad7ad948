"""How runs start, report and stop."""

from .hooks import (
    LearningCurveHook,
    NonFiniteLossHook,
    PosePictureHook,
    RunSummaryHook,
)
from .optim_wrappers import Bf16OptimWrapper

__all__ = [
    'Bf16OptimWrapper',
    'LearningCurveHook',
    'NonFiniteLossHook',
    'PosePictureHook',
    'RunSummaryHook',
]
