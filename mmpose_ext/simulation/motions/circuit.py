"""A way round the room."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline


class Circuit:
    """A way round an ellipse about the origin, by arc length.

    Args:
        radii: Half its width (x) and half its depth (y), ``(2,)``, metres.
        hand: 1 to go round to the left, -1 to the right.
    """

    def __init__(self, radii: np.ndarray, hand: int) -> None:
        self.radii = radii
        self.hand = hand
        angle = np.linspace(0, 2 * np.pi, 721)
        middle = (angle[1:] + angle[:-1]) / 2
        speed = np.hypot(radii[0] * np.sin(middle), radii[1] * np.cos(middle))
        length = np.concatenate([[0], np.cumsum(speed * np.diff(angle))])
        self.length = length[-1]
        turn = angle - 2 * np.pi * length / self.length
        turn[-1] = turn[0]
        self.turn = CubicSpline(length, turn, bc_type='periodic')

    def __call__(self, way: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Place ``(N, 2)``, continuous heading and signed curvature ``(N,)``."""
        angle = 2 * np.pi * way / self.length + self.turn(way)
        wide, deep = self.radii
        cos, sin = np.cos(angle), np.sin(angle)
        # The tangent runs ahead of the angle by a quarter turn and a little more.
        more = np.arctan2((wide - deep) * sin * cos, wide * sin**2 + deep * cos**2)
        heading = angle + np.pi / 2 - more
        curvature = wide * deep / (wide**2 * sin**2 + deep**2 * cos**2) ** 1.5
        place = np.column_stack([wide * cos, self.hand * deep * sin])
        return place, self.hand * heading, self.hand * curvature
