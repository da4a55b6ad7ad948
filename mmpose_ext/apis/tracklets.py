"""What is remembered of people who were followed, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmpose_ext.apis.appearance import LENGTH, colour_similarity


@dataclass
class Tracklet:
    """A stretch of detections that belong to one person with little doubt.

    Attributes:
        number: From 0, in the order of their beginning; the last one's of a chain.
        person: Number of the person as far as past frames tell.
        predecessor: The tracklet of this person before; ``None`` for the first.
        first_frame: Frame of the first detection.
        first_time: Its time, seconds.
        first_box: Its box, ``x1, y1, x2, y2`` in pixels, ``(4,)``.
        last_frame: Frame of the last detection.
        last_time: Its time, seconds.
        last_box: Its box, ``(4,)``.
        velocity: Of the box's centre at the end, pixels a second, ``(2,)``.
        count: Detections.
        colours: Mean histogram of the frames in which nobody touches, ``(LENGTH,)``; 0
            if there is none.
        colour_frames: Number of these frames.
    """

    number: int
    person: int
    predecessor: int | None
    first_frame: int
    first_time: float
    first_box: np.ndarray
    last_frame: int = -1
    last_time: float = 0.0
    last_box: np.ndarray = field(default_factory=lambda: np.zeros(4))
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    count: int = 0
    colours: np.ndarray = field(default_factory=lambda: np.zeros(LENGTH))
    colour_frames: int = 0

    def add(
        self, frame: int, time: float, box: np.ndarray, velocity: np.ndarray
    ) -> None:
        """Add a detection at the end."""
        self.last_frame, self.last_time = frame, time
        self.last_box, self.velocity = box, velocity
        self.count += 1

    def add_colours(self, colours: np.ndarray) -> None:
        """Add a histogram ``(LENGTH,)`` to the mean."""
        self.colour_frames += 1
        self.colours = self.colours + (colours - self.colours) / self.colour_frames


def join_parts(parts: Sequence[Tracklet]) -> Tracklet:
    """A chain of tracklets of one person as one tracklet.

    Args:
        parts: In the order of time.

    Returns:
        It begins as the first one and ends as the last one, whose number it has.
    """
    first, last = parts[0], parts[-1]
    colour_frames = sum(part.colour_frames for part in parts)
    colours = np.sum([part.colours * part.colour_frames for part in parts], axis=0)
    return replace(
        last,
        person=first.person,
        predecessor=first.predecessor,
        first_frame=first.first_frame,
        first_time=first.first_time,
        first_box=first.first_box,
        count=sum(part.count for part in parts),
        colours=colours / max(1, colour_frames),
        colour_frames=colour_frames,
    )


def likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Colour similarity stretched so that strangers are near 0.

    Histograms of different clothes still have about half of their mass in common, since
    lightness and the grey middle of the colour axes occur everywhere.

    Args:
        a: Histograms ``(N, LENGTH)``.
        b: Histograms ``(M, LENGTH)``.

    Returns:
        ``(N, M)``, from 0 to 1; NaN where colours are not known.
    """
    return np.clip(2 * colour_similarity(a, b) - 1, 0, 1)


def distance_in_heights(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances of the centres of boxes, in heights of the larger of the two.

    Args:
        a: ``x1, y1, x2, y2``, pixels, ``(N, 4)``.
        b: Alike, ``(M, 4)``.

    Returns:
        ``(N, M)``.
    """
    centres = [(boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (a, b)]
    heights = [boxes[:, 3] - boxes[:, 1] for boxes in (a, b)]
    distance = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    return distance / np.maximum(np.maximum(heights[0][:, None], heights[1][None]), 1)
