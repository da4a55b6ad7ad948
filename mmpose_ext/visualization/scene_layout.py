"""Where the people of a clip stand in a drawn scene with a floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmpose_ext.geometry.joint_rotations import swing

if TYPE_CHECKING:
    from mmpose_ext.structures.tracks import LiftedClip, LiftedTrack

_SAMPLES = 3000
_DISTANCE_M, _COLUMNS = 1.4, 6
_MOST_TILT = np.tan(np.radians(30))
_LITTLE_MOVEMENT_M = 0.15
_SHOWN = 0.95  # share of frames in view; people who enter are often put far away


@dataclass(frozen=True)
class SceneLayout:
    """A floor for the people of a clip.

    The scene has camera axes that are turned so that the floor is level and moved so
    that it lies at y = 0; y points down.

    Attributes:
        rotation: From camera axes to the scene's ``(3, 3)``.
        origin: Middle of the floor, camera axes after the rotation, metres, ``(3,)``.
        located: Whether people stand where the camera saw them; else side by side.
        slots: x and z of each person who stands side by side, by number.
        reach: Distance of people from the middle, metres.
        tall: Height of the highest joint over the floor, metres.
    """

    rotation: np.ndarray
    origin: np.ndarray
    located: bool
    slots: dict[int, tuple[float, float]]
    reach: float = 1.0
    tall: float = 1.8

    def turn(self, poses: np.ndarray) -> np.ndarray:
        """Poses relative to the root in the axes of the scene, ``(..., 3)``."""
        return poses @ self.rotation.T.astype(poses.dtype)

    def place_roots(self, roots: np.ndarray) -> np.ndarray:
        """Roots of the camera's frame in the scene, metres, ``(..., 3)``."""
        return roots @ self.rotation.T - self.origin

    def stand(self, poses: np.ndarray, track_id: int) -> np.ndarray:
        """Put turned poses side by side, the lowest joint on the floor."""
        x, z = self.slots[track_id]
        down = poses[..., 1].max(axis=-1)
        root = np.stack([np.full_like(down, x), -down, np.full_like(down, z)], axis=-1)
        return poses + root[..., None, :]

    def place(self, track: LiftedTrack, frames: slice | np.ndarray) -> np.ndarray:
        """Joints of some frames of a track in the scene, metres, ``(F, 17, 3)``."""
        poses = self.turn(np.asarray(track.poses[frames], dtype=np.float64))
        if not self.located or track.root is None:
            return self.stand(poses, track.track_id)
        return poses + self.place_roots(np.asarray(track.root[frames]))[:, None]


def lay_out(clip: LiftedClip) -> SceneLayout:
    """Find the floor of a clip, and how large the scene is.

    If the roots are known, the floor is the plane on which the lowest joints are most
    of the time; so a camera that looks down does not make people sink as they come
    nearer. Without roots people stand side by side.

    Args:
        clip: What a lifter made.
    """
    people = sorted({track.track_id for track in clip.tracks})
    slots = {person: _slot(i, len(people)) for i, person in enumerate(people)}
    tracks = [track for track in clip.tracks if len(track)]
    located = bool(tracks) and all(_has_roots(track) for track in tracks)
    rotation, origin = np.eye(3), np.zeros(3)
    if located:
        joints = np.concatenate([_sample(track, len(tracks)) for track in tracks])
        rotation, origin = _floor(joints)
    layout = SceneLayout(rotation, origin, located, slots)
    if not tracks:
        return layout
    placed = np.concatenate(
        [layout.place(track, _sampled_frames(track, len(tracks))) for track in tracks]
    )
    placed = placed[np.isfinite(placed).all(axis=(-1, -2))]
    side = np.linalg.norm(placed[..., [0, 2]], axis=-1).max(axis=-1)
    height = -placed[..., 1].min(axis=-1)
    return SceneLayout(
        rotation,
        origin,
        located,
        slots,
        reach=float(np.quantile(side, _SHOWN)),
        tall=float(max(np.quantile(height, _SHOWN), 0.5)),
    )


def fit_floor(points: np.ndarray) -> np.ndarray:
    """Plane ``y = a + b x + c z`` on which most points lie, ``(a, b, c)``.

    Points off the plane count less and less (Huber's weights). A slope that little
    movement says little about stays small.

    Args:
        points: Lowest joints, camera axes, metres, ``(N, 3)``.
    """
    middle = np.median(points, axis=0)
    x, y, z = (points - middle).T
    columns = np.stack([np.ones_like(x), x, z], axis=-1)
    brake = np.diag([0.0, 1.0, 1.0]) * len(points) * _LITTLE_MOVEMENT_M**2
    weights = np.ones(len(points))
    for _ in range(10):
        weighted = columns * weights[:, None]
        plane = np.linalg.solve(weighted.T @ columns + brake, weighted.T @ y)
        miss = np.abs(y - columns @ plane)
        scale = max(1.5 * float(np.median(miss)), 0.01)
        weights = np.minimum(1.0, scale / np.maximum(miss, 1e-9))
    slope = plane[1:] * min(1.0, _MOST_TILT / max(np.linalg.norm(plane[1:]), 1e-9))
    level = plane[0] + middle[1] - slope @ middle[[0, 2]]
    return np.array([level, *slope])


def _floor(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and origin of the scene from joints ``(F, 17, 3)``."""
    lowest = np.take_along_axis(
        joints, joints[..., 1].argmax(axis=-1)[:, None, None], axis=1
    )[:, 0]
    level, slope_x, slope_z = fit_floor(lowest)
    down = np.array([[-slope_x, 1.0, -slope_z]])
    rotation = swing(np.array([0.0, 1.0, 0.0]), down)[0].T
    middle = np.quantile(lowest, [0.02, 0.98], axis=0).mean(axis=0)
    middle[1] = level + slope_x * middle[0] + slope_z * middle[2]
    return rotation, rotation @ middle


def _sample(track: LiftedTrack, num_tracks: int) -> np.ndarray:
    """Some joints of a track in the camera's frame, ``(F, 17, 3)``."""
    assert track.root is not None
    frames = _sampled_frames(track, num_tracks)
    joints = np.asarray(track.poses[frames]) + np.asarray(track.root[frames])[:, None]
    return joints[np.isfinite(joints).all(axis=(-1, -2))].astype(np.float64)


def _sampled_frames(track: LiftedTrack, num_tracks: int) -> np.ndarray:
    number = min(len(track), max(_SAMPLES // num_tracks, 20))
    return np.linspace(0, len(track) - 1, number).round().astype(int)


def _has_roots(track: LiftedTrack) -> bool:
    return track.root is not None and bool(np.isfinite(track.root).all(axis=-1).any())


def _slot(index: int, number: int) -> tuple[float, float]:
    columns = min(number, _COLUMNS)
    rows = -(-number // columns)
    row, column = divmod(index, columns)
    x = (column - (columns - 1) / 2) * _DISTANCE_M
    return x, (row - (rows - 1) / 2) * _DISTANCE_M
