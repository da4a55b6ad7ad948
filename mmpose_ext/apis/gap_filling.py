"""Frames without a detection, filled in between detections of the same person.

Boxes and keypoints are interpolated linearly in time. Their scores are lowered the
further the nearest detection is, so that a lifter trusts them less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GapOptions:
    """How gaps are filled.

    Args:
        max_gap: Seconds between two detections up to which a gap is filled; after a
            longer one the person goes on with another
            :class:`~mmpose_ext.structures.tracks.PersonTrack` of the same number.
        half_life: Seconds from the nearest detection at which scores are halved.

    Raises:
        ValueError: If one is not positive.
    """

    max_gap: float = 1.0
    half_life: float = 0.1

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(
                    f'{name}={getattr(self, name)}; expected seconds, more than 0'
                )


def fill_gaps(
    frames: np.ndarray,
    detections: np.ndarray,
    scores: np.ndarray,
    times: np.ndarray,
    *,
    half_life: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give every frame from the first to the last detection a value.

    Args:
        frames: Of the detections, increasing, ``(n,)``, int.
        detections: What was measured, in any shape ``(n, ...)``.
        scores: From 0 to 1, ``(n, K)``.
        times: Seconds of the F frames from the first to the last detection, growing,
            ``(F,)``.
        half_life: See :class:`GapOptions`.

    Returns:
        Values ``(F, ...)``, scores ``(F, K)``, and whether they are filled in ``(F,)``.
        Detections stay as they are.

    Raises:
        ValueError: If frames do not increase or times do not fit.
    """
    if not len(frames) or (np.diff(frames) <= 0).any():
        raise ValueError(f'frames {frames} of a track; expected some, increasing')
    wanted = np.arange(frames[0], frames[-1] + 1)
    if len(times) != len(wanted):
        raise ValueError(
            f'{len(times)} times for the frames {frames[0]} to {frames[-1]}; expected '
            f'{len(wanted)}'
        )
    after = np.searchsorted(frames, wanted)
    filled = frames[after] != wanted
    before = after - filled
    then, now = times[frames[before] - frames[0]], times[frames[after] - frames[0]]
    share = np.where(filled, (times - then) / np.maximum(now - then, 1e-9), 1.0)
    nearest = np.where(filled, np.minimum(times - then, now - times), 0.0)
    values = _between(detections, before, after, share)
    faith = 0.5 ** (nearest / half_life)
    lowered = _between(scores, before, after, share) * faith[:, None]
    return values, lowered.astype(scores.dtype), filled


def _between(
    values: np.ndarray, before: np.ndarray, after: np.ndarray, share: np.ndarray
) -> np.ndarray:
    share = share.reshape(-1, *[1] * (values.ndim - 1)).astype(values.dtype)
    # At a detection both are the same, and the sum is exactly that.
    return values[before] * (1 - share) + values[after] * share
