"""Learning one task after the other: errors on tasks, clean and noisy losses.

Errors come as ``errors[i, j]``: on task j after training on task i, millimetres, NaN
where nothing was measured; see :mod:`mmpose_ext.evaluation.functional.continual`.
Several runs of a method are drawn as their mean and range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmpose_ext.evaluation.functional.continual import average_error, forgetting
from mmpose_ext.evaluation.functional.loss_mixture import GaussianPair
from mmpose_ext.visualization.curves import COLOURS

Runs = Mapping[str, np.ndarray]
"""Errors of the runs of each method, ``(R, T, T)``."""

When = Literal['own', 'last']

_COLOUR_MAP = 'YlOrRd'
_DARK = 0.6
_MARKERS = 'os^DvPX'
_BINS = 50
_NOTHING = np.full((3, 2), np.nan)


class LossFit(NamedTuple):
    """Losses of samples, what they are and what was found.

    Attributes:
        losses: Normalised to [0, 1], ``(N,)``.
        noisy: The truth, ``(N,)`` bool.
        gaussians: That were fitted; ``None`` if all samples count as clean.
    """

    losses: np.ndarray
    noisy: np.ndarray
    gaussians: GaussianPair | None


def task_labels(tasks: Sequence[Sequence[str]]) -> list[str]:
    """Names of tasks for an axis: their actions, one below the other."""
    return ['\n'.join(actions) for actions in tasks]


def draw_error_matrix(
    ax: Axes,
    errors: np.ndarray,
    *,
    labels: Sequence[str],
    title: str = '',
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw the errors on all tasks after each task, with their numbers.

    Args:
        ax: Where to draw.
        errors: ``(T, T)``, millimetres; NaN stays empty.
        labels: Names of the tasks.
        title: Above the axes.
        limits: Errors of the lightest and the darkest colour, for several matrices.

    Returns:
        The axes.

    Raises:
        ValueError: If the matrix is not square or has no number, or labels do not fit.
    """
    if errors.shape != (len(labels), len(labels)) or not np.isfinite(errors).any():
        raise ValueError(
            f'expected a {len(labels)} x {len(labels)} matrix with numbers in it for '
            f'the tasks {list(labels)}, got {list(errors.shape)}'
        )
    low, high = limits or (np.nanmin(errors), np.nanmax(errors))
    ax.imshow(errors, cmap=_COLOUR_MAP, vmin=low, vmax=high)
    for row, column in np.argwhere(np.isfinite(errors)):
        value = errors[row, column]
        dark = value - low > _DARK * (high - low)
        ax.text(
            column,
            row,
            f'{value:.0f}',
            ha='center',
            va='center',
            fontsize='small',
            fontweight='bold' if row == column else 'normal',
            color='white' if dark else 'black',
        )
    places = np.arange(len(labels))
    ax.set_xticks(places, labels, fontsize='x-small')
    ax.set_yticks(places, labels, fontsize='x-small')
    ax.set_xlabel('error on task')
    ax.set_ylabel('after training on task')
    ax.set_title(title, fontsize='medium')
    return ax


def draw_average_error(
    ax: Axes, runs: Runs, *, labels: Sequence[str], metric: str = 'MPJPE'
) -> Axes:
    """Draw the mean error over the tasks seen so far, after each task (Eq. 13).

    Args:
        ax: Where to draw.
        runs: Errors by method, ``(R, T, T)``, millimetres.
        labels: Names of the tasks.
        metric: Name of the error.

    Returns:
        The axes.

    Raises:
        ValueError: If there is no run, or tasks and labels do not fit.
    """
    _check_runs(runs, labels)
    curves = {
        name: np.stack([average_error(run) for run in errors])
        for name, errors in runs.items()
    }
    _draw_curves(ax, curves, labels)
    ax.set_xlabel('after training on task')
    ax.set_ylabel(f'mean {metric} of tasks so far, mm')
    return ax


def draw_task_errors(
    ax: Axes,
    runs: Runs,
    *,
    labels: Sequence[str],
    when: When = 'last',
    metric: str = 'MPJPE',
) -> Axes:
    """Draw the error on each task, at the end or when it has just been learnt.

    Peng et al. (arXiv 2501.05264v1) show memory by errors at the end (Fig. 5 a) and
    learning by those right after each task (Fig. 5 b).

    Args:
        ax: Where to draw.
        runs: Errors by method, ``(R, T, T)``, millimetres.
        labels: Names of the tasks.
        when: ``'last'``: after the last task; ``'own'``: after the task itself.
        metric: Name of the error.

    Returns:
        The axes.

    Raises:
        ValueError: If there is no run, tasks and labels do not fit, or ``when`` is
            unknown.
    """
    _check_runs(runs, labels)
    if when not in get_args(When):
        raise ValueError(f'when={when!r}; expected one of {get_args(When)}')
    curves = {
        name: errors[:, -1] if when == 'last' else np.einsum('rtt->rt', errors)
        for name, errors in runs.items()
    }
    _draw_curves(ax, curves, labels)
    ax.set_xlabel('task')
    ax.set_ylabel(f'{metric}, mm')
    ax.set_title(
        'after the last task' if when == 'last' else 'right after the task',
        fontsize='medium',
    )
    return ax


