"""What modalities contribute over the epochs of a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmpose_ext.visualization.curves import COLOURS
from mmpose_ext.visualization.run_files import read_run_file

MODALITY_COLOURS = dict(
    zip(('rgb', 'lidar', 'mmwave', 'wifi'), COLOURS[:4], strict=True)
)
"""The colour of a modality is the same in all pictures."""

_PROFITS = {'pearson': "of Pearson's correlation", 'mse': 'of the negative MSE'}


class ContributionHistory(NamedTuple):
    """What a run's ``contributions.json`` holds.

    Attributes:
        epochs: From 1 on ``(N,)``.
        scores: Shapley values of each modality ``(N,)``.
        errors: Their standard errors, 0 for exact ones ``(N,)``.
        deviations_mm: Standard deviation of what each modality alone predicts ``(N,)``.
        profit: ``'pearson'`` or ``'mse'``.
    """

    epochs: np.ndarray
    scores: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    deviations_mm: dict[str, np.ndarray]
    profit: str

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> ContributionHistory:
        """The history in the content of a ``contributions.json``."""
        columns = {
            column: {
                name: np.asarray(content[column][name], dtype=float)
                for name in content['modalities']
            }
            for column in ('scores', 'errors', 'deviations_mm')
        }
        epochs = np.asarray(content['epochs'], dtype=int)
        return cls(epochs=epochs, profit=str(content['profit']), **columns)


def read_contributions(path: str | os.PathLike) -> ContributionHistory:
    """Read what ``ShapleyContributionHook`` wrote.

    Args:
        path: A ``contributions.json``, or the folder of a run.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the file is something else.
    """
    return read_run_file(
        path,
        'contributions.json',
        ContributionHistory.of,
        hook='ShapleyContributionHook',
        when='while a multi-modal model trains',
    )


def draw_contributions(figure: Figure, history: ContributionHistory) -> Figure:
    """Draw the scores above (Fig. 4 of Peng et al.), the deviations below.

    Args:
        figure: An empty figure.
        history: What to draw.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no epoch.
    """
    return draw_contribution_comparison(figure, {'': history})


def draw_contribution_comparison(
    figure: Figure, histories: Mapping[str, ContributionHistory]
) -> Figure:
    """Draw runs side by side, with the same axes, as :func:`draw_contributions` does.

    Args:
        figure: An empty figure.
        histories: By the name of the run.

    Returns:
        The figure.

    Raises:
        ValueError: If a run has no epoch, or profits differ.
    """
    for name, history in histories.items():
        if not len(history.epochs):
            raise ValueError(f'{name or "the run"} has no epoch to draw')
    profits = {history.profit for history in histories.values()}
    if len(profits) > 1:
        raise ValueError(
            f'scores of the profits {sorted(profits)} cannot be compared; draw runs '
            'with the same profit'
        )
    figure.set_layout_engine('constrained')
    axes = figure.subplots(
        2,
        len(histories),
        sharex='col',
        sharey='row',
        height_ratios=(3, 2),
        squeeze=False,
    )
    for (upper, lower), (name, history) in zip(axes.T, histories.items(), strict=True):
        draw_scores(upper, history)
        upper.set_title(name, fontsize='medium')
        _draw_lines(lower, history.epochs, history.deviations_mm)
        lower.set_ylim(bottom=0)
        lower.set_ylabel('std of each alone [mm]')
        lower.set_xlabel('epoch')
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    for ax in axes[:, 1:].flat:
        ax.set_ylabel('')
    for ax in axes[0, 1:]:
        ax.get_legend().remove()
    return figure


def draw_scores(ax: Axes, history: ContributionHistory) -> Axes:
    """Draw the score of each modality against the epoch, with its standard error.

    Args:
        ax: Where to draw.
        history: What to draw.

    Returns:
        The axes.
    """
    _draw_lines(ax, history.epochs, history.scores)
    for number, (name, error) in enumerate(history.errors.items()):
        if error.any():
            low, high = history.scores[name] - error, history.scores[name] + error
            colour = modality_colour(name, number)
            ax.fill_between(history.epochs, low, high, color=colour, alpha=0.2)
    ax.axhline(0, color='black', linewidth=0.5)
    ax.set_ylabel(f'Shapley value {_PROFITS.get(history.profit, history.profit)}')
    ax.legend(fontsize='small', frameon=False, ncols=len(history.scores))
    return ax


def modality_colour(name: str, number: int) -> str:
    """The colour of a modality; by its number if the name is not a usual one."""
    return MODALITY_COLOURS.get(name, COLOURS[number % len(COLOURS)])


def _draw_lines(ax: Axes, epochs: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
    for number, (name, curve) in enumerate(values.items()):
        ax.plot(
            epochs,
            curve,
            color=modality_colour(name, number),
            marker='o' if len(epochs) < 30 else None,
            markersize=3,
            label=name,
        )
    ax.grid(alpha=0.3)
