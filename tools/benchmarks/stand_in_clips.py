"""Small clips and people for benchmarks of what grows with a clip's length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mmpose_ext.apis.appearance import LENGTH
from mmpose_ext.apis.frame_people import FramePeople, PersonBoxes
from mmpose_ext.apis.tracklets import Tracklet
from mmpose_ext.apis.video_frames import VideoFrame

SIZE = (64, 96)
"""Width and height of a picture."""
FPS = 25
COMES_AND_GOES = 300
"""Frames for which the second person is away, and then there."""
STRETCH = 8
"""Frames of a stretch."""


def pictures(number: int) -> Iterator[np.ndarray]:
    """Grey frames, ``(H, W, 3)``."""
    for frame in range(number):
        yield np.full((SIZE[1], SIZE[0], 3), 40 + frame % 160, np.uint8)


def one_or_two(frames: Sequence[VideoFrame]) -> list[PersonBoxes]:
    """One person who sways, and a second who comes and goes."""
    found = []
    for frame in frames:
        x = 4 + 3 * np.sin(frame.index / 40)
        boxes = [[x, 20, x + 16, 80], [60 - x - 16, 24, 60 - x, 84]]
        count = 1 + (frame.index // COMES_AND_GOES) % 2
        found.append(PersonBoxes(np.float32(boxes[:count]), np.ones(count, 'f4')))
    return found


class SwayingPeople:
    """Keypoints in each box that swing around fixed places, as the 2D estimator."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.rest = rng.uniform(0.2, 0.8, (17, 2))
        self.phase = rng.uniform(0, 2 * np.pi, (17, 2))

    def __call__(
        self, frames: Sequence[VideoFrame], boxes: Sequence[PersonBoxes]
    ) -> list[FramePeople]:
        """People of each frame."""
        return [self._people(*pair) for pair in zip(frames, boxes, strict=True)]

    def _people(self, frame: VideoFrame, rows: PersonBoxes) -> FramePeople:
        inside = self.rest + 0.1 * np.sin(frame.index / 8 + self.phase)
        low, high = rows.boxes[:, None, :2], rows.boxes[:, None, 2:]
        return FramePeople(
            boxes=rows.boxes,
            scores=rows.scores,
            keypoints=(low + inside * (high - low)).astype(np.float32),
            keypoint_scores=np.full((len(rows), 17), 0.9, np.float32),
            colours=np.zeros((len(rows), LENGTH), np.float32),
        )


def short_stretches(number: int) -> list[Tracklet]:
    """Stretches one after the other, of the same colours, anywhere in the picture."""
    rng = np.random.default_rng(0)
    colours = rng.dirichlet(np.ones(LENGTH))
    made = []
    for row in range(number):
        first = (STRETCH + 2) * row
        last = first + STRETCH
        centres = rng.uniform(0, 320, 2)
        boxes = [np.array([x - 20, 30, x + 20, 140]) for x in centres]
        speed = np.array([(centres[1] - centres[0]) / STRETCH * FPS, 0.0])
        stretch = Tracklet(row, row, None, first, first / FPS, boxes[0])
        stretch.add(last, last / FPS, boxes[1], speed)
        stretch.count = STRETCH + 1
        stretch.add_colours(colours)
        made.append(stretch)
    return made
