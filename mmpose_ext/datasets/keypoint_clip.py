"""One person's 2D keypoints of a clip, from a file of any 2D estimator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmpose_ext.datasets.array_files import read_json_or_npz
from mmpose_ext.datasets.clip_fields import (
    VideoPlace,
    frame_rate_field,
    image_size_field,
    joint_set_field,
    score_field,
)
from mmpose_ext.datasets.predicted_instances import (
    arrays_of_instances,
    is_predicted_instances,
)
from mmpose_ext.geometry.joint_maps import scores_to_h36m17, to_h36m17

# The channel of an array that is the score, where it does not come after x and y.
_SCORE_CHANNEL = {'blazepose33': 3}


@dataclass(frozen=True)
class KeypointClip:
    """Keypoints of one person, joints of Human3.6M.

    Attributes:
        keypoints: Pixels ``(F, 17, 2)``; NaN where a joint is missing.
        scores: Confidence ``(F, 17)``, or ``None`` where the source has none.
        image_size: Width and height in pixels, if known.
        fps: Frames a second, if known; the mean where the rate varies.
        first_frame: Number of the first frame in the video that it is of.
        times: Seconds since the start of the video of its frames up to the last of
            this clip, ``(first_frame + F,)``, increasing, if known.
        filled: Frames whose joints were interpolated already ``(F,)``, if known.
    """

    keypoints: np.ndarray
    scores: np.ndarray | None = None
    image_size: tuple[float, float] | None = None
    fps: float | None = None
    first_frame: int = 0
    times: np.ndarray | None = None
    filled: np.ndarray | None = None


def read_keypoints(
    path: str | os.PathLike, joint_set: str | None = 'h36m17'
) -> KeypointClip:
    """Read keypoints of a clip.

    Args:
        path: A ``.json`` or ``.npz`` file. It holds an array ``(F, K, C)``, or by name
            ``keypoints`` ``(F, K, C)`` and optionally ``scores`` ``(F, K)``,
            ``image_size`` ``(2,)``, ``fps`` and ``joints``, the name of the joint set,
            and for parts of a video ``frames`` ``(F,)``, consecutive numbers, their
            ``times`` ``(F,)`` in seconds and ``filled`` ``(F,)``. Channels are x, y
            and, if there are more, a score from 0 to 1; for ``'blazepose33'`` x, y, z,
            visibility, of which z is not used. Missing joints are NaN (``null`` in
            JSON). Predictions of MMPose are read too, see
            :mod:`~mmpose_ext.datasets.predicted_instances`.
        joint_set: One of :data:`~mmpose_ext.geometry.joint_maps.JOINT_SETS`; ``None``
            for the one that the file names, ``'coco17'`` if it names none.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or names another joint set.
    """
    return keypoint_clip(read_json_or_npz(path), joint_set, source=str(path))


def keypoint_clip(
    content: Mapping[str, Any] | Sequence[Any] | np.ndarray,
    joint_set: str | None = 'h36m17',
    *,
    source: str = 'keypoints',
) -> KeypointClip:
    """Keypoints of a clip from arrays.

    Args:
        content: What :func:`read_keypoints` expects in a file.
        joint_set: As there.
        source: For messages.

    Raises:
        ValueError: If it is not that.
    """
    fields = _fields(content, source)
    joint_set = joint_set_field(fields, joint_set, source)
    array = _frames(source, fields, joint_set, channels=2)
    keypoints = to_h36m17(array[..., :2], joint_set)
    _check_pixels(keypoints, source)
    scores = fields.get('scores')
    channel = _SCORE_CHANNEL.get(joint_set, 2)
    if scores is None and array.shape[-1] > channel:
        scores = array[..., channel]
    if scores is not None:
        scores = scores_to_h36m17(
            score_field(scores, array.shape[:2], source), joint_set
        )
    place = VideoPlace.of_fields(fields, len(array), source)
    return KeypointClip(
        keypoints,
        scores,
        image_size_field(fields, source),
        frame_rate_field(fields, source) or place.mean_rate,
        place.first_frame,
        place.times,
        place.filled,
    )


def read_poses(path: str | os.PathLike, joint_set: str | None = 'h36m17') -> np.ndarray:
    """Read 3D poses of a clip, minus their root.

    Args:
        path: As for :func:`read_keypoints`, with ``poses`` as the name and at least
            three channels: camera axes (x right, y down, z forward), metres.
        joint_set: As for :func:`read_keypoints`.

    Returns:
        Poses ``(F, 17, 3)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, names another joint set, or its values
            are not finite.
    """
    fields = _fields(read_json_or_npz(path), str(path))
    joint_set = joint_set_field(fields, joint_set, str(path))
    array = _frames(str(path), fields, joint_set, channels=3)
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise ValueError(
            f'{path}: poses are NaN or infinite, first in frame {frame}; a reference '
            'has no gaps'
        )
    poses = to_h36m17(array[..., :3], joint_set)
    return poses - poses[:, :1]


def interpolate_frames(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Values between frames, linear in time.

    Args:
        values: One for each frame, ``(F, ...)``.
        positions: Times in frames, from 0 to F - 1, ``(M,)``.

    Returns:
        Values ``(M, ...)`` of the same type.
    """
    before = np.clip(np.floor(positions).astype(int), 0, max(len(values) - 2, 0))
    after = np.minimum(before + 1, len(values) - 1)
    share = (positions - before).reshape(-1, *[1] * (values.ndim - 1))
    return ((1 - share) * values[before] + share * values[after]).astype(values.dtype)


