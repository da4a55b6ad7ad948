"""Several 3D hypotheses of one 2D pose, drawn over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from mmpose_ext.visualization.pose3d import (
    Edges,
    bounds_of,
    draw_skeleton,
    show_square,
)
from mmpose_ext.visualization.pose_panels import View

MUTED_COLOURS = (
    *('#9dbad5', '#a9cbb0', '#d9cb98', '#bdb3d6', '#a5cfd1', '#c9b8a3', '#bfc4c9'),
)
CHOSEN_COLOUR = '#d62728'
TRUTH_COLOUR = '#222222'
_ELEVATION = 8.0


class Hypotheses(NamedTuple):
    """What one lifter says of N frames.

    Attributes:
        poses: Camera axes, relative to the root, metres, ``(N, H, K, 3)``.
        chosen: Which hypothesis of each frame is drawn in red, ``(N,)``.
        notes: A line below each frame.
    """

    poses: np.ndarray
    chosen: np.ndarray
    notes: Sequence[str]


def draw_hypotheses(
    figure: Figure,
    keypoints: np.ndarray,
    hypotheses: Mapping[str, Hypotheses],
    *,
    truth: np.ndarray | None = None,
    edges: Edges,
    edge_colours: Sequence[str] | str = '#0072B2',
    titles: Sequence[str],
    azimuths: Sequence[float] = (0.0, 90.0),
) -> Figure:
    """Draw a row a frame: the 2D input, then the hypotheses of each lifter.

    Hypotheses have muted colours, the chosen one is red, the truth dashed. All share
    the root, and the 3D axes of a row have one scale. Seen as by the camera, hypotheses
    differ little: what 2D leaves open is depth.

    Args:
        figure: An empty figure.
        keypoints: 2D input, y down, any unit, ``(N, K, 2)``.
        hypotheses: By lifter.
        truth: Camera axes, relative to the root, metres, ``(N, K, 3)``; NaN where it is
            not known.
        edges: Bones as pairs of joints.
        edge_colours: Of the 2D input: one colour, or one for each edge.
        titles: One for each frame, at its left.
        azimuths: Views of each lifter in degrees: 0 from the camera, 90 from its right.

    Returns:
        The figure.

    Raises:
        ValueError: If shapes do not fit, or there is nothing to draw.
    """
    _check_shapes(keypoints, hypotheses, truth)
    if not azimuths:
        raise ValueError('expected at least one view, got no azimuth')
    figure.set_layout_engine('constrained')
    columns = 1 + len(hypotheses) * len(azimuths)
    grid = figure.subplots(len(keypoints), columns, squeeze=False)
    known = np.full((*keypoints.shape[:2], 3), np.nan) if truth is None else truth
    for row, (axes, title) in enumerate(zip(grid, titles, strict=True)):
        draw_skeleton(axes[0], keypoints[row], edges, colours=edge_colours, width=1.5)
        show_square(axes[0], keypoints[row], 1.15 * np.ptp(keypoints[row], 0).max())
        axes[0].set_ylabel(title, fontsize='x-small')
        overlays = [
            _Overlay(h.poses[row], int(h.chosen[row]), known[row], azimuth)
            for h in hypotheses.values()
            for azimuth in azimuths
        ]
        side = 1.15 * max(overlay.side() for overlay in overlays)
        for ax, overlay in zip(axes[1:], overlays, strict=True):
            overlay.draw(ax, edges, side)
        for ax, h in zip(axes[1 :: len(azimuths)], hypotheses.values(), strict=True):
            ax.set_xlabel(h.notes[row], fontsize='x-small', loc='left')
    _name_columns(grid[0], list(hypotheses), azimuths)
    shown = truth is not None and bool(np.isfinite(truth).any())
    count = max(h.poses.shape[1] for h in hypotheses.values())
    _draw_legend(figure, min(count, 5), with_truth=shown)
    return figure


def _check_shapes(
    keypoints: np.ndarray,
    hypotheses: Mapping[str, Hypotheses],
    truth: np.ndarray | None,
) -> None:
    frames, joints = keypoints.shape[:2]
    shapes = {name: h.poses.shape for name, h in hypotheses.items()}
    fit = all(
        len(shape) == 4 and shape[0] == frames and shape[2:] == (joints, 3)
        for shape in shapes.values()
    )
    if not frames or not shapes or not fit:
        raise ValueError(
            f'expected hypotheses of shape (N, H, K, 3) that fit keypoints '
            f'{keypoints.shape}, at least one lifter and one frame, got {shapes}'
        )
    if truth is not None and truth.shape != (frames, joints, 3):
        raise ValueError(
            f'truth has shape {truth.shape}, expected {(frames, joints, 3)}'
        )


class _Overlay(NamedTuple):
    """Hypotheses ``(H, K, 3)`` and truth ``(K, 3)`` of a frame, seen from somewhere."""

    poses: np.ndarray
    chosen: int
    truth: np.ndarray
    azimuth: float

    def flat(self) -> np.ndarray:
        """The hypotheses, then the truth, in the picture, ``(H + 1, K, 2)``, metres."""
        view = View(self.azimuth, _ELEVATION, height=0.0, half=0.5)
        return view.project(np.concatenate([self.poses, self.truth[None]]), 1)[..., :2]

    def side(self) -> float:
        """Longer side of what is drawn, metres."""
        low, high = bounds_of(self.flat())
        return float((high - low).max())

    def draw(self, ax: Axes, edges: Edges, side: float) -> None:
        """Draw into axes of the given side."""
        *poses, truth = self.flat()
        for number, pose in enumerate(poses):
            if number != self.chosen:
                colour = MUTED_COLOURS[number % len(MUTED_COLOURS)]
                draw_skeleton(ax, pose, edges, colours=colour, width=1.2)
        chosen = poses[self.chosen]
        draw_skeleton(ax, chosen, edges, colours=CHOSEN_COLOUR, width=1.6)
        draw_skeleton(ax, truth, edges, colours=TRUTH_COLOUR, width=1.0, style='--')
        show_square(ax, self.flat(), side)


def _name_columns(
    axes: Sequence[Axes], lifters: Sequence[str], azimuths: Sequence[float]
) -> None:
    axes[0].set_title('2D input', fontsize='small')
    places = iter(axes[1:])
    for lifter in lifters:
        for azimuth in azimuths:
            name = _VIEWS.get(azimuth % 360, f'from {azimuth:g} degrees')
            next(places).set_title(f'{lifter}\n{name}'.strip(), fontsize='small')


def _draw_legend(figure: Figure, colours: int, *, with_truth: bool) -> None:
    muted = tuple(Line2D([], [], color=c) for c in MUTED_COLOURS[:colours])
    entries: dict[str, Any] = {
        'hypotheses': muted,
        'chosen by reprojection': Line2D([], [], color=CHOSEN_COLOUR),
    }
    if with_truth:
        entries['true pose'] = Line2D([], [], color=TRUTH_COLOUR, linestyle='--')
    figure.legend(
        list(entries.values()),
        list(entries),
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)},
        handlelength=3.5,
        loc='outside lower center',
        ncols=3,
        frameon=False,
        fontsize='small',
    )


_VIEWS = {0.0: 'as the camera sees it', 90.0: 'from the side', 180.0: 'from behind'}
