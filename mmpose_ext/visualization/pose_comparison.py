"""Poses of two methods on the same frames, with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmpose_ext.visualization.pose3d import (
    TRUTH_COLOUR,
    Edges,
    bounds_of,
    draw_skeleton,
    show_square,
)
from mmpose_ext.visualization.pose_panels import View

CIRCLE_COLOUR = '#d62728'

_ELEVATION = 8.0
_CIRCLE: dict[str, Any] = {
    'linestyle': '',
    'marker': 'o',
    'markersize': 12,
    'markerfacecolor': 'none',
    'markeredgecolor': CIRCLE_COLOUR,
    'markeredgewidth': 1.5,
}


def better_joints(
    first: np.ndarray, second: np.ndarray, truth: np.ndarray, margin: float
) -> np.ndarray:
    """Joints that the second of two methods places better.

    Args:
        first: Poses ``(..., K, 3)``.
        second: Of the same frames, alike.
        truth: Alike.
        margin: By how much its error must be smaller, in the unit of the poses.

    Returns:
        ``(..., K)`` bool.
    """
    errors = [np.linalg.norm(poses - truth, axis=-1) for poses in (first, second)]
    return errors[0] - errors[1] > margin


def draw_pose_comparison(
    figure: Figure,
    truth: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    *,
    labels: tuple[str, str],
    margin: float,
    edges: Edges,
    edge_colours: Sequence[str] | str = '#0072B2',
    titles: Sequence[str],
    azimuth: float = 30.0,
) -> Figure:
    """Draw a column a frame: the truth, the first method, the second (Fig. 6).

    Below each prediction the truth is dashed in grey. Joints that the second method
    places better by more than the margin are circled in both. All poses of a frame have
    one scale and the truth's root in one place, so that a pose in the wrong place shows
    as such.

    Args:
        figure: An empty figure.
        truth: Camera frame, absolute, metres, ``(N, K, 3)``.
        first: Poses of the first method, alike.
        second: Poses of the second method, alike.
        labels: Names of the methods.
        margin: Metres.
        edges: Bones as pairs of joints.
        edge_colours: One colour, or one for each edge.
        titles: One for each frame.
        azimuth: View in degrees: 0 from the camera, 90 from the person's side.

    Returns:
        The figure.

    Raises:
        ValueError: If shapes differ or there is no frame.
    """
    if not first.shape == second.shape == truth.shape or not len(truth):
        raise ValueError(
            'expected poses of the same shape (N, K, 3), N > 0, got '
            f'{first.shape}, {second.shape} and {truth.shape}'
        )
    figure.set_layout_engine('constrained')
    circled = better_joints(first, second, truth, margin)
    rows = np.stack([truth, first, second])
    errors = 1000 * np.linalg.norm(rows - truth, axis=-1).mean(axis=-1)
    view = View(azimuth, _ELEVATION, height=0.0, half=0.5)
    flat = view.project(rows - truth[:, :1], 1)[..., :2]  # (3, N, K, 2)
    grid = figure.subplots(3, len(truth), squeeze=False)
    for column, (axes, title) in enumerate(zip(grid.T, titles, strict=True)):
        poses = flat[:, column]
        low, high = bounds_of(poses)
        for ax, pose, error in zip(axes, poses, errors[:, column], strict=True):
            if ax is not axes[0]:
                _draw_truth(ax, poses[0], edges)
                ax.set_xlabel(f'{error:.0f} mm', fontsize='small')
            draw_skeleton(ax, pose, edges, colours=edge_colours, width=1.6)
            if ax is not axes[0]:
                ax.plot(*pose[circled[column]].T, **_CIRCLE)
            show_square(ax, poses, 1.15 * (high - low).max())
        axes[0].set_title(title, fontsize='x-small')
    for ax, name in zip(grid[:, 0], ('truth', *labels), strict=True):
        ax.set_ylabel(name, fontsize='small')
    _draw_legend(figure, f'{labels[1]} better by more than {1000 * margin:g} mm')
    return figure


def _draw_truth(ax: Axes, pose: np.ndarray, edges: Edges) -> None:
    draw_skeleton(ax, pose, edges, colours=TRUTH_COLOUR, width=1.0, style='--')


def _draw_legend(figure: Figure, circles: str) -> None:
    figure.legend(
        [
            Line2D([], [], color=TRUTH_COLOUR, linestyle='--'),
            Line2D([], [], **_CIRCLE),
        ],
        ['true pose', circles],
        loc='outside lower center',
        ncols=2,
        frameon=False,
        fontsize='small',
    )
