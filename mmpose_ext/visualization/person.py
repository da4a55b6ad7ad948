"""Drawing of one person in an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mmpose_ext.visualization.curves import COLOURS


def draw_person(
    figure: Figure,
    image: np.ndarray,
    *,
    keypoints: np.ndarray | None = None,
    visible: np.ndarray | None = None,
    edges: Sequence[tuple[int, int]] = (),
    outline: np.ndarray | None = None,
    title: str = '',
) -> Figure:
    """Draw an image with what is known of the person in it.

    Args:
        figure: An empty figure.
        image: ``(H, W, 3)`` uint8, RGB.
        keypoints: Joints ``(K, 2)``, pixels.
        visible: Joints to draw ``(K,)``; ``None`` draws all.
        edges: Bones as pairs of joints, drawn where both joints are.
        outline: Corners of a polygon ``(N, 2)``, pixels, such as a box.
        title: Above the image.

    Returns:
        The figure.
    """
    figure.set_layout_engine('constrained')
    ax = figure.subplots()
    ax.imshow(image)
    if keypoints is not None:
        shown = np.ones(len(keypoints)) if visible is None else np.asarray(visible)
        for first, second in edges:
            if shown[first] and shown[second]:
                ax.plot(*keypoints[[first, second]].T, color=COLOURS[5], linewidth=1.5)
        x, y = keypoints[shown > 0].T
        ax.scatter(x, y, color=COLOURS[1], s=14, zorder=3)
    if outline is not None:
        closed = np.concatenate([outline, outline[:1]])
        ax.plot(*closed.T, color=COLOURS[4], linewidth=1.5)
    # Joints and corners outside of the image do not make it smaller.
    ax.set_xlim(-0.5, image.shape[1] - 0.5)
    ax.set_ylim(image.shape[0] - 0.5, -0.5)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize='small')
    return figure
