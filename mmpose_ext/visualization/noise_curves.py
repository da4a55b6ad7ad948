"""What noise on the 2D input costs: loss of accuracy against its strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from mmpose_ext.visualization.curves import COLOURS

_LARGEST_MARKER = 13.0
_SMALLEST_MARKER = 4.0


class NoiseCurve(NamedTuple):
    """Runs of one model under growing noise.

    Attributes:
        label: Name of the model.
        sigmas: Strengths of the noise, ascending, ``(S,)``.
        drops: Loss of accuracy of each run, ``(R, S)``.
        macs: Multiply-adds of one window.
    """

    label: str
    sigmas: np.ndarray
    drops: np.ndarray
    macs: float


def draw_noise_curves(
    ax: Axes, curves: Sequence[NoiseCurve], *, sigma_name: str, drop_name: str
) -> Axes:
    """Draw the mean over runs, their range, and the cost as size of the markers.

    The area of a marker is proportional to the cost, as in Fig. 5 of PrML.

    Args:
        ax: Where to draw.
        curves: One for each model.
        sigma_name: What the noise is measured in.
        drop_name: What is lost, with its unit.

    Returns:
        The axes.

    Raises:
        ValueError: If there is no curve.
    """
    if not curves:
        raise ValueError('there is no curve to draw')
    sizes = marker_sizes([curve.macs for curve in curves])
    for i, (curve, size) in enumerate(zip(curves, sizes, strict=True)):
        colour = COLOURS[i % len(COLOURS)]
        runs = len(curve.drops)
        seeds = f', {runs} runs' if runs > 1 else ''
        label = f'{curve.label} ({readable_macs(curve.macs)} MACs{seeds})'
        ax.plot(
            curve.sigmas,
            curve.drops.mean(axis=0),
            color=colour,
            marker='o',
            markersize=size,
            markeredgecolor='white',
            alpha=0.8,
            label=label,
        )
        if runs > 1:
            low, high = curve.drops.min(axis=0), curve.drops.max(axis=0)
            ax.fill_between(curve.sigmas, low, high, color=colour, alpha=0.15)
    ax.set_xlabel(sigma_name)
    ax.set_ylabel(drop_name)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, loc='upper left')
    return ax


def marker_sizes(macs: Sequence[float]) -> np.ndarray:
    """Diameters in points whose areas are proportional to the cost.

    Args:
        macs: Multiply-adds, positive.

    Returns:
        Diameters, the largest always the same, none too small to see.
    """
    share = np.asarray(macs, dtype=float) / np.max(macs)
    return np.maximum(_LARGEST_MARKER * np.sqrt(share), _SMALLEST_MARKER)


def readable_macs(macs: float) -> str:
    """A count in millions or billions, with three digits."""
    return f'{macs / 1e9:.3g} G' if macs >= 1e9 else f'{macs / 1e6:.3g} M'
