"""Reading and writing of videos, a frame at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.atomic_write import atomic_path


@contextmanager
def open_video(path: str | os.PathLike) -> Iterator[cv2.VideoCapture]:
    """Open a video to read, with the rotation that the file asks for applied.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no video {path}')
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise ValueError(
                f'{path} cannot be read as a video; it may be another kind of file, or '
                'a recording that was cut short before its index was written (then '
                'repair or record it again). Test it with: ffmpeg -i FILE'
            )
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        yield capture
    finally:
        capture.release()


def video_properties(
    path: str | os.PathLike,
) -> tuple[tuple[float, float], float | None]:
    """Size of a video, ``(width, height)``, and its frames a second, if known.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """
    with open_video(path) as capture:
        width = known_property(capture, cv2.CAP_PROP_FRAME_WIDTH)
        height = known_property(capture, cv2.CAP_PROP_FRAME_HEIGHT)
        return (width or 0, height or 0), known_property(capture, cv2.CAP_PROP_FPS)


def known_property(capture: cv2.VideoCapture, name: int) -> float | None:
    """A number that the head of a video gives; ``None`` if it does not say."""
    value = capture.get(name)
    return value if math.isfinite(value) and value > 0 else None


def read_video(
    path: str | os.PathLike, number: int, *, step: int = 1
) -> Iterator[np.ndarray]:
    """The first frames of a video, each ``(H, W, 3)``, BGR.

    Args:
        path: Video file.
        number: How many frames.
        step: Give the first of every so many of them only; the others are not
            converted to pictures.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded or has fewer frames.
    """
    with open_video(path) as capture:
        for frame in range(number):
            read, image = capture.grab(), None
            if read and frame % step == 0:
                read, image = capture.retrieve()
            if not read:
                raise ValueError(
                    f'{path} has {frame} frames, but {number} are expected'
                )
            if image is not None:
                yield image


def write_video(
    path: str | os.PathLike, pictures: Iterable[np.ndarray], *, fps: float
) -> None:
    """Write an MP4 video, atomically.

    Args:
        path: Destination.
        pictures: Frames of one size, ``(H, W, 3)``, BGR; at least one. An odd side is
            padded by a white line, since encoders want even ones.
        fps: Frames a second.

    Raises:
        ValueError: If there is no frame, or OpenCV has no encoder.
    """
    writer = None
    with atomic_path(path) as file:
        try:
            for picture in pictures:
                height, width = picture.shape[:2]
                padding = ((0, height % 2), (0, width % 2), (0, 0))
                picture = np.pad(picture, padding, constant_values=255)
                writer = writer or _open_writer(file, picture.shape[1::-1], fps)
                writer.write(picture)
        finally:
            if writer is not None:
                writer.release()
        if writer is None:
            raise ValueError(f'there is no frame to write into {path}')


def _open_writer(path: Path, size: tuple[int, ...], fps: float) -> cv2.VideoWriter:
    codec = cv2.VideoWriter.fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(path), codec, fps, size)
    if not writer.isOpened():
        raise ValueError(
            f'OpenCV cannot write {path.suffix} videos here; use .mp4 and the package '
            'opencv-python-headless'
        )
    return writer
