"""One person's 2D keypoints of a clip, from a file of any 2D estimator."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.geometry.joint_maps import scores_to_h36m17, to_h36m17

# The channel of an array that is the score, where it does not come after x and y.
_SCORE_CHANNEL = {'blazepose33': 3}


@dataclass(frozen=True)
class KeypointClip:
    """Keypoints of one person, joints of Human3.6M.

    Attributes:
        keypoints: Pixels ``(F, 17, 2)``.
        scores: Confidence ``(F, 17)``, or ``None`` where the source has none.
        image_size: Width and height in pixels, if known.
        fps: Frames a second, if known.
    """

    keypoints: np.ndarray
    scores: np.ndarray | None = None
    image_size: tuple[float, float] | None = None
    fps: float | None = None


def read_keypoints(path: str | os.PathLike, joint_set: str = 'h36m17') -> KeypointClip:
    """Read keypoints of a clip.

    Args:
        path: A ``.json`` or ``.npz`` file. It holds an array ``(F, K, C)``, or by name
            ``keypoints`` ``(F, K, C)`` and optionally ``scores`` ``(F, K)``,
            ``image_size`` and ``fps``. Channels are x, y and, if there are more, a
            score from 0 to 1; for ``'blazepose33'`` x, y, z, visibility, of which z is
            not used.
        joint_set: ``'h36m17'``, ``'coco17'``, ``'openpose18'`` or ``'blazepose33'``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or its values are not finite.
    """
    fields = _read_fields(path)
    array = _frames(path, fields, joint_set, channels=2)
    scores = fields.get('scores')
    channel = _SCORE_CHANNEL.get(joint_set, 2)
    if scores is None and array.shape[-1] > channel:
        scores = array[..., channel]
    if scores is not None:
        scores = np.asarray(scores, dtype=np.float32)
        if scores.shape != array.shape[:2] or not ((scores >= 0) & (scores <= 1)).all():
            raise ValueError(
                f'{path}: scores have shape {scores.shape} and lie in '
                f'[{scores.min():g}, {scores.max():g}]; expected shape '
                f'{array.shape[:2]} and numbers from 0 to 1'
            )
        scores = scores_to_h36m17(scores, joint_set)
    size, fps = fields.get('image_size'), fields.get('fps')
    return KeypointClip(
        to_h36m17(array[..., :2], joint_set),
        scores,
        None if size is None else (float(size[0]), float(size[1])),
        None if fps is None else float(fps),
    )


def read_poses(path: str | os.PathLike, joint_set: str = 'h36m17') -> np.ndarray:
    """Read 3D poses of a clip, minus their root.

    Args:
        path: As for :func:`read_keypoints`, with ``poses`` as the name and at least
            three channels: camera axes (x right, y down, z forward), metres.
        joint_set: As for :func:`read_keypoints`.

    Returns:
        Poses ``(F, 17, 3)``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file, or its values are not finite.
    """
    array = _frames(path, _read_fields(path), joint_set, channels=3)
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


def frame_person(
    keypoints: np.ndarray, *, height: float, size: float = 1000.0
) -> np.ndarray:
    """Move and scale a clip so that the person is as large as in other data.

    One similarity for all frames: the person's size (the larger side of the bounding
    box, that of nine tenths of the frames or less) becomes ``height``, and the boxes'
    median centre the middle of a square image.

    Args:
        keypoints: Pixels ``(F, K, 2)``.
        height: Size of the person as a share of the image's width.
        size: Side of the square image in pixels.

    Returns:
        Pixels of that image, ``(F, K, 2)``.

    Raises:
        ValueError: If the height is not in (0, 1] or all keypoints are one point.
    """
    if not 0 < height <= 1:
        raise ValueError(f'height={height}; expected a share of the image in (0, 1]')
    low, high = keypoints.min(axis=1), keypoints.max(axis=1)
    extent = np.quantile((high - low).max(axis=-1), 0.9)
    if not extent > 0:
        raise ValueError('all keypoints lie in one point, so the person has no size')
    centre = np.median((low + high) / 2, axis=0)
    moved = (keypoints - centre) * (height * size / extent) + size / 2
    return moved.astype(keypoints.dtype)


def _read_fields(path: str | os.PathLike) -> Mapping[str, Any]:
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    try:
        if file.suffix == '.npz':
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        content = json.loads(file.read_text(encoding='utf-8'))
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f'{path} cannot be read as .json or .npz: {error}') from error
    return content if isinstance(content, dict) else {'keypoints': content}


def _frames(
    path: str | os.PathLike,
    fields: Mapping[str, Any],
    joint_set: str,
    *,
    channels: int,
) -> np.ndarray:
    """The array ``(F, K, C)`` of a file."""
    names = ('poses', 'keypoints') if channels == 3 else ('keypoints',)
    name = next((name for name in names if name in fields), None)
    if name is None:
        raise ValueError(f'{path} holds {sorted(fields)}; expected {names[0]!r}')
    try:
        array = np.asarray(fields[name], dtype=np.float32)
    except ValueError as error:  # ragged
        raise ValueError(f'{path}: {name} is no array (F, K, C): {error}') from error
    if array.ndim != 3 or not len(array) or array.shape[-1] < channels:
        raise ValueError(
            f'{path}: {name} has shape {array.shape}; expected (F, K, C) with at least '
            f'one frame and C of at least {channels}'
        )
    if not np.isfinite(array).all():
        frame = int(np.argwhere(~np.isfinite(array))[0, 0])
        raise ValueError(
            f'{path}: {name} is NaN or infinite, first in frame {frame}; fill in '
            'missing joints and give them a low score'
        )
    to_h36m17(array[:1, :, :2], joint_set)  # says what does not fit
    return array
