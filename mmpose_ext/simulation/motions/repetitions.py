"""Movements that are done again and again, never twice alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mmpose_ext.simulation.motions.time_signals import keyframes

_SIZES = 64


@dataclass(frozen=True, eq=False)
class Repetitions:
    """Repetitions of one movement.

    Args:
        part: How much of the present repetition is over ``(F,)``, 0 to 1.
        size: How far it goes ``(F,)``; each repetition has a size of its own.
    """

    part: np.ndarray
    size: np.ndarray

    @classmethod
    def draw(
        cls,
        t: np.ndarray,
        generator: np.random.Generator,
        *,
        period: tuple[float, float],
        size: tuple[float, float] = (0.85, 1.0),
    ) -> Repetitions:
        """Draw a pace and the sizes.

        Args:
            t: Times ``(F,)``, seconds.
            generator: Source of randomness.
            period: Least and greatest duration of a repetition, seconds.
            size: Least and greatest size.
        """
        cycle = t / generator.uniform(*period) + generator.uniform()
        number = np.floor(cycle).astype(int)
        sizes = generator.uniform(*size, _SIZES)
        return cls(cycle - number, sizes[number % _SIZES])

    def through(self, knots: ArrayLike, values: ArrayLike) -> np.ndarray:
        """Go through values at rest in each, sizes left aside.

        Args:
            knots: Increasing parts of the repetition, from 0 to 1.
            values: Values there; the last equals the first.

        Returns:
            ``(F,)``.
        """
        return keyframes(self.part, knots, values)

    def there_and_back(
        self, leave: float, arrive: float, turn: float, home: float
    ) -> np.ndarray:
        """From 0 to 1, stay, and back to 0; the four parts at which that happens."""
        return self.through([0, leave, arrive, turn, home, 1], [0, 0, 1, 1, 0, 0])
