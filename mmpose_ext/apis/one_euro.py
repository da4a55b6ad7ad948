"""The one-euro filter, for many points at once.

Casiez, Roussel and Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for
Noisy Input in Interactive Systems", CHI 2012: a low-pass filter of first order whose
cutoff frequency grows with the speed, so that what rests does not tremble and what
moves does not lag. We take the speed of a point from all its coordinates, where the
paper filters each coordinate for itself; results then do not depend on the axes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OneEuro:
    """Parameters of the filter; the defaults suit joints in metres.

    Attributes:
        min_cutoff: Cutoff frequency of a point at rest, Hz; less trembles less.
        beta: What the cutoff gains with the speed, Hz for each unit a second; more
            lags less.
        derivative_cutoff: Cutoff frequency of the speed, Hz.

    Raises:
        ValueError: If a number is out of range.
    """

    min_cutoff: float = 1.5
    beta: float = 3.0
    derivative_cutoff: float = 1.0

    def __post_init__(self) -> None:
        if self.min_cutoff <= 0 or self.derivative_cutoff <= 0 or self.beta < 0:
            raise ValueError(
                f'{self}: cutoff frequencies must be above 0 and beta 0 or more'
            )


@dataclass
class OneEuroState:
    """Where the filter is; rows that are NaN have not begun.

    Attributes:
        time: Of the last frame, seconds.
        value: Filtered points of that frame, ``(..., D)``.
        velocity: Filtered, units a second, ``(..., D)``.
    """

    time: float
    value: np.ndarray
    velocity: np.ndarray


def one_euro(
    values: np.ndarray,
    times: np.ndarray,
    options: OneEuro,
    state: OneEuroState | None = None,
) -> tuple[np.ndarray, OneEuroState | None]:
    """Filter points over time; the only loop is over frames.

    A point that is NaN is absent; when it comes back, its filter begins anew.

    Args:
        values: Points ``(F, ..., D)``, for example ``(F, N, K, 3)`` of N people.
        times: Of the frames, seconds, increasing, ``(F,)``.
        options: Parameters.
        state: Where the filter stood after the frames before; it is not changed.

    Returns:
        Filtered points in the type of ``values``, and the state after them.

    Raises:
        ValueError: If times do not increase or do not fit.
    """
    times = np.asarray(times, dtype=np.float64)
    before = [] if state is None else [state.time]
    if len(times) != len(values) or (np.diff([*before, *times]) <= 0).any():
        raise ValueError(
            f'{len(values)} frames need as many times that increase, got {len(times)}'
            + (
                f', from {times[0]} on after {before[0]}'
                if before and len(times)
                else ''
            )
        )
    filtered = np.empty_like(values)
    for frame, time in enumerate(times):
        state = _step(values[frame].astype(np.float64), float(time), options, state)
        filtered[frame] = state.value
    return filtered, state


def _step(
    value: np.ndarray, time: float, options: OneEuro, state: OneEuroState | None
) -> OneEuroState:
    still = np.where(np.isnan(value), np.nan, 0.0)
    if state is None:
        return OneEuroState(time, value, still)
    elapsed = time - state.time
    velocity = (value - state.value) / elapsed
    share = _share(options.derivative_cutoff, elapsed)
    velocity = state.velocity + share * (velocity - state.velocity)
    speed = np.sqrt(np.square(velocity).sum(axis=-1, keepdims=True))
    share = _share(options.min_cutoff + options.beta * speed, elapsed)
    smooth = state.value + share * (value - state.value)
    began = np.isnan(smooth)  # absent before, or now
    return OneEuroState(
        time, np.where(began, value, smooth), np.where(began, still, velocity)
    )


def _share(cutoff: np.ndarray | float, elapsed: float) -> np.ndarray | float:
    """What a new value counts in a low-pass filter of first order."""
    turns = 2 * np.pi * cutoff * elapsed
    return turns / (turns + 1)
