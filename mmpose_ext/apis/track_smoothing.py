"""Smoothing of lifted tracks, all people of a clip in one pass over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmpose_ext.apis.one_euro import OneEuro, OneEuroState, one_euro
from mmpose_ext.structures.tracks import LiftedTrack

_CHUNK = 256


def smooth_tracks(
    tracks: Sequence[LiftedTrack], times: Sequence[np.ndarray], options: OneEuro
) -> None:
    """Filter poses and roots of tracks in place.

    Args:
        tracks: Their arrays are changed, a few hundred frames at a time.
        times: Seconds of the frames of each track, ``(F,)``; the same for the same
            frame of the clip.
        options: Of the filter.

    Raises:
        ValueError: If times do not increase.
    """
    if not tracks:
        return
    starts = np.array([int(track.frames[0]) for track in tracks])
    stops = np.array([int(track.frames[-1]) + 1 for track in tracks])
    state, before = None, np.zeros(0, dtype=np.int64)
    for first in range(starts.min(), stops.max(), _CHUNK):
        last = min(first + _CHUNK, int(stops.max()))
        present = np.flatnonzero((starts < last) & (stops > first))
        if not len(present):
            continue
        values, seconds, spans = _stacked(tracks, times, present, (first, last))
        shown = np.isfinite(seconds)
        state = _rows_of(state, before, present)
        values[shown], state = one_euro(values[shown], seconds[shown], options, state)
        for row, (number, (inside, part)) in enumerate(
            zip(present, spans, strict=True)
        ):
            track = tracks[number]
            track.poses[part] = values[inside, row, :-1]
            if track.root is not None:
                track.root[part] = values[inside, row, -1]
        before = present


def _stacked(
    tracks: Sequence[LiftedTrack],
    times: Sequence[np.ndarray],
    present: np.ndarray,
    bounds: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray, list[tuple[slice, slice]]]:
    """Points of some frames, NaN where a track is absent.

    Returns:
        Joints and roots ``(F, N, K + 1, 3)``, seconds ``(F,)``, and for each track
        where its frames are in these and in itself.
    """
    first, last = bounds
    joints = tracks[present[0]].poses.shape[1]
    values = np.full((last - first, len(present), joints + 1, 3), np.nan)
    seconds, spans = np.full(last - first, np.nan), []
    for row, number in enumerate(present):
        track = tracks[number]
        start = int(track.frames[0])
        begin, end = max(first, start), min(last, start + len(track))
        inside, part = (
            slice(begin - first, end - first),
            slice(begin - start, end - start),
        )
        values[inside, row, :-1] = track.poses[part]
        if track.root is not None:
            values[inside, row, -1] = track.root[part]
        seconds[inside] = times[number][part]
        spans.append((inside, part))
    return values, seconds, spans


def _rows_of(
    state: OneEuroState | None, before: np.ndarray, present: np.ndarray
) -> OneEuroState | None:
    """The state with a row for each track that is present now; new ones are NaN."""
    if state is None:
        return None
    rows = np.full((2, len(present), *state.value.shape[1:]), np.nan)
    _, here, there = np.intersect1d(present, before, return_indices=True)
    rows[0, here], rows[1, here] = state.value[there], state.velocity[there]
    return OneEuroState(state.time, rows[0], rows[1])
