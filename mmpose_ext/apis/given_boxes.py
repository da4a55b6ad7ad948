"""Where people are in frames without a detector: from a file, or everywhere."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from mmpose_ext.apis.frame_people import PersonBoxes
from mmpose_ext.apis.video_frames import VideoFrame
from mmpose_ext.datasets.array_files import read_json_or_npz


class BoxSource(Protocol):
    """What says where people are."""

    def __call__(self, frames: Sequence[VideoFrame]) -> list[PersonBoxes]:
        """Boxes of people in each frame."""


class GivenBoxes:
    """Boxes from a file, to do without a detector.

    Args:
        path: A ``.json`` file with one list a frame, each of boxes ``[x1, y1, x2, y2]``
            or ``[x1, y1, x2, y2, score]`` in pixels; or, as ``.json`` object or
            ``.npz``, columns by name: ``frames`` ``(N,)``, ``boxes`` ``(N, 4)`` and
            optionally ``scores`` ``(N,)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = str(path)
        frames, boxes, scores = _read_boxes(path)
        order = np.argsort(frames, kind='stable')
        self.frames, self.boxes, self.scores = (
            frames[order],
            boxes[order],
            scores[order],
        )

    def __call__(self, frames: Sequence[VideoFrame]) -> list[PersonBoxes]:
        """Boxes of each frame; none for frames that the file does not name."""
        numbers = [frame.index for frame in frames]
        starts = np.searchsorted(self.frames, numbers)
        stops = np.searchsorted(self.frames, numbers, side='right')
        return [
            PersonBoxes(self.boxes[start:stop], self.scores[start:stop])
            for start, stop in zip(starts, stops, strict=True)
        ]

    def __str__(self) -> str:
        return f'the boxes of {self.path}'


class WholeImage:
    """One person in every frame who fills the image, to do without a detector."""

    def __call__(self, frames: Sequence[VideoFrame]) -> list[PersonBoxes]:
        """The whole image as a box."""
        return [
            PersonBoxes(
                np.array([[0, 0, *frame.size]], np.float32), np.ones(1, np.float32)
            )
            for frame in frames
        ]

    def __str__(self) -> str:
        return 'the whole image as a box'


def _read_boxes(path: str | os.PathLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames ``(N,)``, boxes ``(N, 4)`` and scores ``(N,)`` of a file."""
    try:
        content = read_json_or_npz(path)
        if isinstance(content, list):
            content = _columns(content)
        frames = np.asarray(content['frames']).astype(int)
        boxes = np.asarray(content['boxes'], dtype=np.float32).reshape(-1, 4)
        scores = np.asarray(
            content.get('scores', np.ones(len(boxes))), dtype=np.float32
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} cannot be read as boxes ({type(error).__name__}: {error}); '
            'expected a .json list with the boxes [x1, y1, x2, y2] of each frame, or '
            'the columns frames (N,), boxes (N, 4) and scores (N,) as .json or .npz'
        ) from error
    if not len(frames) == len(boxes) == len(scores):
        raise ValueError(
            f'{path} has {len(frames)} frames, {len(boxes)} boxes and {len(scores)} '
            'scores; expected one of each for a box'
        )
    wrong = ~(
        np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    )
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(
            f'{path}: the box {boxes[row].tolist()} of frame {frames[row]} is not x1, '
            'y1, x2, y2 with x1 < x2 and y1 < y2'
        )
    return frames, boxes, scores


def _columns(rows: list) -> dict[str, Any]:
    """One list of boxes a frame as columns."""
    flat = [(frame, *box) for frame, boxes in enumerate(rows) for box in boxes]
    return {
        'frames': [row[0] for row in flat],
        'boxes': [row[1:5] for row in flat],
        'scores': [row[5] if len(row) > 5 else 1.0 for row in flat],
    }
