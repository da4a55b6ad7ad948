"""Drawing of 3D poses with Matplotlib.

Poses are in the camera frame (x right, y down, z forward, metres). Only
``camera_to_plot_axes`` changes axes, and only for drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Edges = Sequence[tuple[int, int]]

TRUTH_COLOUR = '#999999'


def camera_to_plot_axes(points: np.ndarray) -> np.ndarray:
    """Turn the camera frame so that people stand upright in Matplotlib's axes.

    Matplotlib's third axis points up. Right stays right, depth goes into the picture,
    and up is what the camera calls minus y.

    Args:
        points: Camera frame, ``(..., 3)``: x right, y down, z forward.

    Returns:
        ``(x, z, -y)``, of the same shape.
    """
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def draw_skeleton(
    ax: Axes,
    pose: np.ndarray,
    edges: Edges,
    *,
    colours: Sequence[str] | str = 'black',
    width: float = 2.0,
    style: str = '-',
) -> None:
    """Draw bones and joints of one pose, 2D or 3D according to the axes.

    Args:
        ax: Axes; 3D ones expect the pose in their own axes.
        pose: ``(K, 2)`` or ``(K, 3)``.
        edges: Pairs of joints.
        colours: One colour, or one for each edge.
        width: Of the bones, in points.
        style: Of the bones.
    """
    shades = [colours] * len(edges) if isinstance(colours, str) else colours
    for (first, second), shade in zip(edges, shades, strict=True):
        ax.plot(*pose[[first, second]].T, color=shade, linewidth=width, linestyle=style)
    shade = colours if isinstance(colours, str) else 'black'
    ax.plot(*pose.T, linestyle='', marker='o', markersize=1.5 * width, color=shade)


def draw_pose_pairs(
    figure: Figure,
    predictions: np.ndarray,
    truths: np.ndarray,
    *,
    edges: Edges,
    edge_colours: Sequence[str] | str = '#0072B2',
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draw the truth above and the prediction below, one column a pose.

    The truth is repeated in grey below, so that differences show.

    Args:
        figure: An empty figure.
        predictions: Camera frame relative to the root, metres, ``(N, K, 3)``.
        truths: Same for the truth, ``(N, K, 3)``.
        edges: Bones as pairs of joints.
        edge_colours: One colour, or one for each edge.
        titles: One for each pose; the mean joint error is added.

    Returns:
        The figure.

    Raises:
        ValueError: If the two sets of poses differ in shape or are empty.
    """
    if predictions.shape != truths.shape or predictions.ndim != 3 or not len(truths):
        raise ValueError(
            'expected predictions and truths of the same shape (N, K, 3), N > 0, got '
            f'{predictions.shape} and {truths.shape}'
        )
    errors = np.linalg.norm(predictions - truths, axis=-1).mean(axis=-1)
    names = titles if titles is not None else [''] * len(truths)
    predictions, truths = camera_to_plot_axes(predictions), camera_to_plot_axes(truths)
    extent = truths.reshape(-1, 3)
    columns = len(truths)
    # Matplotlib's layout engines do not know how much room 3D axes take.
    figure.subplots_adjust(
        left=0.0, right=0.96, top=0.9, bottom=0.06, wspace=0.12, hspace=0.2
    )
    for i, (pred, truth, name) in enumerate(
        zip(predictions, truths, names, strict=True)
    ):
        upper = figure.add_subplot(2, columns, i + 1, projection='3d')
        lower = figure.add_subplot(2, columns, columns + i + 1, projection='3d')
        draw_skeleton(upper, truth, edges, colours=edge_colours)
        draw_skeleton(lower, truth, edges, colours=TRUTH_COLOUR, width=1.0, style='--')
        draw_skeleton(lower, pred, edges, colours=edge_colours)
        upper.set_title(f'{name}\ntruth'.strip(), fontsize='small')
        lower.set_title(f'prediction: {1000 * errors[i]:.0f} mm', fontsize='small')
        set_pose_axes(upper, extent)
        set_pose_axes(lower, extent)
    return figure


def draw_input_and_target(
    figure: Figure,
    keypoints: np.ndarray,
    pose: np.ndarray,
    *,
    edges: Edges,
    edge_colours: Sequence[str] | str = '#0072B2',
    titles: tuple[str, str] = ('2D input', '3D target'),
    image_size: tuple[float, float] | None = None,
) -> Figure:
    """Draw 2D keypoints beside the 3D pose that belongs to them.

    Args:
        figure: An empty figure.
        keypoints: Image frame, y down, pixels or normalised, ``(K, 2)``.
        pose: Camera frame relative to the root, ``(K, 3)``.
        edges: Bones as pairs of joints.
        edge_colours: One colour, or one for each edge.
        titles: Above the left and the right part.
        image_size: Width and height to show in full; ``None`` shows the pose only.

    Returns:
        The figure.
    """
    figure.subplots_adjust(left=0.08, right=0.95, top=0.9, bottom=0.1, wspace=0.1)
    flat = figure.add_subplot(1, 2, 1)
    draw_skeleton(flat, keypoints, edges, colours=edge_colours)
    flat.set_aspect('equal')
    if image_size is not None:
        flat.set_xlim(0, image_size[0])
        flat.set_ylim(0, image_size[1])
    flat.invert_yaxis()
    flat.tick_params(labelsize='x-small')
    flat.set_title(titles[0], fontsize='small')
    solid = figure.add_subplot(1, 2, 2, projection='3d')
    upright = camera_to_plot_axes(pose)
    draw_skeleton(solid, upright, edges, colours=edge_colours)
    solid.set_title(titles[1], fontsize='small')
    set_pose_axes(solid, upright)
    return figure


def set_pose_axes(ax: Any, extent: np.ndarray) -> None:
    """Equal scales around some points, a grid of half metres, a view from the side.

    Args:
        ax: 3D axes.
        extent: Points that must be visible, in the axes of the plot, ``(N, 3)``.
    """
    low, high = extent.min(axis=0), extent.max(axis=0)
    centre, half = (low + high) / 2, max(0.55 * (high - low).max(), 0.1)
    step = 0.5 if half < 3 else half / 3
    for name, middle, label in zip('xyz', centre, ('x', 'z, depth', '-y'), strict=True):
        getattr(ax, f'set_{name}lim')(middle - half, middle + half)
        ticks = np.arange(np.ceil((middle - half) / step), (middle + half) / step)
        getattr(ax, f'set_{name}ticks')(ticks * step)
        getattr(ax, f'set_{name}label')(label, fontsize='x-small', labelpad=-7)
    ax.set_box_aspect((1, 1, 1), zoom=1.2)
    ax.tick_params(labelsize='xx-small', pad=-3)
    ax.view_init(elev=12, azim=-70)


def bounds_of(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest coordinates of the points ``(..., 2)`` that are known."""
    points = points.reshape(-1, 2)
    return np.nanmin(points, axis=0), np.nanmax(points, axis=0)


def show_square(ax: Axes, points: np.ndarray, side: float) -> None:
    """Equal scales around flat poses, y down, no ticks.

    Args:
        ax: 2D axes.
        points: What is in the middle, ``(..., 2)``; NaN where it is not known.
        side: Of the visible square.
    """
    low, high = bounds_of(points)
    (x, y), half = (low + high) / 2, max(side / 2, 1e-6)
    ax.set(xlim=(x - half, x + half), ylim=(y + half, y - half))
    ax.set(xticks=[], yticks=[], aspect='equal')
