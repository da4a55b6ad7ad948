"""The images of a store's frames, from image files or videos."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmpose_ext.datasets.frame_store import SequenceInfo

Load = Callable[[], np.ndarray]


class FrameImages:
    """Finds the image of each frame by a pattern of names.

    With ``{frame}`` the pattern names image files, without it one video a sequence.
    Other names in braces: sequence, subject, action, camera, and what a converter put
    into ``extra`` of the sequence.

    Args:
        pattern: For example ``'images/{sequence}/{frame:06d}.jpg'``.
        first_frame: Number of the image, or of the video's frame, that shows the first
            frame of a sequence.

    Raises:
        ValueError: If the pattern is malformed.
    """

    def __init__(self, pattern: str, first_frame: int = 0) -> None:
        self.pattern, self.first_frame = pattern, first_frame
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(pattern)]
        except ValueError as error:
            raise ValueError(f'--images {pattern!r}: {error}') from error
        self.is_video = 'frame' not in names

    def path(self, row: SequenceInfo, frame: int = 0) -> Path:
        """The file that holds a frame.

        Raises:
            ValueError: If the pattern asks for what the sequence does not have.
        """
        known: dict[str, Any] = {
            **row.extra,
            'sequence': row.name,
            'subject': row.subject,
            'action': row.action,
            'camera': row.camera,
        }
        if not self.is_video:
            known['frame'] = frame + self.first_frame
        try:
            return Path(self.pattern.format(**known))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f'--images {self.pattern!r} does not fit sequence {row.name!r} '
                f'({type(error).__name__}: {error}); it can use {sorted(known)}'
            ) from error

    def check(self, row: SequenceInfo) -> None:
        """Read the first image of a sequence and look for the others.

        Raises:
            FileNotFoundError: If one is missing.
            ValueError: If it cannot be read, or has another size than the sequence.
        """
        for frame in range(1 if self.is_video else row.length):
            file = self.path(row, frame)
            if not file.is_file():
                hint = '' if self.is_video else '; --first-frame 1 if they count from 1'
                raise FileNotFoundError(
                    f'{file} is missing (frame {frame} of sequence {row.name!r}): say '
                    f'with --images where the images lie{hint}'
                )
        self.loader(row)(0)()

    def loader(self, row: SequenceInfo) -> Callable[[int], Load]:
        """What loads the frames of a sequence.

        Call it for each frame, in order. It returns a function that gives the image,
        ``(H, W, 3)`` uint8 RGB, and may run in another thread.
        """
        if not self.is_video:
            return lambda frame: lambda: _read_image(self.path(row, frame), row)
        file = self.path(row)
        video = cv2.VideoCapture(str(file))
        for _ in range(self.first_frame):
            video.grab()

        def load(frame: int) -> Load:
            found, image = video.read()
            if not found:
                raise ValueError(
                    f'{file} gave {frame} frames, sequence {row.name!r} has '
                    f'{row.length}; it is another video, cut short or not a video'
                )
            return lambda: _to_rgb(image, row, file)

        return load


def _read_image(file: Path, row: SequenceInfo) -> np.ndarray:
    image = cv2.imread(str(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise ValueError(f'{file} is missing or cannot be read as an image')
    return _to_rgb(image, row, file)


def _to_rgb(image: np.ndarray, row: SequenceInfo, file: Path) -> np.ndarray:
    size = (image.shape[1], image.shape[0])
    if size != row.image_size:
        raise ValueError(
            f'{file} is {size[0]} x {size[1]}, the image size of sequence '
            f'{row.name!r} is {row.image_size}, to which its keypoints belong'
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
