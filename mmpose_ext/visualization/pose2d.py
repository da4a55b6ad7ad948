"""Drawing of 2D poses beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mmpose_ext.visualization.pose3d import TRUTH_COLOUR, Edges, draw_skeleton


def draw_pose_rows(
    figure: Figure,
    truth: np.ndarray,
    others: Mapping[str, np.ndarray],
    *,
    edges: Edges,
    edge_colours: Sequence[str] | str = '#0072B2',
    titles: Sequence[str],
) -> Figure:
    """Draw 2D poses, a row a frame: the truth, then each other one over it in grey.

    Args:
        figure: An empty figure.
        truth: Image frame, y down, pixels, ``(N, K, 2)``.
        others: Poses of the same frames by name, each ``(N, K, 2)``.
        edges: Bones as pairs of joints.
        edge_colours: One colour, or one for each edge.
        titles: One for each frame, at its left.

    Returns:
        The figure.

    Raises:
        ValueError: If poses differ in shape or there is none.
    """
    shapes = {name: pose.shape for name, pose in others.items()}
    if not len(truth) or any(shape != truth.shape for shape in shapes.values()):
        raise ValueError(
            f'expected poses of the shape of the truth, {truth.shape}, with at least '
            f'one frame, got {shapes}'
        )
    figure.set_layout_engine('constrained')
    grid = figure.subplots(len(truth), 1 + len(others), squeeze=False)
    for ax, name in zip(grid[0], ['ground truth', *others], strict=True):
        ax.set_title(name, fontsize='medium')
    for row, title in enumerate(titles):
        low, high = truth[row].min(axis=0), truth[row].max(axis=0)
        centre, half = (low + high) / 2, 0.6 * (high - low).max()
        draw_skeleton(grid[row, 0], truth[row], edges, colours=edge_colours, width=1.5)
        for ax, poses in zip(grid[row, 1:], others.values(), strict=True):
            draw_skeleton(ax, truth[row], edges, colours=TRUTH_COLOUR, width=1.5)
            draw_skeleton(ax, poses[row], edges, colours=edge_colours, width=1.5)
            error = np.linalg.norm(poses[row] - truth[row], axis=-1).mean()
            ax.set_xlabel(f'{error:.1f} px', fontsize='small')
        for ax in grid[row]:
            ax.set_xlim(centre[0] - half, centre[0] + half)
            ax.set_ylim(centre[1] + half, centre[1] - half)
            ax.set_aspect('equal')
            ax.set(xticks=[], yticks=[])
        grid[row, 0].set_ylabel(title, fontsize='x-small')
    return figure
