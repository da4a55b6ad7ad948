"""Tracklets of a whole clip joined to people.

The tracker of :mod:`mmpose_ext.apis.tracking` only knows the past. Here all tracklets
are known, so that those who leave and come back are found again, and those who were
taken for each other while they crossed are put right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmpose_ext.apis.association import assign
from mmpose_ext.apis.tracking import NOBODY
from mmpose_ext.apis.tracklets import Tracklet, distance_in_heights, likeness

_LINK = 0.1


@dataclass(frozen=True)
class JoiningOptions:
    """How tracklets are joined.

    Args:
        least_affinity: Least affinity, 0 to 1, of two tracklets of one person.
        colour_weight: Weight of colours against place, 0 to 1.
        continuity: Added to the affinity of tracklets that the tracker took for one
            person.
        max_speed: Of people, in their own heights a second.
        velocity_memory: Seconds for which people keep on walking as they did when they
            were last seen, on the average.
        border: Share of the image's width or height from its border within which
            people are taken to leave or enter; they may come back anywhere.
        least_frames: People with fewer detections are left out, as mistakes of the
            detector; in a short clip half of its frames are enough.

    Raises:
        ValueError: If an option is out of range.
    """

    least_affinity: float = 0.6
    colour_weight: float = 0.7
    continuity: float = 0.15
    max_speed: float = 1.5
    velocity_memory: float = 1.0
    border: float = 0.03
    least_frames: int = 5

    def __post_init__(self) -> None:
        for name in ('least_affinity', 'colour_weight', 'continuity', 'border'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f'{name}={getattr(self, name)}; expected a number from 0 to 1'
                )
        for name in ('max_speed', 'velocity_memory'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name}={getattr(self, name)}; expected above 0')
        if self.least_frames < 1:
            raise ValueError(f'least_frames={self.least_frames}; expected 1 or more')


def join_tracklets(
    tracklets: Sequence[Tracklet],
    image_size: tuple[int, int],
    num_frames: int,
    options: JoiningOptions | None = None,
) -> np.ndarray:
    """Find which tracklets are one person.

    Each tracklet gets at most one successor, later than it, such that the affinity of
    all pairs together is greatest; chains are people.

    Args:
        tracklets: Of a clip, numbered from 0, in any order.
        image_size: Width and height in pixels.
        num_frames: Of the clip.
        options: See there.

    Returns:
        Number of the person of each tracklet, by the tracklet's number, ``(n,)``.
        People are numbered from 0 as they appear; -1 for those with too few
        detections.
    """
    options = options or JoiningOptions()
    if not tracklets:
        return np.zeros(0, dtype=int)
    ordered = sorted(tracklets, key=lambda tracklet: tracklet.number)
    affinity = join_affinity(ordered, image_size, options)
    # What the tracker joined stays joined if nothing fits better.
    for column, tracklet in enumerate(ordered):
        if tracklet.predecessor is not None:
            row = tracklet.predecessor
            floor = options.least_affinity + 0.05
            affinity[row, column] = max(affinity[row, column], floor)
    # Two links that are well founded count more than one over the tracklet between.
    allowed = np.where(affinity >= options.least_affinity, affinity, -np.inf)
    rows, columns = assign(allowed, options.least_affinity - _LINK)
    before = dict(zip(columns.tolist(), rows.tolist(), strict=True))
    chain = np.arange(len(ordered))
    for column, row in sorted(before.items()):  # rows come before columns
        chain[column] = chain[row]
    counts = np.bincount(chain, [tracklet.count for tracklet in ordered])
    least = min(options.least_frames, max(1, num_frames // 2))
    kept = [first for first in np.unique(chain) if counts[first] >= least]
    numbers = np.full(len(ordered), NOBODY)
    numbers[kept] = np.arange(len(kept))
    return numbers[chain]


def join_affinity(
    tracklets: Sequence[Tracklet], image_size: tuple[int, int], options: JoiningOptions
) -> np.ndarray:
    """How well the beginning of each tracklet fits the end of each other one.

    Args:
        tracklets: Of a clip, n of them.
        image_size: Width and height in pixels.
        options: See there.

    Returns:
        ``(n, n)``, rows end, columns begin: a weighted mean of the likeness of colours
        (one half where they are not known) and of how near to the expected place the
        other one begins, which says less the longer the absence is. Minus infinity
        where it begins before the end or cannot be reached.
    """
    ends = np.array([tracklet.last_time for tracklet in tracklets])
    starts = np.array([tracklet.first_time for tracklet in tracklets])
    absence = starts[None] - ends[:, None]
    colours = np.stack([tracklet.colours for tracklet in tracklets])
    colour = np.nan_to_num(likeness(colours, colours), nan=0.5)
    place = _place_affinity(tracklets, np.maximum(absence, 0), image_size, options)
    # Where one may be after a while, many are: being there says half as much.
    telling = (1 + np.exp(-np.maximum(absence, 0) / options.velocity_memory)) / 2
    nearby = np.where(place > 0.5, np.maximum(place * telling, 0.5), place)
    affinity = options.colour_weight * colour + (1 - options.colour_weight) * nearby
    for column, tracklet in enumerate(tracklets):
        if tracklet.predecessor is not None:
            numbers = [other.number for other in tracklets]
            affinity[numbers.index(tracklet.predecessor), column] += options.continuity
    # Nobody gets from one place to the other at more than twice the greatest speed.
    possible = (absence > 0) & (place >= np.exp(-4))
    return np.where(possible, affinity, -np.inf)


def _place_affinity(
    tracklets: Sequence[Tracklet],
    absence: np.ndarray,
    image_size: tuple[int, int],
    options: JoiningOptions,
) -> np.ndarray:
    """How plausible the way from each end to each beginning is, ``(n, n)``."""
    last = np.stack([tracklet.last_box for tracklet in tracklets]).astype(float)
    first = np.stack([tracklet.first_box for tracklet in tracklets]).astype(float)
    velocity = np.stack([tracklet.velocity for tracklet in tracklets])
    memory = options.velocity_memory
    walked = memory * (1 - np.exp(-absence / memory))
    distance = np.empty_like(absence)
    for column, box in enumerate(first):
        shift = velocity * walked[:, column, None]
        expected = last + np.tile(shift, 2)
        distance[:, column] = distance_in_heights(expected, box[None])[:, 0]
    reach = 0.5 + options.max_speed * absence
    place = np.exp(-np.square(distance / reach))
    leaves = at_border(last, image_size, options.border)
    enters = at_border(first, image_size, options.border)
    return np.where(leaves[:, None] & enters[None], np.maximum(place, 0.5), place)


def at_border(
    boxes: np.ndarray, image_size: tuple[int, int], share: float
) -> np.ndarray:
    """Whether boxes reach the left, right or lower border of an image.

    Args:
        boxes: ``x1, y1, x2, y2``, pixels, ``(N, 4)``.
        image_size: Width and height in pixels.
        share: Width of the border as a share of the image.

    Returns:
        ``(N,)``, bool.
    """
    width, height = image_size
    left, right = boxes[:, 0] <= share * width, boxes[:, 2] >= (1 - share) * width
    return left | right | (boxes[:, 3] >= (1 - share) * height)
