"""Scatter plots of features that were embedded in the plane."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes


def draw_embedding(
    ax: Axes,
    points: Mapping[str, np.ndarray],
    *,
    colours: Mapping[str, str],
    title: str = '',
) -> Axes:
    """Draw points of several kinds; their places mean nothing but nearness.

    Kinds are drawn in random order of their points (seeded), so that none hides
    another.

    Args:
        ax: Where to draw.
        points: By kind, each ``(N, 2)``.
        colours: Colour of each kind.
        title: Above the axes.

    Returns:
        The axes; no legend is drawn, so that several axes can share one.

    Raises:
        ValueError: If there is no point, or a kind has no colour.
    """
    if not sum(map(len, points.values())) or not set(points) <= set(colours):
        raise ValueError(
            f'expected points, and a colour for each of {list(points)}, got '
            f'{[len(p) for p in points.values()]} points and {dict(colours)}'
        )
    everything = np.concatenate(list(points.values()))
    shades = np.repeat(
        [colours[kind] for kind in points], [len(p) for p in points.values()]
    )
    order = np.random.default_rng(0).permutation(len(everything))
    x, y = everything[order].T
    ax.scatter(x, y, c=shades[order], s=5, alpha=0.6, linewidths=0, zorder=2)
    for kind in points:
        ax.scatter([], [], c=colours[kind], s=25, linewidths=0, label=kind)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize='medium')
    return ax
