"""How many looks people and places have: endless, or a few that return."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Look = Callable[[np.random.Generator], np.random.Generator]
"""From a picture's source of randomness, that of the looks of somebody or a place."""


def itself(generator: np.random.Generator) -> np.random.Generator:
    """Everybody and every place looks different."""
    return generator


def one_of(looks: list[np.random.SeedSequence]) -> Look:
    """Everybody and every place has one of a few looks.

    Args:
        looks: What each of them is drawn from; not empty.
    """

    def look(generator: np.random.Generator) -> np.random.Generator:
        return np.random.default_rng(looks[generator.integers(len(looks))])

    return look