def draw_forgetting(
    ax: Axes, runs: Runs, *, labels: Sequence[str], metric: str = 'MPJPE'
) -> Axes:
    """Draw how much worse each earlier task is at the end than it once was.

    Args:
        ax: Where to draw.
        runs: Errors by method, ``(R, T, T)``, millimetres.
        labels: Names of the tasks.
        metric: Name of the error.

    Returns:
        The axes.

    Raises:
        ValueError: If there is no run, tasks and labels do not fit, or there is but
            one task.
    """
    _check_runs(runs, labels)
    if len(labels) < 2:
        raise ValueError('forgetting needs at least two tasks, got one')
    curves = {
        name: np.stack([forgetting(run) for run in errors])
        for name, errors in runs.items()
    }
    _draw_curves(ax, curves, labels[:-1])
    ax.set_xlabel('task')
    ax.set_ylabel(f'forgetting, {metric}, mm')
    return ax


def draw_loss_mixture(figure: Figure, fits: Mapping[str, LossFit]) -> Figure:
    """Draw losses of clean and noisy samples and the two Gaussians (Fig. 3).

    Areas are shares: those of the two histograms add up to 1, as do those of the two
    Gaussians. There are none where losses could not be told apart.

    Args:
        figure: An empty figure.
        fits: By name, such as without and with gradient stop; side by side.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nothing to draw.
    """
    if not fits or any(not len(fit.losses) for fit in fits.values()):
        raise ValueError(f'there are no losses to draw: {list(fits)}')
    figure.set_layout_engine('constrained')
    axes = figure.subplots(1, len(fits), squeeze=False, sharex=True, sharey=True)[0]
    for ax, (name, fit) in zip(axes, fits.items(), strict=True):
        _draw_losses(ax, fit)
        ax.set_title(name, fontsize='medium')
        ax.set_xlabel('loss, normalised')
        ax.set_xlim(0, 1)
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel('density')
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc='outside upper center',
        ncols=4,
        fontsize='small',
        frameon=False,
    )
    return figure


def _draw_losses(ax: Axes, fit: LossFit) -> None:
    edges = np.linspace(0, 1, _BINS + 1).tolist()
    size = len(fit.losses) / _BINS
    kinds = {'clean samples': ~fit.noisy, 'noisy samples': fit.noisy}
    for colour, (name, which) in zip(COLOURS, kinds.items(), strict=False):
        chosen = fit.losses[which]
        weights = np.full(len(chosen), 1 / size)
        ax.hist(chosen, edges, weights=weights, color=colour, alpha=0.4, label=name)
    grid = np.linspace(0, 1, 400)
    rows = zip(*(fit.gaussians or _NOTHING), strict=True)
    for name, colour, (weight, mean, std) in zip(
        ('low component', 'high component'), COLOURS, rows, strict=False
    ):
        factor = weight / (std * np.sqrt(2 * np.pi))
        curve = factor * np.exp(-(((grid - mean) / std) ** 2) / 2)
        ax.plot(grid, curve, color=colour, linewidth=1.5, label=name)
    ax.spines[['top', 'right']].set_visible(False)


def _draw_curves(
    ax: Axes, curves: Mapping[str, np.ndarray], labels: Sequence[str]
) -> None:
    """Mean and range of runs ``(R, T)`` over tasks."""
    places = np.arange(len(labels))
    for i, (name, values) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        label = f'{name}, {len(values)} runs' if len(values) > 1 else name
        ax.plot(
            places,
            values.mean(axis=0),
            color=colour,
            marker=_MARKERS[i % len(_MARKERS)],
            markersize=5,
            linewidth=1.3,
            label=label,
        )
        if len(values) > 1:
            low, high = values.min(axis=0), values.max(axis=0)
            ax.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.set_xticks(places, labels, fontsize='x-small')
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)


def _check_runs(runs: Runs, labels: Sequence[str]) -> None:
    size = len(labels)
    shapes = {name: np.shape(errors) for name, errors in runs.items()}
    if not runs or any(
        len(shape) != 3 or not shape[0] or shape[1:] != (size, size)
        for shape in shapes.values()
    ):
        raise ValueError(
            f'expected runs with errors (R, {size}, {size}) for the tasks '
            f'{list(labels)}, got {shapes}'
        )
