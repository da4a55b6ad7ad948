"""What a file of keypoints may say besides where they are.

Arguments of the same names go through the same checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

USUAL_JOINTS = 'coco17'
"""The joint set where neither the file nor its reader names one."""


def joint_set_field(fields: Mapping[str, Any], asked: str | None, source: str) -> str:
    """The joint set that ``joints`` names, or else the one that is asked for.

    Two sets may have as many joints in another order, and nothing else would tell.

    Args:
        fields: Of the file.
        asked: By the reader of the file, if at all.
        source: For messages.

    Raises:
        ValueError: If they name different ones.
    """
    if fields.get('joints') is None:
        return asked or USUAL_JOINTS
    named = str(fields['joints'])
    if asked not in (None, named):
        raise ValueError(
            f'{source} says that its joints are {named!r}, but {asked!r} is asked for; '
            'leave the joint set out to take that of the file'
        )
    return named


def image_size_field(
    fields: Mapping[str, Any], source: str
) -> tuple[float, float] | None:
    """Width and height in pixels, if ``image_size`` is there.

    Args:
        fields: Of the file.
        source: For messages.

    Raises:
        ValueError: If it is not two positive numbers.
    """
    if fields.get('image_size') is None:
        return None
    expected = 'width and height in pixels, such as [640, 480]'
    size = _numbers(fields, 'image_size', source, expected)
    if size.shape != (2,) or not np.isfinite(size).all() or not (size > 0).all():
        raise ValueError(
            f'{source}: image_size is {size.tolist()}; expected {expected}'
        )
    width, height = size.tolist()
    return width, height


def frame_rate_field(fields: Mapping[str, Any], source: str) -> float | None:
    """Frames a second, if ``fps`` is there.

    Args:
        fields: Of the file.
        source: For messages.

    Raises:
        ValueError: If it is not a positive number.
    """
    if fields.get('fps') is None:
        return None
    expected = 'a positive number of frames a second'
    fps = _numbers(fields, 'fps', source, expected)
    if fps.shape or not 0 < fps < np.inf:
        raise ValueError(f'{source}: fps is {fps.tolist()}; expected {expected}')
    return float(fps)


def score_field(scores: Any, shape: tuple[int, ...], source: str) -> np.ndarray:
    """Scores ``(F, K)``, 0 where they are NaN.

    Args:
        scores: As given.
        shape: That they must have.
        source: For messages.

    Raises:
        ValueError: If the shape is another or a score lies outside of [0, 1].
    """
    expected = f'shape {shape} and numbers from 0 to 1'
    array = _numbers({'scores': scores}, 'scores', source, expected)
    array = np.nan_to_num(array.astype(np.float32))
    if array.shape != shape or not ((array >= 0) & (array <= 1)).all():
        raise ValueError(
            f'{source}: scores have shape {array.shape} and lie in '
            f'[{array.min(initial=np.inf):g}, {array.max(initial=-np.inf):g}]; '
            f'expected {expected}'
        )
    return array


@dataclass(frozen=True)
class VideoPlace:
    """Where the F frames of a clip lie in the video that it is a part of.

    Attributes:
        first_frame: Number of the first.
        times: Seconds of the video's frames up to the last of the clip
            ``(first_frame + F,)``, if known.
        filled: Frames whose joints were interpolated ``(F,)``, if known.
    """

    first_frame: int = 0
    times: np.ndarray | None = None
    filled: np.ndarray | None = None

    @classmethod
    def of_fields(
        cls, fields: Mapping[str, Any], number: int, source: str
    ) -> VideoPlace:
        """From ``frames``, ``times`` and ``filled``, each ``(F,)``, if they are there.

        Args:
            fields: Of the file.
            number: Frames of the clip, F.
            source: For messages.

        Raises:
            ValueError: If there are not F of them, frames do not follow one another,
                or times do not increase.
        """
        given = {
            name: _one_a_frame(fields, name, number, source)
            for name in ('frames', 'times', 'filled')
            if fields.get(name) is not None
        }
        frames = given.get('frames', np.arange(number))
        if frames[0] < 0 or frames[0] % 1 or (np.diff(frames) != 1).any():
            raise ValueError(
                f'{source}: frames are no numbers that follow one another; put NaN '
                'where the person is not seen, or make two files'
            )
        first, times, filled = int(frames[0]), given.get('times'), given.get('filled')
        if times is not None:
            if (np.diff(times) <= 0).any():
                raise ValueError(
                    f'{source}: times do not increase; expected seconds since the '
                    'start of the video'
                )
            times = _with_times_before(times, first)
        return cls(first, times, None if filled is None else filled != 0)

    @property
    def mean_rate(self) -> float | None:
        """Frames a second, if there are two times."""
        if self.times is None or len(self.times) < 2:
            return None
        return float((len(self.times) - 1) / (self.times[-1] - self.times[0]))


def _with_times_before(times: np.ndarray, number: int) -> np.ndarray:
    """Times ``(number + F,)``: those of earlier frames are spread evenly from 0."""
    start = 0.0
    if times[0] <= 0:  # counted from the first frame of the clip
        start = times[0] - number * (np.diff(times).mean() if len(times) > 1 else 1)
    before = np.linspace(start, times[0], number, endpoint=False)
    return np.concatenate([before, times])


def _one_a_frame(
    fields: Mapping[str, Any], name: str, number: int, source: str
) -> np.ndarray:
    expected = f'shape ({number},), a number for each frame'
    array = _numbers(fields, name, source, expected)
    if array.shape != (number,) or not np.isfinite(array).all():
        raise ValueError(
            f'{source}: {name} has shape {array.shape} or is not finite; expected '
            f'{expected}'
        )
    return array


def _numbers(
    fields: Mapping[str, Any], name: str, source: str, expected: str
) -> np.ndarray:
    """An array of float64.

    Raises:
        ValueError: If it holds text, or is ragged.
    """
    try:
        return np.asarray(fields[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f'{source}: {name} holds something else than numbers ({error}); expected '
            f'{expected}'
        ) from error
