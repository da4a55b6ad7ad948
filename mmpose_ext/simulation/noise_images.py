"""Smooth random images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def noise_image(
    size: tuple[int, int], generator: np.random.Generator, *, octaves: Sequence[int]
) -> np.ndarray:
    """Smooth noise of several scales.

    Args:
        size: ``(width, height)``, pixels.
        generator: Source of randomness.
        octaves: Cells across the image at each scale, coarse to fine; each scale is
            weaker than the one before.

    Returns:
        ``(height, width)``, float32, about -1 to 1.
    """
    width, height = size
    image = np.zeros((height, width), np.float32)
    for order, cells in enumerate(octaves):
        rows = max(2, round(cells * height / width))
        grid = generator.uniform(-1, 1, (rows + 1, cells + 1))
        image += 0.6**order * (
            _interpolation(height, rows) @ grid @ _interpolation(width, cells).T
        )
    return image


def _interpolation(length: int, cells: int) -> np.ndarray:
    """Weights ``(length, cells + 1)`` of smooth interpolation between grid points."""
    place = (np.arange(length) + 0.5) / length * cells
    first = np.minimum(place.astype(int), cells - 1)
    part = place - first
    part = part * part * (3 - 2 * part)
    weights = np.zeros((length, cells + 1))
    weights[np.arange(length), first] = 1 - part
    weights[np.arange(length), first + 1] = part
    return weights
