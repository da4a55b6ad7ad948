"""Mean heights of heatmaps over training, which show whether it collapses."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmpose_ext.visualization.curves import COLOURS, Curve
from mmpose_ext.visualization.run_files import read_run_file

_NAMES = {
    'labelled': 'labelled images',
    'teacher': 'teacher, unlabelled (easy views)',
    'student': 'student, unlabelled (hard views)',
}
_COLOURS = {'labelled': COLOURS[0], 'teacher': COLOURS[1], 'student': COLOURS[2]}
_MARKS = {'collapse': COLOURS[1], 'recovery': COLOURS[2]}


class ResponseHistory(NamedTuple):
    """What a run's ``collapse.json`` holds.

    Attributes:
        steps: Of the samples ``(N,)``.
        labelled: Mean height of heatmaps on labelled images ``(N,)``.
        teacher: The same of teachers on easy views ``(N,)``.
        student: The same of students on hard views ``(N,)``.
        rho: Smoothed ratio of teacher to labelled ``(N,)``, NaN where it does not
            count.
        flag: Ratio below which it is a collapse ``(N,)``, alike.
        events: Step and name, ``'collapse'`` or ``'recovery'``.
        metric: Name of the validation metric.
        validation: Its values; empty if there are none.
    """

    steps: np.ndarray
    labelled: np.ndarray
    teacher: np.ndarray
    student: np.ndarray
    rho: np.ndarray
    flag: np.ndarray
    events: tuple[tuple[int, str], ...]
    metric: str | None
    validation: Curve

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> ResponseHistory:
        """The history in the content of a ``collapse.json``."""
        columns = {
            name: np.array(content[name], dtype=float)
            for name in ('steps', 'labelled', 'teacher', 'student', 'rho', 'flag')
        }
        points = np.array(content['validation'], dtype=float).reshape(-1, 2)
        return cls(
            **columns,
            events=tuple((int(step), str(name)) for step, name in content['events']),
            metric=content['metric'],
            validation=Curve(points[:, 0], points[:, 1]),
        )


def read_responses(path: str | os.PathLike) -> ResponseHistory:
    """Read what ``CollapseMonitorHook`` wrote.

    Args:
        path: A ``collapse.json``, or the folder of a run.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is something else.
    """
    return read_run_file(
        path,
        'collapse.json',
        ResponseHistory.of,
        hook='CollapseMonitorHook',
        when='while a model with unlabelled images trains',
    )


def draw_responses(figure: Figure, history: ResponseHistory) -> Figure:
    """Draw the three responses and the metric above, the ratio with its flag below.

    Args:
        figure: An empty figure.
        history: What to draw.

    Returns:
        The figure.
    """
    figure.set_layout_engine('constrained')
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_legend(figure, draw_response_axes(upper, history), 2)
    draw_ratio_axes(lower, history)
    lower.legend(fontsize='small', frameon=False)
    lower.set_xlabel('step')
    return figure


def draw_response_axes(ax: Axes, history: ResponseHistory) -> list[Any]:
    """Draw the three responses and, on an axis of its own, the metric (Fig. 3 and 7).

    Args:
        ax: Where to draw.
        history: What to draw.

    Returns:
        What belongs into a legend.
    """
    handles: list[Any] = []
    for name, label in _NAMES.items():
        values = getattr(history, name)
        handles += ax.plot(history.steps, values, color=_COLOURS[name], label=label)
    ax.set_ylim(0, max(1.0, 1.05 * _highest([history])))
    ax.set_ylabel('mean height of heatmaps')
    ax.grid(alpha=0.3)
    if len(history.validation.steps):
        other = ax.twinx()
        handles += other.plot(
            *history.validation,
            color='black',
            linestyle=':',
            marker='o',
            markersize=3,
            label=f'{history.metric} (right)',
        )
        other.set_ylim(bottom=0)
        other.set_ylabel(str(history.metric))
    _mark_events(ax, history)
    return handles


def draw_ratio_axes(ax: Axes, history: ResponseHistory) -> Axes:
    """Draw the smoothed ratio of teacher to labelled and the flag.

    Args:
        ax: Where to draw.
        history: What to draw.

    Returns:
        The axes.
    """
    ax.plot(
        history.steps,
        history.rho,
        color=_COLOURS['teacher'],
        label='teacher / labelled, smoothed',
    )
    ax.plot(
        history.steps, history.flag, color='black', linestyle='--', label='collapse'
    )
    ax.set_ylim(bottom=0)
    ax.set_ylabel('ratio')
    ax.grid(alpha=0.3)
    _mark_events(ax, history)
    return ax


def draw_response_comparison(
    figure: Figure, runs: Mapping[str, ResponseHistory], *, columns: int = 4
) -> Figure:
    """Draw the responses of several runs side by side (Fig. 3, 7 and 8).

    All runs have the same heights on both axes, so that they can be compared.

    Args:
        figure: An empty figure.
        runs: Histories by name.
        columns: Runs in a row, at most.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw.
    """
    if not runs:
        raise ValueError('there are no responses to draw')
    figure.set_layout_engine('constrained')
    columns = min(columns, len(runs))
    rows = math.ceil(len(runs) / columns)
    grid = figure.subplots(rows, columns, squeeze=False)
    best = max(
        (v for run in runs.values() for v in run.validation.values), default=None
    )
    top = max(1.0, 1.05 * _highest(list(runs.values())))
    handles: dict[str, Any] = {}
    for i, (ax, (label, history)) in enumerate(
        zip(grid.flat, runs.items(), strict=False)
    ):
        before = len(figure.axes)
        for handle in draw_response_axes(ax, history):
            handles.setdefault(handle.get_label(), handle)
        ax.set_ylim(0, top)
        ax.set_title(label, fontsize='medium')
        ax.set_xlabel('step')
        if i % columns:
            ax.set_ylabel('')
        for other in figure.axes[before:]:
            other.set_ylim(0, 1.1 * (best or 1.0))
            if (i + 1) % columns and i + 1 < len(runs):
                other.set_ylabel('')
    for ax in list(grid.flat)[len(runs) :]:
        ax.set_axis_off()
    _draw_legend(figure, list(handles.values()), 2 if columns < 3 else 4)
    return figure


def _draw_legend(figure: Figure, handles: list[Any], columns: int) -> None:
    figure.legend(
        handles=handles,
        loc='outside upper center',
        ncols=columns,
        fontsize='small',
        frameon=False,
    )


def _highest(runs: Sequence[ResponseHistory]) -> float:
    values = [getattr(run, name) for run in runs for name in _NAMES]
    return float(np.concatenate(values).max(initial=0.0))


def _mark_events(ax: Axes, history: ResponseHistory) -> None:
    for step, name in history.events:
        ax.axvline(step, color=_MARKS[name], linewidth=0.8, alpha=0.7)
