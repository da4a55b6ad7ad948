"""Tracklets of a whole clip joined to people.

The tracker of :mod:`mmpose_ext.apis.tracking` only knows the past. Here all tracklets
are known, so that those who leave and come back are found again, and those who were
taken for each other while they crossed are put right.

A busy clip has tens of thousands of tracklets. Pairs of them are looked at some at a
time, and only the best successors of each are kept, so memory grows with their number
and not with its square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from mmpose_ext.apis.association import assign_pairs
from mmpose_ext.apis.tracking import NOBODY
from mmpose_ext.apis.tracklets import Tracklet, join_parts, likeness

_LINK = 0.1
_MOST_SUCCESSORS = 64
_PAIRS_AT_A_TIME = 1 << 18


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
    all pairs together is greatest. Then the chains are tracklets in their turn, with
    the colours of all of their parts, until no more of them fit: a short tracklet of
    unknown colours, which the tracker joined to the next one, does not hide whose next
    one that is. Chains are people.

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
    chains = sorted(tracklets, key=lambda tracklet: tracklet.number)
    owner = np.arange(len(chains))
    while chains:
        rows, columns = link_tracklets(chains, image_size, options)
        if not len(rows):
            break
        chain = _chain_numbers(rows, columns, len(chains))
        ends = np.cumsum(np.bincount(chain))[:-1]
        parts = np.split(np.argsort(chain, kind='stable'), ends)
        chains = [join_parts([chains[row] for row in part]) for part in parts]
        owner = chain[owner]
    least = min(options.least_frames, max(1, num_frames // 2))
    counts = np.array([chain.count for chain in chains], dtype=int)
    people = np.where(counts >= least, np.cumsum(counts >= least) - 1, NOBODY)
    return people[owner]


def link_tracklets(
    tracklets: Sequence[Tracklet], image_size: tuple[int, int], options: JoiningOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Find the successors of tracklets.

    Args:
        tracklets: In the order of their beginning.
        image_size: Width and height in pixels.
        options: See there.

    Returns:
        Rows and columns of the pairs, each ``(p,)``; each tracklet is once at most
        among the rows, and among the columns.
    """
    rows, columns, affinity = _likely_pairs(tracklets, image_size, options)
    # Two links that are well founded count more than one over the tracklet between.
    linked = assign_pairs(
        rows, columns, affinity - (options.least_affinity - _LINK), len(tracklets)
    )
    return rows[linked], columns[linked]


def _chain_numbers(rows: np.ndarray, columns: np.ndarray, number: int) -> np.ndarray:
    """Number of the chain of each tracklet ``(n,)``, in the order of beginning."""
    first = np.arange(number)
    for row, column in sorted(zip(rows, columns, strict=True), key=itemgetter(1)):
        first[column] = first[row]  # rows come before columns
    return np.unique(first, return_inverse=True)[1]


class TrackletTable(NamedTuple):
    """What joining needs to know of n tracklets, as arrays; slices of it are alike.

    Attributes:
        number: Of the tracklets, ``(n,)``.
        predecessor: Number of the tracklet before as the tracker took it, ``(n,)``; -1
            for none.
        first_time: Seconds ``(n,)``.
        last_time: Seconds ``(n,)``.
        first_box: Pixels ``(n, 4)``.
        last_box: Pixels ``(n, 4)``.
        velocity: Pixels a second, at the end, ``(n, 2)``.
        colours: Histograms ``(n, LENGTH)``.
    """

    number: np.ndarray
    predecessor: np.ndarray
    first_time: np.ndarray
    last_time: np.ndarray
    first_box: np.ndarray
    last_box: np.ndarray
    velocity: np.ndarray
    colours: np.ndarray

    @classmethod
    def of(cls, tracklets: Sequence[Tracklet]) -> TrackletTable:
        """The table of some tracklets, in their order."""
        before = [-1 if t.predecessor is None else t.predecessor for t in tracklets]
        return cls(
            np.array([tracklet.number for tracklet in tracklets]),
            np.array(before),
            np.array([tracklet.first_time for tracklet in tracklets]),
            np.array([tracklet.last_time for tracklet in tracklets]),
            np.stack([tracklet.first_box for tracklet in tracklets]).astype(float),
            np.stack([tracklet.last_box for tracklet in tracklets]).astype(float),
            np.stack([tracklet.velocity for tracklet in tracklets]),
            np.stack([tracklet.colours for tracklet in tracklets]),
        )

    def part(self, rows: slice) -> TrackletTable:
        """Some of the tracklets."""
        return TrackletTable(*(column[rows] for column in self))


