"""People of a clip in 2D and in 3D: what passes between the steps of lifting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

GIVEN, GUESSED = 'intrinsics', 'field_of_view'
"""Where a camera comes from: given by the user, or guessed from a field of view."""


@dataclass(frozen=True)
class ClipCamera:
    """A pinhole camera.

    Attributes:
        f: Focal lengths ``(fx, fy)``, pixels.
        c: Principal point ``(cx, cy)``, pixels.
        source: :data:`GIVEN`, or :data:`GUESSED`; distances along the optical axis
            are no better than the guess.

    Raises:
        ValueError: If these are not two positive focal lengths and a finite point.
    """

    f: tuple[float, float]
    c: tuple[float, float]
    source: str = GIVEN

    def __post_init__(self) -> None:
        f, c = np.asarray(self.f, np.float64), np.asarray(self.c, np.float64)
        if f.shape != (2,) or not ((f > 0) & np.isfinite(f)).all():
            raise ValueError(
                f'the focal lengths of the camera are {self.f}; expected fx and fy, '
                'two positive numbers of pixels'
            )
        if c.shape != (2,) or not np.isfinite(c).all():
            raise ValueError(
                f'the principal point of the camera is {self.c}; expected cx and cy, '
                'two finite numbers of pixels'
            )


@dataclass(frozen=True)
class PersonTrack:
    """One person's keypoints, of every frame from a first to a last one.

    A person who is away for long and comes back has several tracks with the same
    number, in the order of time; see :mod:`mmpose_ext.apis.gap_filling`.

    Attributes:
        track_id: Number of the person, from 0, the same in the whole clip.
        frames: Frames of the clip, consecutive, ``(F,)``, int.
        keypoints: Joints of Human3.6M, pixels, ``(F, 17, 2)``.
        scores: From 0 to 1, ``(F, 17)``; lowered in filled frames.
        filled: Frames without a detection, whose keypoints are interpolated, ``(F,)``,
            bool.
        boxes: ``x1, y1, x2, y2`` in pixels, ``(F, 4)``.
    """

    track_id: int
    frames: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray
    filled: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class LiftedTrack(PersonTrack):
    """A track with its 3D poses.

    Attributes:
        poses: Relative to the root, camera axes (x right, y down, z forward), metres,
            ``(F, 17, 3)``.
        confidence: Of each joint of ``poses``, from 0 to 1, ``(F, 17)``.
        root: Of the root in the camera's frame, metres, ``(F, 3)``; ``None`` without
            a camera.
    """

    poses: np.ndarray
    confidence: np.ndarray
    root: np.ndarray | None = None

    @property
    def poses_camera(self) -> np.ndarray:
        """Poses in the camera's frame, metres, ``(F, 17, 3)``.

        Raises:
            ValueError: If the root is not known.
        """
        if self.root is None:
            raise ValueError(
                'the root of this track is not known; lift it with intrinsics or with '
                'a field of view'
            )
        return self.poses + self.root[:, None]


@dataclass(frozen=True)
class LiftedClip:
    """All people of a clip in 3D.

    Attributes:
        tracks: People, by number.
        times: Seconds since the first frame, of every frame of the clip, ``(N,)``.
        fps: Frames a second; the mean where the rate varies.
        image_size: Width and height in pixels, after the rotation that the file asks
            for.
        camera: Of the roots; ``None`` if there are none.
        source: Name of the video or keypoint file.
        lifter: Name of the config that lifted.
    """

    tracks: tuple[LiftedTrack, ...]
    times: np.ndarray
    fps: float
    image_size: tuple[int, int]
    camera: ClipCamera | None = None
    source: str = ''
    lifter: str = ''

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[LiftedTrack]:
        return iter(self.tracks)
