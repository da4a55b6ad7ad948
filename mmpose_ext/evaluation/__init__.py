"""How predictions are scored."""

from .metrics import PoseLiftingMetric

__all__ = ['PoseLiftingMetric']
