"""Joints that a 2D estimator did not find."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmpose_ext.geometry import H36M17
from mmpose_ext.structures.tracks import PersonTrack

_CHUNK = 65536


def tracks_of_somebody(tracks: Sequence[PersonTrack]) -> list[PersonTrack]:
    """The tracks with a place for every joint, without those that show nobody.

    A warning names the tracks that are left out, so that one of them does not stop all
    others.

    Raises:
        ValueError: If shapes do not fit, or no track has a valid joint.
    """
    for track in tracks:
        _check_shapes(track)
    shown = [track for track in tracks if _is_shown(track)]
    empty = [track.track_id for track in tracks if not _is_shown(track)]
    if empty and shown:
        warnings.warn(
            f'tracks {empty} have no valid joint in any frame, all keypoints are NaN; '
            'they are left out',
            stacklevel=3,
        )
    return [with_missing_filled(track) for track in shown or tracks]


def with_missing_filled(track: PersonTrack) -> PersonTrack:
    """The track with a place for every joint.

    Keypoints that are NaN or infinite are filled as :func:`fill_missing` does; frames
    without any joint are marked as filled. A track without a gap is returned as it is.

    Raises:
        ValueError: If shapes do not fit, or no joint is valid in any frame.
    """
    _check_shapes(track)
    if _is_complete(track):
        return track
    if not _is_shown(track):
        raise ValueError(
            f'track {track.track_id} has no valid joint in its {len(track)} frames: '
            'all keypoints are NaN'
        )
    keypoints = np.asarray(track.keypoints)
    known = np.isfinite(keypoints).all(axis=-1)
    keypoints, scores = fill_missing(keypoints, np.asarray(track.scores))
    return replace(
        track,
        keypoints=keypoints,
        scores=scores,
        filled=np.asarray(track.filled) | ~known.any(axis=-1),
    )


def fill_missing(
    keypoints: np.ndarray,
    scores: np.ndarray,
    parents: tuple[int, ...] = H36M17.parents,
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate missing joints in time and take their scores away.

    Before the first and after the last frame that shows a joint it keeps its place. A
    joint that no frame shows is put on its parent, or in the middle of the others if it
    is the root.

    Args:
        keypoints: NaN or infinite where missing, ``(F, K, 2)``; at least one is not.
        scores: From 0 to 1, ``(F, K)``; NaN counts as 0.
        parents: Of the joints, -1 for the root; parents come first.

    Returns:
        Keypoints and scores alike.
    """
    known = np.isfinite(keypoints).all(axis=-1)
    frames = np.arange(len(keypoints))
    filled = np.where(known[..., None], keypoints, 0).astype(keypoints.dtype)
    for joint in np.flatnonzero(~known.all(axis=0) & known.any(axis=0)):
        seen = known[:, joint]
        for axis in range(keypoints.shape[-1]):
            values = keypoints[seen, joint, axis]
            filled[~seen, joint, axis] = np.interp(frames[~seen], frames[seen], values)
    anywhere = known.any(axis=0)
    for joint in np.flatnonzero(~anywhere):
        parent = parents[joint]
        on_parent = filled[:, parent]
        filled[:, joint] = filled[:, anywhere].mean(axis=1) if parent < 0 else on_parent
    trusted = known & np.isfinite(scores)
    return filled, np.where(trusted, scores, 0).astype(scores.dtype)


def _is_complete(track: PersonTrack) -> bool:
    """Whether all keypoints and scores are numbers, looking at some at a time."""
    return all(
        np.isfinite(rows[start : start + _CHUNK]).all()
        for rows in (track.keypoints, track.scores)
        for start in range(0, len(track), _CHUNK)
    )


def _is_shown(track: PersonTrack) -> bool:
    """Whether any joint is valid, looking at some frames at a time."""
    return any(
        np.isfinite(track.keypoints[start : start + _CHUNK]).all(axis=-1).any()
        for start in range(0, len(track), _CHUNK)
    )


def _check_shapes(track: PersonTrack) -> None:
    number, joints = len(track), H36M17.num_joints
    shapes = (track.keypoints.shape, track.scores.shape, track.filled.shape)
    expected = ((number, joints, 2), (number, joints), (number,))
    if shapes != expected or not number:
        raise ValueError(
            f'track {track.track_id} has {number} frames, keypoints {shapes[0]}, '
            f'scores {shapes[1]} and filled {shapes[2]}; expected 1 or more frames F '
            f'and (F, {joints}, 2), (F, {joints}), (F,)'
        )
    if (np.diff(track.frames) != 1).any():
        raise ValueError(
            f'track {track.track_id} leaves frames out; a track holds consecutive '
            'frames: fill gaps in, or make two tracks of the same number'
        )
