"""Smooth functions of time and random draws that do not depend on the frame rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

LEAD_S = 3.0
"""Time before the first and after the last frame for which a motion is laid out."""


def band_limited_noise(
    t: np.ndarray, cutoff_hz: float, generator: np.random.Generator, count: int
) -> np.ndarray:
    """Smooth noise of unit variance: twelve sinusoids of random frequency and phase.

    Args:
        t: Times ``(F,)``, seconds.
        cutoff_hz: Greatest frequency.
        generator: Source of randomness.
        count: Number of independent signals N.

    Returns:
        ``(F, N)``; no value exceeds ``sqrt(24)``.
    """
    frequency = cutoff_hz * generator.uniform(0.05, 1, (12, count))
    phase = generator.uniform(0, 2 * np.pi, (12, count))
    waves = np.sin(2 * np.pi * frequency * t[:, None, None] + phase)
    return waves.sum(axis=1) / np.sqrt(6)


def keyframes(t: np.ndarray, knots: ArrayLike, values: ArrayLike) -> np.ndarray:
    """Go from value to value with least jerk, at rest in each.

    Args:
        t: Times ``(F,)``; before the first and after the last knot the value stays.
        knots: Increasing times ``(N,)``.
        values: Values ``(N, ...)``.

    Returns:
        ``(F, ...)``, twice differentiable in time.
    """
    knots, values = np.asarray(knots, float), np.asarray(values, float)
    index = np.clip(np.searchsorted(knots, t, side='right') - 1, 0, len(knots) - 2)
    part = np.clip((t - knots[index]) / np.diff(knots)[index], 0, 1)
    part = part**3 * (10 - 15 * part + 6 * part**2)
    part = part.reshape(-1, *(1,) * (values.ndim - 1))
    return values[index] + part * (values[index + 1] - values[index])


def repeated(
    t: np.ndarray,
    generator: np.random.Generator,
    period: tuple[float, float],
    size: tuple[float, float],
    knots: tuple[float, float, float, float],
) -> np.ndarray:
    """A signal that goes from 0 up to a random size and back, again and again."""
    seconds = generator.uniform(*period)
    cycle = t / seconds + generator.uniform()
    sizes = generator.uniform(*size, 64)[np.floor(cycle).astype(int) % 64]
    return sizes * keyframes(cycle % 1, [0, *knots, 1], [0, 0, 1, 1, 0, 0])


def swing_progress(part: np.ndarray) -> np.ndarray:
    """From 0 to 1 with the speed ``(1 - x^4)^2``."""
    x = 2 * part - 1
    return 0.5 + (x - 0.4 * x**5 + x**9 / 9) * 45 / 64


def freedom(part: np.ndarray) -> np.ndarray:
    """From 0 quickly to 1 and back to 0 at the end."""
    return (1 - (2 * part - 1) ** 4) ** 2


def swing_bump(part: np.ndarray) -> np.ndarray:
    """From 0 to 1 and back to 0."""
    return 64 * part**3 * (1 - part) ** 3


def forked_generator(generator: np.random.Generator) -> np.random.Generator:
    """A generator for draws whose number depends on the length of the motion."""
    return np.random.default_rng(generator.integers(2**63))
