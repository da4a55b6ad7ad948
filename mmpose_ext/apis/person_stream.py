"""One person of a stream: keypoints that arrive, windows, poses that are finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mmpose_ext.apis.missing_joints import fill_missing
from mmpose_ext.apis.window_blending import WindowBlender, agreement_to_confidence


class FinishedFrame(NamedTuple):
    """A frame whose pose will not change any more.

    Attributes:
        frame: Of the stream.
        keypoints: Pixels ``(17, 2)``.
        scores: ``(17,)``.
        filled: Whether no joint was seen.
        pose: Metres ``(17, 3)``.
        confidence: ``(17,)``.
    """

    frame: int
    keypoints: np.ndarray
    scores: np.ndarray
    filled: bool
    pose: np.ndarray
    confidence: np.ndarray


class PersonStream:
    """Frames of a person, counted from the first that shows the person.

    Windows start at multiples of the stride. Until the first is complete, a padded
    window stands in for it whenever a frame must be given out.

    Args:
        first_frame: Of the stream.
        seq_len: Frames of a window, T.
        stride: Frames between windows.
        look_ahead: Frames between a frame and its pose, L.
        max_gap: Frames in a row that the person may be missing.
    """

    def __init__(
        self,
        *,
        first_frame: int,
        seq_len: int,
        stride: int,
        look_ahead: int,
        max_gap: int,
    ) -> None:
        self._first_frame = first_frame
        self._seq_len, self._stride = seq_len, stride
        self._look_ahead = look_ahead
        self._capacity = max(seq_len, look_ahead + 1) + max_gap + 1
        self._joints = np.zeros((0, 17, 3), dtype=np.float32)
        self._count = 0
        self._given = 0
        self._ended = False
        self._blender = WindowBlender()
        self._stand_in: WindowBlender | None = None
        self._window_stop = self._next_start = 0
        self.missing = 0

    def __len__(self) -> int:
        """Frames that are held."""
        return max(len(self._joints), len(self._blender))

    @property
    def last_frame(self) -> int:
        """The latest frame of the stream that is counted."""
        return self._first_frame + self._count - 1

    def append(self, keypoints: np.ndarray, scores: np.ndarray) -> None:
        """Add a frame: pixels ``(17, 2)``, NaN where missing, and scores ``(17,)``."""
        self.missing = 0
        self._push(np.concatenate([keypoints, scores[:, None]], axis=-1))

    def miss(self) -> None:
        """Add a frame that does not show the person."""
        self.missing += 1
        self._push(np.full((17, 3), np.nan, dtype=np.float32))

    def end(self) -> None:
        """No frame will follow; those at the end that are missing are dropped."""
        self._ended = True
        if self.missing:
            self._joints = self._joints[: -self.missing]
            self._count -= self.missing
            self.missing = 0

    def due(self) -> list[int]:
        """First frames of the windows to lift now.

        Windows that reach into a gap wait for its end, unless a frame must be given
        out that no other window sees.
        """
        wanted = self._count if self._ended else self._count - self._look_ahead
        starts = self._complete(self._count - self.missing)
        stop = starts[-1] + self._seq_len if starts else self._window_stop
        if stop >= wanted or wanted <= self._given:
            return starts
        if self._ended:
            return [*starts, max(self._count - self._seq_len, 0)]
        if self._count >= self._seq_len:
            return self._complete(self._count)
        covered = 0 if self._stand_in is None else self._stand_in.covered
        stale = not self.missing and self._count - covered >= self._stride
        return [0] if stale or covered < wanted else []

    def window(self, start: int) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints ``(F, 17, 2)`` and scores ``(F, 17)`` of a window, F up to T."""
        first = start - self._count + len(self._joints)
        keypoints, scores = self._filled()
        part = slice(first, first + self._seq_len)
        return keypoints[part], scores[part]

    def add(self, start: int, poses: np.ndarray) -> None:
        """Take the poses ``(T, 17, 3)`` of a window that was due, metres."""
        length = min(self._count - start, self._seq_len)
        slots = np.arange(self._seq_len)
        weights = 1.0 + np.minimum(slots, slots[::-1])
        blender = self._blender
        if length < self._seq_len and not self._ended:
            blender = self._stand_in = WindowBlender()
        else:
            self._stand_in, self._window_stop = None, start + length
            self._next_start = start + self._stride
        blender.add(np.array([start]), np.array([length]), weights[None], poses[None])

    def finished(self) -> Iterator[FinishedFrame]:
        """Frames that can be given out now, each once."""
        stop = self._count if self._ended else self._count - self._look_ahead
        if stop <= self._given:
            return
        blender = self._blender
        if not len(blender) and self._stand_in is not None:
            blender = self._stand_in
        blender.take(self._given)
        poses, spread = blender.take(stop)
        first = self._count - len(self._joints)
        part = slice(self._given - first, stop - first)
        keypoints, scores = (rows[part] for rows in self._filled())
        known = np.isfinite(self._joints[part, :, :2]).all(axis=-1)
        filled_in = np.asarray(~known.any(axis=-1))
        confidence = agreement_to_confidence(scores, spread)
        frames = range(self._first_frame + self._given, self._first_frame + stop)
        self._given = stop
        rows = zip(frames, keypoints, scores, filled_in, poses, confidence, strict=True)
        for frame, points, score, filled, pose, trust in rows:
            yield FinishedFrame(frame, points, score, bool(filled), pose, trust)

    def _complete(self, stop: int) -> list[int]:
        """Windows of the grid that end before ``stop`` and were not lifted."""
        return list(range(self._next_start, stop - self._seq_len + 1, self._stride))

    def _push(self, joints: np.ndarray) -> None:
        kept = self._joints[-self._capacity + 1 :]
        self._joints = np.concatenate([kept, joints[None]])
        self._count += 1

    def _filled(self) -> tuple[np.ndarray, np.ndarray]:
        """All frames that are held, missing joints interpolated."""
        return fill_missing(self._joints[..., :2], self._joints[..., 2])
