"""What a network sees of a track: frame rate, framing, normalisation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from mmpose_ext.apis.camera_space import rotation_to
from mmpose_ext.datasets.keypoint_clip import (
    PersonFraming,
    interpolate_frames,
    person_framing,
)
from mmpose_ext.models.normalized_cameras import NormalizedCameras
from mmpose_ext.structures.tracks import ClipCamera, PersonTrack

Allocate = Callable[[tuple[int, ...]], np.ndarray]
"""Makes an array of float32 of a shape."""

_FRAMING_SAMPLES = 4096


class FrameGrid(NamedTuple):
    """Times at which a track is lifted, against its frames.

    Attributes:
        sources: Where the M times of the grid are in frames of the track, ``(M,)``.
        positions: Where the frames of the track are in times of the grid, ``(F,)``.
    """

    sources: np.ndarray
    positions: np.ndarray


def frame_grid(
    number: int, times: np.ndarray | None = None, rate: float | None = None
) -> FrameGrid:
    """Times of a constant rate, or the frames themselves.

    Args:
        number: Frames of the track, F.
        times: Of the frames, seconds, increasing, ``(F,)``.
        rate: Of the grid in Hz; with ``None`` it is that of the track.

    Raises:
        ValueError: If the rate is not positive or times do not increase.
    """
    frames = np.arange(number, dtype=np.float64)
    if rate is None:
        return FrameGrid(frames, frames)
    if times is None or not rate > 0 or (np.diff(times) <= 0).any():
        raise ValueError(
            f'model_fps={rate}; expected a positive rate and times that increase'
        )
    elapsed = times - times[0]
    steps = int(np.ceil(elapsed[-1] * rate - 1e-6)) + 1
    return FrameGrid(
        np.interp(np.arange(steps) / rate, elapsed, frames), elapsed * rate
    )


def track_times(
    track: PersonTrack, fps: float | None, times: np.ndarray | None, reason: str
) -> np.ndarray:
    """Seconds of the frames of a track, ``(F,)``.

    Raises:
        ValueError: If neither a rate nor times are known, or they do not fit.
    """
    if times is not None:
        if int(track.frames[-1]) >= len(times):
            raise ValueError(
                f'track {track.track_id} reaches frame {int(track.frames[-1])}, but '
                f'there are times of {len(times)} frames'
            )
        return np.asarray(times, dtype=np.float64)[track.frames]
    if not fps or fps <= 0:
        raise ValueError(
            f'{reason} needs the frame rate of the keypoints, got fps={fps}; give fps '
            '(frames a second), or times'
        )
    return np.asarray(track.frames) / fps


@dataclass(frozen=True)
class Picture:
    """The picture that the keypoints of a track lie in when a network sees them.

    Attributes:
        size: Width and height, pixels.
        framing: From the clip to the picture; ``None`` if it is the clip's own.
        intrinsics: Focal lengths and principal point in normalised units, as
            :class:`~mmpose_ext.models.normalized_cameras.NormalizedCameras` has them,
            ``(4,)`` float32; ``None`` without a camera.
        rotation: From the axes of the network's poses to those of the camera,
            ``(3, 3)``; ``None`` where they are the same.
        camera: Of the clip.
    """

    size: tuple[float, float]
    framing: PersonFraming | None = None
    intrinsics: np.ndarray | None = None
    rotation: np.ndarray | None = None
    camera: ClipCamera | None = None

    @classmethod
    def of_track(
        cls,
        track: PersonTrack,
        image_size: tuple[float, float],
        person_height: float | None,
        camera: ClipCamera | None,
    ) -> Picture:
        """The picture of a track; a long one is framed by frames spread over it.

        Raises:
            ValueError: If the image has no size.
        """
        step = -(-len(track) // _FRAMING_SAMPLES)
        keypoints = np.asarray(track.keypoints[::step])
        name = f'track {track.track_id}'
        return cls.of_keypoints(keypoints, image_size, person_height, camera, name)

    @classmethod
    def of_keypoints(
        cls,
        keypoints: np.ndarray,
        image_size: tuple[float, float],
        person_height: float | None,
        camera: ClipCamera | None,
        name: str,
    ) -> Picture:
        """The picture that frames keypoints ``(F, K, 2)``, pixels.

        Keypoints that all lie in one point have no size that could be made another: the
        framing of the clip is kept, with a warning.

        Args:
            keypoints: Of a person, all finite.
            image_size: Width and height in pixels.
            person_height: The person's size in the picture, in (0, 1]; ``None`` to keep
                the framing of the clip.
            camera: Of the clip.
            name: Of the person, for the warning.

        Raises:
            ValueError: If the image has no size.
        """
        width, height = image_size
        if not (width > 0 and height > 0):
            raise ValueError(f'image_size={image_size}; expected positive numbers')
        framing = None
        if person_height is not None:
            framing = _framing(keypoints, person_height, name)
        if framing is None:
            row = None
            if camera is not None:
                row = _normalized(camera.f, camera.c, width, height)
            return cls((width, height), intrinsics=row, camera=camera)
        size, row, rotation = framing.size, None, None
        if camera is not None:
            # The middle of the picture is the axis of a camera that looks there.
            f = (camera.f[0] * framing.scale, camera.f[1] * framing.scale)
            row = _normalized(f, (size / 2, size / 2), size, size)
            rotation = rotation_to(framing.centre, camera)
        return cls((size, size), framing, row, rotation, camera)

    def encoded(
        self, keypoints: np.ndarray, scores: np.ndarray, codec: Any
    ) -> np.ndarray:
        """Inputs ``(F, K, C)`` from pixels ``(F, K, 2)`` and scores ``(F, K)``."""
        if self.framing is not None:
            keypoints = self.framing(keypoints)
        size = dict(zip('wh', self.size, strict=True))
        return codec.encode(keypoints, scores, camera_param=size)['keypoint_labels']

    def to_camera(self, poses: np.ndarray) -> np.ndarray:
        """Poses ``(..., 3)`` of the network in the axes of the camera."""
        if self.rotation is None:
            return poses
        return poses @ self.rotation.T.astype(poses.dtype)


class TrackInputs:
    """Windows' worth of a track, encoded when asked for.

    Args:
        track: Without missing joints.
        codec: Of the network.
        grid: Times at which the track is lifted.
        picture: The picture that it lies in.
    """

    def __init__(
        self, track: PersonTrack, codec: Any, grid: FrameGrid, picture: Picture
    ) -> None:
        self.track, self.codec, self.picture = track, codec, picture
        self.sources = grid.sources

    def __len__(self) -> int:
        """Times of the grid."""
        return len(self.sources)

    def encoded(self, start: int, stop: int) -> np.ndarray:
        """Inputs ``(stop - start, K, C)`` at some times of the grid."""
        sources = self.sources[start:stop]
        first, last = int(sources[0]), int(np.ceil(sources[-1]))
        keypoints, scores = (
            interpolate_frames(np.asarray(rows[first : last + 1]), sources - first)
            for rows in (self.track.keypoints, self.track.scores)
        )
        return self.picture.encoded(keypoints, scores, self.codec)


def cameras_of(
    pictures: Sequence[Picture], device: torch.device
) -> NormalizedCameras | None:
    """Cameras of windows in normalised units; ``None`` if one is not known."""
    rows = [picture.intrinsics for picture in pictures]
    known = [row for row in rows if row is not None]
    if len(known) < len(rows):
        return None
    f, c = torch.from_numpy(np.stack(known)).to(device).split((2, 2), dim=-1)
    return NormalizedCameras(f, c)


def _framing(keypoints: np.ndarray, height: float, name: str) -> PersonFraming | None:
    """The framing of a person; ``None`` for one without a size."""
    try:
        return person_framing(keypoints, height=height)
    except ValueError as error:
        warnings.warn(
            f'{name}: {error}; the framing of the clip is kept, and the poses say '
            'little',
            stacklevel=5,
        )
        return None


def _normalized(
    f: tuple[float, float], c: tuple[float, float], width: float, height: float
) -> np.ndarray:
    shift = np.array([1, height / width])
    f_and_c = 2 * np.array([*f, *c]) / width - [0, 0, *shift]
    return f_and_c.astype(np.float32)
