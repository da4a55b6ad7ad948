"""Poses of overlapping windows as one pose a frame, and how far the windows agree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmpose_ext.datasets.windows import WindowIndex

HALF_CONFIDENCE = 0.05
"""Metres of disagreement between windows that halve the confidence."""


class BlendedFrames(NamedTuple):
    """Frames that no further window sees.

    Attributes:
        poses: Weighted means, metres, ``(F, K, 3)``.
        spread: Distance of the windows' poses from them, metres, ``(F, K)``: the root
            of the weighted mean square; 0 where one window sees the frame.
    """

    poses: np.ndarray
    spread: np.ndarray


class WindowBlender:
    """Blends the windows of one track, in order of time.

    Only frames between the last one that was taken and the end of the last window are
    held, so memory does not grow with the track.

    Args:
        joints: K.
    """

    def __init__(self, joints: int = 17) -> None:
        self.first = 0
        self._total = np.zeros((0, joints, 3))
        self._square = np.zeros((0, joints))
        self._weight = np.zeros(0)

    def __len__(self) -> int:
        """Frames that are held."""
        return len(self._weight)

    @property
    def covered(self) -> int:
        """The first frame that no window has seen yet."""
        return self.first + len(self)

    def add(
        self,
        starts: np.ndarray,
        lengths: np.ndarray,
        weights: np.ndarray,
        poses: np.ndarray,
    ) -> None:
        """Add windows; what they say of frames that were taken is left out.

        Args:
            starts: First frame of each, ``(W,)``.
            lengths: Frames that are no padding, at the beginning of each, ``(W,)``.
            weights: Of the frames, see :func:`tent`, ``(W, T)``.
            poses: Metres ``(W, T, K, 3)``.
        """
        self._make_room(int((starts + lengths).max()))
        weighted = poses * weights[..., None, None]
        squares = (weighted * poses).sum(axis=-1)
        for window, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            begin = max(self.first - start, 0)
            part = slice(begin, max(begin, length))
            held = slice(
                start + part.start - self.first, start + part.stop - self.first
            )
            self._total[held] += weighted[window, part]
            self._square[held] += squares[window, part]
            self._weight[held] += weights[window, part]

    def take(self, stop: int) -> BlendedFrames:
        """Give frames before ``stop`` out and forget them.

        Raises:
            ValueError: If no window has seen one of them.
        """
        count = stop - self.first
        if count > len(self) or not (self._weight[:count] > 0).all():
            raise ValueError(
                f'frames from {self.first} to {stop - 1} are asked for, but windows '
                f'reach to {self.covered - 1}'
            )
        blended = self._blended(count)
        self._total, self._square, self._weight = (
            rows[count:].copy() for rows in (self._total, self._square, self._weight)
        )
        self.first = stop
        return blended

    def _blended(self, count: int) -> BlendedFrames:
        weight = self._weight[:count, None]
        mean = self._total[:count] / weight[..., None]
        variance = self._square[:count] / weight - np.square(mean).sum(axis=-1)
        spread = np.sqrt(np.maximum(variance, 0.0))
        return BlendedFrames(mean.astype(np.float32), spread.astype(np.float32))

    def _make_room(self, stop: int) -> None:
        missing = stop - self.covered
        if missing > 0:
            self._total, self._square, self._weight = (
                np.concatenate([rows, np.zeros((missing, *rows.shape[1:]))])
                for rows in (self._total, self._square, self._weight)
            )


def window_frames(windows: WindowIndex) -> np.ndarray:
    """Frames of windows inside their sequences, ``(W, T)``; padding repeats the last.

    The windows are neither stretched nor centred.
    """
    slots = np.arange(windows.seq_len)
    return windows.start[:, None] + np.minimum(slots, windows.frames[:, None] - 1)


def tent(windows: WindowIndex) -> np.ndarray:
    """Weights 1, 2, ..., 2, 1 over each window, 0 in padding, ``(W, T)``."""
    slots = np.arange(windows.seq_len)
    held = slots < windows.frames[:, None]
    return held * (1.0 + np.minimum(slots, slots[::-1]))


def agreement_to_confidence(scores: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Confidence of joints: ``score / (1 + (spread / 5 cm)^2)``.

    Args:
        scores: Of the 2D estimator, 0 to 1, ``(F, K)``.
        spread: Of the windows, metres, ``(F, K)``, see :class:`BlendedFrames`.

    Returns:
        From 0 to 1, ``(F, K)``, float32.
    """
    confidence = scores / (1.0 + np.square(spread / HALF_CONFIDENCE))
    return confidence.astype(np.float32)
