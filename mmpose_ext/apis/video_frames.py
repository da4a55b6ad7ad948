"""Frames of a video with their times, one after the other.

Rotation that the file asks for (a phone held upright) is applied. Times are those that
the file gives for each frame, so a rate that varies is kept.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from mmpose_ext.visualization.video import known_property, open_video

USUAL_FPS = 25.0
"""Frames a second where a file does not say."""

T = TypeVar('T')


@dataclass(frozen=True)
class VideoFrame:
    """One frame of a clip.

    Attributes:
        index: From 0.
        time: Seconds since the first frame.
        image: ``(H, W, 3)``, BGR, uint8, upright.
    """

    index: int
    time: float
    image: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True)
class VideoInfo:
    """What the head of a video file says.

    Attributes:
        name: Of the file.
        image_size: Width and height in pixels, upright.
        fps: Frames a second; :data:`USUAL_FPS` if the file does not say.
        num_frames: Frames that the file announces; ``None`` if it does not say. Some
            formats only estimate it.
    """

    name: str
    image_size: tuple[int, int]
    fps: float
    num_frames: int | None


def video_info(path: str | os.PathLike) -> VideoInfo:
    """Read the head of a video file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """
    with open_video(path) as capture:
        return _info(path, capture)


def read_frames(path: str | os.PathLike) -> Iterator[VideoFrame]:
    """Read a video; nothing is kept but the frame that is handed out.

    A file whose tail is damaged gives the frames before it, with a warning.

    Args:
        path: Video file.

    Yields:
        Frames in their order. Times grow from frame to frame; where the file's do not,
        its mean rate counts on.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded, or not a single frame of it.
    """
    with open_video(path) as capture:
        info = _info(path, capture)
        start, before, index = None, -1.0, 0
        while True:
            read, image = capture.read()
            if not read:
                break
            stamp = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            start = stamp if start is None else start
            time = stamp - start
            if index and not (math.isfinite(time) and time > before):
                time = before + 1 / info.fps
            before = time if index else 0.0
            yield VideoFrame(index, before, image)
            index += 1
    if not index:
        raise ValueError(
            f'{path} opens as a video, but not one frame of it can be decoded; copy it '
            'again, or convert it: ffmpeg -i IN -c:v libx264 OUT.mp4'
        )
    if info.num_frames is not None and index < info.num_frames - 1:
        warnings.warn(
            f'{path} announces {info.num_frames} frames, but reading ended after '
            f'frame {index - 1} ({before:.2f} s): the rest is damaged or missing; the '
            f'{index} frames before it are used',
            stacklevel=2,
        )


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items, the last one perhaps shorter.

    Raises:
        ValueError: If the size is not positive.
    """
    if size < 1:
        raise ValueError(f'a batch of {size} frames; expected 1 or more')
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def mean_fps(times: np.ndarray, default: float) -> float:
    """Frames a second of the times of frames.

    Args:
        times: Seconds ``(N,)``, growing.
        default: For a clip of one frame.
    """
    if len(times) < 2:
        return default
    return float((len(times) - 1) / (times[-1] - times[0]))


def rate_varies(times: np.ndarray, share: float = 0.2) -> bool:
    """Whether frames are not evenly spaced in time.

    Args:
        times: Seconds ``(N,)``, growing.
        share: How far an interval may be from the usual one, as a share of it.
    """
    if len(times) < 3:
        return False
    intervals = np.diff(times)
    usual = np.median(intervals)
    return bool((np.abs(intervals - usual) > share * usual).any())


def _info(path: str | os.PathLike, capture: cv2.VideoCapture) -> VideoInfo:
    def number(name: int) -> float:
        return known_property(capture, name) or 0.0

    return VideoInfo(
        name=Path(path).name,
        image_size=(
            int(number(cv2.CAP_PROP_FRAME_WIDTH)),
            int(number(cv2.CAP_PROP_FRAME_HEIGHT)),
        ),
        fps=number(cv2.CAP_PROP_FPS) or USUAL_FPS,
        num_frames=int(number(cv2.CAP_PROP_FRAME_COUNT)) or None,
    )
