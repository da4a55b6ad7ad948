"""Results of a track, written while its windows are lifted."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from mmpose_ext.apis.camera_space import solve_roots
from mmpose_ext.apis.track_inputs import Allocate, FrameGrid, Picture
from mmpose_ext.apis.window_blending import (
    BlendedFrames,
    WindowBlender,
    agreement_to_confidence,
)
from mmpose_ext.datasets.keypoint_clip import interpolate_frames
from mmpose_ext.structures.tracks import LiftedTrack, PersonTrack


class TrackOutputs:
    """Poses, confidence and roots of a track.

    Args:
        track: Without missing joints.
        grid: Times at which it is lifted.
        picture: The picture that the network sees it in.
        allocate: Makes the arrays; NumPy's own if ``None``.
    """

    def __init__(
        self,
        track: PersonTrack,
        grid: FrameGrid,
        picture: Picture,
        allocate: Allocate | None = None,
    ) -> None:
        self._track, self._picture = track, picture
        self._positions = np.minimum(grid.positions, len(grid.sources) - 1)
        allocate = allocate or _allocate
        frames, joints = track.scores.shape
        self._poses = allocate((frames, joints, 3))
        self._confidence = allocate((frames, joints))
        self._root = None if picture.camera is None else allocate((frames, 3))
        self._blender = WindowBlender(joints)
        self._pending: BlendedFrames | None = None
        self._pending_start = 0
        self._written = 0

    def add(
        self,
        starts: np.ndarray,
        lengths: np.ndarray,
        weights: np.ndarray,
        poses: np.ndarray,
    ) -> None:
        """Add windows, see :meth:`WindowBlender.add`."""
        self._blender.add(starts, lengths, weights, poses)

    def write(self, final: int) -> None:
        """Write the frames that lie before the time ``final - 1`` of the grid."""
        blended = self._joined(self._blender.take(final))
        stop = int(np.searchsorted(self._positions, final - 1, side='right'))
        done = slice(self._written, stop)
        positions = self._positions[done] - self._pending_start
        poses, spread = (interpolate_frames(rows, positions) for rows in blended)
        self._write_frames(done, poses, spread)
        # The next frames lie between the last pose and those to come.
        self._pending = BlendedFrames(*(rows[-1:] for rows in blended))
        self._pending_start, self._written = final - 1, stop

    def lifted(self) -> LiftedTrack:
        """The track with all that was written."""
        given = {
            row.name: getattr(self._track, row.name) for row in fields(PersonTrack)
        }
        return LiftedTrack(
            **given, poses=self._poses, confidence=self._confidence, root=self._root
        )

    def lifted_so_far(self) -> LiftedTrack:
        """The frames that were written, from the first one on; perhaps none."""
        track, part = self.lifted(), slice(self._written)
        arrays = {
            row.name: getattr(track, row.name)[part]
            for row in fields(LiftedTrack)
            if isinstance(getattr(track, row.name), np.ndarray)
        }
        return replace(track, **arrays)

    def _joined(self, blended: BlendedFrames) -> BlendedFrames:
        if self._pending is None:
            return blended
        pairs = zip(self._pending, blended, strict=True)
        return BlendedFrames(*(np.concatenate(pair) for pair in pairs))

    def _write_frames(self, done: slice, poses: np.ndarray, spread: np.ndarray) -> None:
        poses = self._picture.to_camera(poses)
        scores = np.asarray(self._track.scores[done])
        confidence = agreement_to_confidence(scores, spread)
        self._poses[done] = poses
        self._confidence[done] = confidence
        if self._root is not None and self._picture.camera is not None:
            keypoints = np.asarray(self._track.keypoints[done])
            self._root[done] = solve_roots(
                poses, keypoints, self._picture.camera, confidence
            )


def _allocate(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, dtype=np.float32)
