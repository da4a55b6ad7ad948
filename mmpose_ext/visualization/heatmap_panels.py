"""What a network sees in several views of the same person (Xie et al., Fig. 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_STRONGEST = 0.85


class ViewHeatmaps(NamedTuple):
    """A view of a person.

    Attributes:
        title: Of the view.
        image: RGB, ``(H, W, 3)``, uint8.
        heatmaps: The network's, ``(K, h, w)``.
    """

    title: str
    image: np.ndarray
    heatmaps: np.ndarray


def draw_heatmap_panels(
    figure: Figure,
    people: Sequence[Sequence[ViewHeatmaps]],
    *,
    stride: tuple[float, float] = (4.0, 4.0),
) -> Figure:
    """Draw each view beside the same view with the heatmaps over it.

    A row is a person. Below the heatmaps stands their mean height over joints, the
    response.

    Args:
        figure: An empty figure.
        people: Views of each person, as many for each.
        stride: Image pixels of a heatmap pixel, along x and y; the centres of the
            first pixels of both coincide.

    Returns:
        The figure.

    Raises:
        ValueError: If there is nobody to draw or the numbers of views differ.
    """
    numbers = {len(views) for views in people}
    if len(numbers) != 1 or 0 in numbers:
        raise ValueError(
            'expected people with the same number of views each, at least one, got '
            f'{[len(views) for views in people]}'
        )
    figure.set_layout_engine('constrained')
    axes = figure.subplots(len(people), 2 * numbers.pop(), squeeze=False)
    for row, views in enumerate(people):
        for number, view in enumerate(views):
            plain, overlaid = axes[row, 2 * number : 2 * number + 2]
            for ax in (plain, overlaid):
                ax.imshow(view.image)
                ax.set_xticks([])
                ax.set_yticks([])
            if row == 0:
                plain.set_title(view.title, fontsize='small')
                overlaid.set_title('heatmaps', fontsize='small')
            overlay_heatmaps(overlaid, view.heatmaps, stride=stride)
            height = view.heatmaps.max(axis=(1, 2)).mean()
            overlaid.set_xlabel(f'mean height {height:.2f}', fontsize='small')
    return figure


def overlay_heatmaps(
    ax: Axes, heatmaps: np.ndarray, *, stride: tuple[float, float] = (4.0, 4.0)
) -> Axes:
    """Lay the maximum over joints over an image; the higher, the less transparent.

    Args:
        ax: With the image.
        heatmaps: ``(K, h, w)``.
        stride: Image pixels of a heatmap pixel, along x and y.

    Returns:
        The axes.
    """
    limits = ax.get_xlim(), ax.get_ylim()
    highest = heatmaps.max(axis=0).clip(0, 1)
    height, width = highest.shape
    ax.imshow(
        highest,
        cmap='inferno',
        vmin=0,
        vmax=1,
        alpha=_STRONGEST * np.sqrt(highest),
        interpolation='bilinear',
        extent=(
            -0.5 * stride[0],
            (width - 0.5) * stride[0],
            (height - 0.5) * stride[1],
            -0.5 * stride[1],
        ),
    )
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    return ax
