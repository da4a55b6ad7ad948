"""Where people are in frames without a detector: from a file, or everywhere."""

from __future__ import annotations

import os
import warnings
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
            ``.npz``, columns by name: ``frames`` ``(N,)``, counted from 0, ``boxes``
            ``(N, 4)`` and optionally ``scores`` ``(N,)``, from 0 to 1.

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
        """Boxes of each frame; none for frames that the file does not name.

        Raises:
            ValueError: If a box lies wholly outside of its frame.
        """
        numbers = [frame.index for frame in frames]
        starts = np.searchsorted(self.frames, numbers)
        stops = np.searchsorted(self.frames, numbers, side='right')
        for frame, start, stop in zip(frames, starts, stops, strict=True):
            self._check_inside(frame, self.boxes[start:stop])
        return [
            PersonBoxes(self.boxes[start:stop], self.scores[start:stop])
            for start, stop in zip(starts, stops, strict=True)
        ]

    def note_frames_beyond(self, num_frames: int) -> None:
        """Warn of boxes that are of no frame of the clip.

        Args:
            num_frames: Of the clip.
        """
        beyond = int((self.frames >= num_frames).sum())
        if beyond:
            warnings.warn(
                f'{self.path} has {beyond} boxes of frames up to {self.frames[-1]}, '
                f'but the clip has the frames 0 to {num_frames - 1}; see that the '
                'boxes are of this video, and that frames are counted from 0',
                stacklevel=3,
            )

    def _check_inside(self, frame: VideoFrame, boxes: np.ndarray) -> None:
        width, height = frame.size
        outside = (boxes[:, 2:] <= 0).any(axis=1) | (
            boxes[:, :2] >= (width, height)
        ).any(axis=1)
        if outside.any():
            raise ValueError(
                f'{self.path}: the box {boxes[outside][0].tolist()} of frame '
                f'{frame.index} lies outside of the image, {width} x {height} pixels; '
                'give boxes in pixels of this video, or leave this one out'
            )

    def __str__(self) -> str:
        if not len(self.frames):
            return f'{self.path}, which holds no box,'
        return (
            f'{self.path}, whose boxes are of the frames {self.frames[0]} to '
            f'{self.frames[-1]},'
        )


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
        frames = np.asarray(content['frames'], dtype=np.float64)
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
            f'{path}: the box {boxes[row].tolist()} of frame {frames[row]:g} is not '
            'x1, y1, x2, y2 with x1 < x2 and y1 < y2'
        )
    _check_frames_and_scores(path, frames, scores)
    return frames.astype(int), boxes, scores


def _check_frames_and_scores(
    path: str | os.PathLike, frames: np.ndarray, scores: np.ndarray
) -> None:
    wrong = ~((frames >= 0) & (frames == np.floor(frames)))
    if wrong.any():
        raise ValueError(
            f'{path}: there is no frame {frames[wrong][0]:g}; expected whole numbers, '
            'counted from 0'
        )
    wrong = ~((scores >= 0) & (scores <= 1))
    if wrong.any():
        raise ValueError(
            f'{path}: the score {scores[wrong][0]:g} of a box in frame '
            f'{frames[wrong][0]:.0f} is out of range; expected 0 to 1, or no scores'
        )


def _columns(rows: list) -> dict[str, Any]:
    """One list of boxes a frame as columns."""
    flat = [(frame, *box) for frame, boxes in enumerate(rows) for box in boxes]
    return {
        'frames': [row[0] for row in flat],
        'boxes': [row[1:5] for row in flat],
        'scores': [row[5] if len(row) > 5 else 1.0 for row in flat],
    }
