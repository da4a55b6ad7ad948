"""Reading and writing of videos, a frame at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from mmpose_ext.atomic_write import atomic_path


def video_properties(
    path: str | os.PathLike,
) -> tuple[tuple[float, float], float | None]:
    """Size of a video, ``(width, height)``, and its frames a second, if known.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded.
    """
    capture = _open(path)
    width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
    height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    return (width, height), capture.get(cv2.CAP_PROP_FPS) or None


def read_video(path: str | os.PathLike, number: int) -> Iterator[np.ndarray]:
    """The first frames of a video, each ``(H, W, 3)``, BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be decoded or has fewer frames.
    """
    capture = _open(path)
    for frame in range(number):
        read, image = capture.read()
        if not read:
            raise ValueError(f'{path} has {frame} frames, but {number} are expected')
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
        for picture in pictures:
            height, width = picture.shape[:2]
            padding = ((0, height % 2), (0, width % 2), (0, 0))
            picture = np.pad(picture, padding, constant_values=255)
            writer = writer or _open_writer(file, picture.shape[1::-1], fps)
            writer.write(picture)
        if writer is None:
            raise ValueError(f'there is no frame to write into {path}')
        writer.release()


def _open(path: str | os.PathLike) -> cv2.VideoCapture:
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no video {path}')
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise ValueError(f'{path} cannot be read as a video')
    return capture


def _open_writer(path: Path, size: tuple[int, ...], fps: float) -> cv2.VideoWriter:
    codec = cv2.VideoWriter.fourcc(*'mp4v')
    writer = cv2.VideoWriter(str(path), codec, fps, size)
    if not writer.isOpened():
        raise ValueError(
            f'OpenCV cannot write {path.suffix} videos here; use .mp4 and the package '
            'opencv-python-headless'
        )
    return writer