def join_affinity(
    ends: TrackletTable,
    beginnings: TrackletTable,
    image_size: tuple[int, int],
    options: JoiningOptions,
) -> np.ndarray:
    """How well the beginnings of some tracklets fit the ends of others.

    Args:
        ends: Of n tracklets.
        beginnings: Of m tracklets.
        image_size: Width and height in pixels.
        options: See there.

    Returns:
        ``(n, m)``: a weighted mean of the likeness of colours (one half where they are
        not known) and of how near to the expected place the other one begins, which
        says less the longer the absence is. Minus infinity where it begins before the
        end or cannot be reached.
    """
    absence = beginnings.first_time[None] - ends.last_time[:, None]
    colour = np.nan_to_num(likeness(ends.colours, beginnings.colours), nan=0.5)
    place = _place_affinity(
        ends, beginnings, np.maximum(absence, 0), image_size, options
    )
    # Where one may be after a while, many are: being there says half as much.
    telling = (1 + np.exp(-np.maximum(absence, 0) / options.velocity_memory)) / 2
    nearby = np.where(place > 0.5, np.maximum(place * telling, 0.5), place)
    affinity = options.colour_weight * colour + (1 - options.colour_weight) * nearby
    affinity += options.continuity * _continues(ends, beginnings)
    # Nobody gets from one place to the other at more than twice the greatest speed.
    possible = (absence > 0) & (place >= np.exp(-4))
    return np.where(possible, affinity, -np.inf)


def _continues(ends: TrackletTable, beginnings: TrackletTable) -> np.ndarray:
    """Whether the tracker took a pair for one person, ``(n, m)``, bool."""
    return np.asarray(beginnings.predecessor[None] == ends.number[:, None])


def _place_affinity(
    ends: TrackletTable,
    beginnings: TrackletTable,
    absence: np.ndarray,
    image_size: tuple[int, int],
    options: JoiningOptions,
) -> np.ndarray:
    """How plausible the way from each end to each beginning is, ``(n, m)``."""
    last, first = ends.last_box, beginnings.first_box
    memory = options.velocity_memory
    walked = memory * (1 - np.exp(-absence / memory))
    squared = np.zeros_like(absence)
    for axis in (0, 1):
        centre = (last[:, axis] + last[:, axis + 2])[:, None] / 2
        expected = centre + ends.velocity[:, axis, None] * walked
        squared += np.square(expected - (first[:, axis] + first[:, axis + 2]) / 2)
    heights = np.maximum.outer(last[:, 3] - last[:, 1], first[:, 3] - first[:, 1])
    distance = np.sqrt(squared) / np.maximum(heights, 1)
    reach = 0.5 + options.max_speed * absence
    place = np.exp(-np.square(distance / reach))
    leaves = at_border(last, image_size, options.border)
    enters = at_border(first, image_size, options.border)
    return np.where(leaves[:, None] & enters[None], np.maximum(place, 0.5), place)


def _likely_pairs(
    tracklets: Sequence[Tracklet], image_size: tuple[int, int], options: JoiningOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs that may be one person, with their affinity; the best of each tracklet.

    Args:
        tracklets: In the order of their beginning.
        image_size: Width and height in pixels.
        options: See there.

    Returns:
        Rows, columns and affinity of the pairs, each ``(p,)``.
    """
    table = TrackletTable.of(tracklets)
    size = max(1, _PAIRS_AT_A_TIME // len(tracklets))
    found = []
    for start in range(0, len(tracklets), size):
        ends, later = (
            table.part(slice(start, start + size)),
            table.part(slice(start, None)),
        )
        affinity = join_affinity(ends, later, image_size, options)
        # What the tracker joined stays joined if nothing fits better.
        floor = np.where(
            _continues(ends, later), options.least_affinity + 0.05, -np.inf
        )
        affinity = np.maximum(affinity, floor)
        best = _best_of_rows(affinity, np.isfinite(floor))
        rows, columns = np.nonzero(best & (affinity >= options.least_affinity))
        found.append((rows + start, columns + start, affinity[rows, columns]))
    rows, columns, pairs = (np.concatenate(part) for part in zip(*found, strict=True))
    return rows, columns, pairs


def _best_of_rows(affinity: np.ndarray, always: np.ndarray) -> np.ndarray:
    """The greatest of each row, and those that always count, ``(n, m)``, bool."""
    number = affinity.shape[1]
    if number <= _MOST_SUCCESSORS:
        return np.ones_like(always)
    # Of those that fit alike, the ones that begin first.
    rank = 1e-9 * np.arange(number) - affinity
    best = np.argpartition(rank, _MOST_SUCCESSORS, axis=1)[:, :_MOST_SUCCESSORS]
    chosen = always.copy()
    np.put_along_axis(chosen, best, True, axis=1)
    return chosen


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
