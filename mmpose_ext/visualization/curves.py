"""Curves over training: losses and metrics against the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = (
    *('#0072B2', '#D55E00', '#009E73', '#CC79A7'),
    *('#E69F00', '#56B4E9', '#000000', '#999999'),
)
"""Okabe and Ito's colours, which colour-blind readers can tell apart.

Grey stands in for their yellow, which is too faint for lines on white.
"""


class Curve(NamedTuple):
    """Values at steps.

    Attributes:
        steps: Ascending, ``(N,)``.
        values: One for each step, ``(N,)``.
    """

    steps: np.ndarray
    values: np.ndarray


def new_figure(width: float = 8.0, height: float = 6.0) -> Figure:
    """An empty figure that draws into memory.

    It is independent of pyplot, so nothing is registered, shown or left open.

    Args:
        width: In inches, at 120 pixels an inch.
        height: In inches.
    """
    figure = Figure(figsize=(width, height), dpi=120)
    FigureCanvasAgg(figure)
    return figure


def draw_learning_curve(
    figure: Figure, losses: Mapping[str, Curve], metrics: Mapping[str, Curve]
) -> Figure:
    """Draw losses above, validation metrics below, over the same steps.

    Args:
        figure: An empty figure.
        losses: Training losses by name; drawn thin as they are and thick as a moving
            average.
        metrics: Validation metrics by name; the smallest value is marked.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no curve to draw.
    """
    if not losses and not metrics:
        raise ValueError('there is no curve to draw: both losses and metrics are empty')
    figure.set_layout_engine('constrained')
    rows = [part for part in (losses, metrics) if part]
    axes = np.atleast_1d(figure.subplots(len(rows), 1, sharex=True))
    if losses:
        draw_losses(axes[0], losses)
    if metrics:
        draw_metrics(axes[-1], metrics)
    axes[-1].set_xlabel('step')
    return figure


def draw_losses(ax: Axes, losses: Mapping[str, Curve]) -> Axes:
    """Draw losses, logarithmic where all of them are positive.

    Args:
        ax: Where to draw.
        losses: Curves by name.

    Returns:
        The axes.
    """
    for i, (name, curve) in enumerate(losses.items()):
        colour = COLOURS[i % len(COLOURS)]
        window = max(1, len(curve.values) // 50)
        if window > 1:
            ax.plot(*curve, color=colour, linewidth=0.5, alpha=0.3)
        smooth = moving_average(curve.values, window)
        width = 2.0 if name == 'loss' else 1.2
        ax.plot(curve.steps, smooth, color=colour, linewidth=width, label=name)
    values = np.concatenate([curve.values for curve in losses.values()])
    if np.nanmin(values) > 0:
        ax.set_yscale('log')
    ax.set_ylabel('training loss')
    _finish(ax)
    return ax


def draw_metrics(ax: Axes, metrics: Mapping[str, Curve]) -> Axes:
    """Draw metrics of which less is better, the best value marked.

    Args:
        ax: Where to draw.
        metrics: Curves by name.

    Returns:
        The axes.
    """
    for i, (name, curve) in enumerate(metrics.items()):
        colour = COLOURS[i % len(COLOURS)]
        best = int(np.nanargmin(curve.values))
        label = f'{name}, best {curve.values[best]:.4g} at step {curve.steps[best]:.0f}'
        ax.plot(*curve, color=colour, marker='o', markersize=3, label=label)
        ax.plot(
            curve.steps[best],
            curve.values[best],
            color=colour,
            marker='*',
            markersize=12,
        )
    ax.set_ylabel('validation')
    _finish(ax)
    return ax


def moving_average(values: np.ndarray, window: int) -> np.ndarray:
    """Mean of each value and those before it.

    Args:
        values: ``(N,)``.
        window: Values that are averaged, fewer at the beginning.

    Returns:
        As many values, ``(N,)``.
    """
    total = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (total[ends] - total[starts]) / (ends - starts)


def _finish(ax: Axes) -> None:
    ax.grid(alpha=0.3)
    ax.legend(fontsize='small', frameon=False)
