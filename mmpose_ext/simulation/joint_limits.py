"""Keep joint angles within their limits, sharply or smoothly."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.skeleton import JOINT_LIMITS


def clamp_to_limits(angles: np.ndarray, *, margin: float = 0.0) -> np.ndarray:
    """Move joint angles into :data:`JOINT_LIMITS`.

    Args:
        angles: Joint angles ``(..., D)``, radians.
        margin: Angles that come closer to a limit than this, in radians, approach it
            smoothly; 0 cuts them off.

    Returns:
        Angles ``(..., D)`` within the limits.
    """
    low, high = JOINT_LIMITS.T
    if margin > 0:
        angles = soft_limit(angles, high - margin, high)
        angles = -soft_limit(-angles, -low - margin, -low)
    return np.clip(angles, low, high)


def soft_limit(
    value: np.ndarray, start: np.ndarray | float, end: np.ndarray | float
) -> np.ndarray:
    """Bend values above ``start`` towards ``end``, twice differentiably.

    An infinite ``end`` leaves the values as they are.
    """
    finite = np.isfinite(end)
    first, last = np.where(finite, start, 0.0), np.where(finite, end, 1.0)
    over = np.maximum(value - first, 0)
    bent = np.minimum(value, first) + (last - first) * np.tanh(over / (last - first))
    return np.where(finite, bent, value)
