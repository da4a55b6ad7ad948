"""Bars of several methods, side by side for each category."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from mmpose_ext.visualization.curves import COLOURS

_GROUP_WIDTH = 0.8


def draw_grouped_bars(
    ax: Axes, values: Mapping[str, Mapping[str, float]], *, title: str = ''
) -> Axes:
    """Draw a group of bars for each category, in it one bar a method.

    Args:
        ax: Where to draw.
        values: Value by method and category; all methods have the same categories.
        title: Above the axes.

    Returns:
        The axes; no legend is drawn, so that several axes can share one.

    Raises:
        ValueError: If there is nothing to draw or the categories differ.
    """
    kinds = [tuple(row) for row in values.values()]
    if not kinds or not kinds[0] or any(kind != kinds[0] for kind in kinds):
        raise ValueError(
            'expected at least one method, and the same categories for each, got '
            f'{dict(zip(values, kinds, strict=True))}'
        )
    places = np.arange(len(kinds[0]))
    width = _GROUP_WIDTH / len(values)
    for i, (method, row) in enumerate(values.items()):
        shift = (i - (len(values) - 1) / 2) * width
        bars = ax.bar(
            places + shift,
            list(row.values()),
            0.92 * width,
            label=method,
            color=COLOURS[i % len(COLOURS)],
        )
        ax.bar_label(bars, fmt='%.1f', fontsize='x-small', padding=1)
    ax.set_xticks(places, kinds[0])
    ax.set_title(title, fontsize='medium')
    ax.margins(y=0.12)
    ax.grid(axis='y', alpha=0.3)
    ax.set_axisbelow(True)
    ax.spines[['top', 'right']].set_visible(False)
    return ax