@dataclass(frozen=True)
class PersonFraming:
    """Moves and scales a clip so that the person is as large as in other data.

    Attributes:
        centre: What becomes the middle of the picture, pixels of the clip.
        scale: Pixels of the picture for one of the clip.
        size: Side of the picture, which is a square, in pixels.
    """

    centre: tuple[float, float]
    scale: float
    size: float

    def __call__(self, keypoints: np.ndarray) -> np.ndarray:
        """Pixels of the picture ``(..., 2)`` from those of the clip."""
        moved = (keypoints - np.array(self.centre)) * self.scale + self.size / 2
        return moved.astype(keypoints.dtype)


def person_framing(
    keypoints: np.ndarray, *, height: float, size: float = 1000.0
) -> PersonFraming:
    """The framing that makes a person of a clip as large as wanted.

    One similarity for all frames: the person's size (the larger side of the bounding
    box, that of nine tenths of the frames or less) becomes ``height``, and the boxes'
    median centre the middle of a square image.

    Args:
        keypoints: Pixels ``(F, K, 2)``.
        height: Size of the person as a share of the image's width.
        size: Side of the square image in pixels.

    Raises:
        ValueError: If the height is not in (0, 1] or all keypoints are one point.
    """
    if not 0 < height <= 1:
        raise ValueError(f'height={height}; expected a share of the image in (0, 1]')
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    extent = float(np.quantile((high - low).max(axis=-1), 0.9))
    if not extent > 0:
        raise ValueError('all keypoints lie in one point, so the person has no size')
    x, y = np.median((low + high) / 2, axis=0).tolist()
    return PersonFraming((x, y), height * size / extent, size)


def _fields(content: Any, source: str) -> Mapping[str, Any]:
    """Arrays by name."""
    if is_predicted_instances(content):
        return arrays_of_instances(content, source)
    return content if isinstance(content, Mapping) else {'keypoints': content}


def _check_pixels(keypoints: np.ndarray, source: str) -> None:
    """Refuse what cannot be pixels of a person.

    Raises:
        ValueError: If no joint is known, or all lie between -2 and 2.
    """
    largest = np.nanmax(np.abs(keypoints), initial=-np.inf)
    if largest < 0:
        raise ValueError(
            f'{source}: there is no valid joint in the {len(keypoints)} frames, all '
            'are NaN or infinite'
        )
    if 0 < largest <= 2:
        raise ValueError(
            f'{source}: keypoints lie between {np.nanmin(keypoints):.3g} and '
            f'{np.nanmax(keypoints):.3g}, like shares of the image; expected pixels: '
            "multiply x by the image's width and y by its height"
        )


def _frames(
    source: str,
    fields: Mapping[str, Any],
    joint_set: str,
    *,
    channels: int,
) -> np.ndarray:
    """The array ``(F, K, C)`` of a file or call, NaN where it is infinite."""
    names = ('poses', 'keypoints') if channels == 3 else ('keypoints',)
    name = next((name for name in names if name in fields), None)
    if name is None:
        raise ValueError(
            f'{source} holds {sorted(fields)}; expected {names[0]!r}, an array '
            '(F, K, C), or predictions that MMPose wrote'
        )
    try:
        array = np.asarray(fields[name], dtype=np.float32)
    except (TypeError, ValueError) as error:  # ragged, text, dictionaries
        raise ValueError(f'{source}: {name} is no array (F, K, C): {error}') from error
    if array.ndim != 3 or not len(array) or array.shape[-1] < channels:
        raise ValueError(
            f'{source}: {name} has shape {array.shape}; expected (F, K, C) with at '
            f'least one frame and C of at least {channels}'
        )
    array = np.where(np.isfinite(array), array, np.float32(np.nan))
    to_h36m17(array[:1, :, :2], joint_set)  # says what does not fit
    return array
