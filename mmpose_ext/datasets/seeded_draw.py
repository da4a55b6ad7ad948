"""Random draws that can be done again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def keyed_generator(seed: int, *key: int) -> np.random.Generator:
    """Random numbers of one part of simulated data, whatever the other parts are.

    Args:
        seed: Of the data.
        key: Numbers that tell the parts apart.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


@contextmanager
def seeded_draw(seed: int, draw: int) -> Iterator[None]:
    """Seed NumPy's and Python's global generators, which transforms draw from.

    Afterwards they go on as if nothing had been.

    Args:
        seed: Of the dataset, from 0 on.
        draw: Number of the sample in the run, from 0 on.
    """
    states = np.random.get_state(), random.getstate()
    words = np.random.SeedSequence([seed, draw]).generate_state(8)
    np.random.seed(words[:4])
    random.seed(words[4:].tobytes())
    try:
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
