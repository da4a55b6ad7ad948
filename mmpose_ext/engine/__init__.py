"""How runs start, report and stop."""

from .hooks import (
    LearningCurveHook,
    NonFiniteLossHook,
    PosePictureHook,
    RunSummaryHook,
)

__all__ = [
    'LearningCurveHook',
    'NonFiniteLossHook',
    'PosePictureHook',
    'RunSummaryHook',
]
