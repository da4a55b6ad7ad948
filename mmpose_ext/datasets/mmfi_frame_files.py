"""Readers of the files of MM-Fi's release, one frame each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.io import loadmat

from mmpose_ext.datasets.mmfi_layout import CSI_SHAPE, IMAGE_SIZE

CSI_KEYS = {'amplitude': 'CSIamp', 'phase': 'CSIphase'}
"""Names of the arrays in a file of channel state."""
_FLOAT64_BYTES = 8
_PNG_BEGIN, _PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'


def read_keypoints(file: str | os.PathLike) -> np.ndarray:
    """Keypoints of a colour or infrared image ``(17, 2)``, pixels, float32."""
    keypoints = _load_npy(file)
    return _of_shape(keypoints, (17, 2), file).astype(np.float32)


def read_ground_truth(file: str | os.PathLike) -> np.ndarray:
    """Poses of a sequence ``(F, 17, 3)``, camera frame, metres, float32.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged, empty or not finite.
    """
    poses = _load_npy(file)
    if poses.ndim != 3 or poses.shape[1:] != (17, 3) or not len(poses):
        raise _damaged(file, f'it holds {list(poses.shape)}, expected [frames, 17, 3]')
    poses = poses.astype(np.float32)
    if not np.isfinite(poses).all():
        frame = int(np.argmin(np.isfinite(poses).all(axis=(1, 2))))
        raise _damaged(file, f'the pose of frame {frame + 1} is not finite')
    return poses


def read_points(file: str | os.PathLike, columns: int) -> np.ndarray:
    """Points ``(N, columns)``, float32; a file of 0 bytes holds none.

    Args:
        file: Float64 numbers, point by point.
        columns: Numbers a point: 3 of LiDAR, 5 of radar.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the size is no multiple of a point's.
    """
    content = Path(file).read_bytes()
    if len(content) % (_FLOAT64_BYTES * columns):
        raise _damaged(
            file,
            f'its {len(content)} bytes are no multiple of the '
            f'{_FLOAT64_BYTES * columns} of a point ({columns} float64 numbers)',
        )
    return np.frombuffer(content, '<f8').reshape(-1, columns).astype(np.float32)


def read_channel_state(
    file: str | os.PathLike, keys: tuple[str, ...] = ('amplitude',)
) -> tuple[np.ndarray, ...]:
    """Channel state as it was measured, with NaN and infinity in it.

    Args:
        file: MATLAB 5 file.
        keys: Of ``CSI_KEYS``.

    Returns:
        For each key an array ``(3, 114, 10)``, float64: antennas, sub-carriers,
        packets.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is damaged or lacks an array.
    """
    names = [CSI_KEYS[key] for key in keys]
    content: dict[str, Any] = {}
    with open(file, 'rb') as stream:
        try:
            content = loadmat(stream, variable_names=names)
        except Exception as error:  # scipy raises what it happens to stumble over
            raise _damaged(file, f'{type(error).__name__}: {error}') from error
    missing = [name for name in names if name not in content]
    if missing:
        raise _damaged(file, f'it lacks {missing}')
    return tuple(
        _of_shape(content[name], CSI_SHAPE, file).astype(np.float64) for name in names
    )


def read_depth(file: str | os.PathLike) -> np.ndarray:
    """Depth image ``(480, 640)``, millimetres, uint16."""
    content = np.frombuffer(Path(file).read_bytes(), np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if len(content) else None
    if image is None or image.dtype != np.uint16:
        raise _damaged(file, 'it is no image of 16 bits')
    return _of_shape(image, IMAGE_SIZE[::-1], file)


def check_depth(file: str | os.PathLike) -> None:
    """Look whether a depth image is whole, without decoding it.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no PNG or breaks off.
    """
    content = Path(file).read_bytes()
    if not (content.startswith(_PNG_BEGIN) and content.endswith(_PNG_END)):
        raise _damaged(file, 'it is no whole PNG')


def _load_npy(file: str | os.PathLike) -> np.ndarray:
    with open(file, 'rb') as stream:
        try:
            array = np.load(stream, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise _damaged(file, str(error)) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in 'fiu':
        raise _damaged(file, 'it does not hold an array of numbers')
    return array


def _of_shape(
    array: np.ndarray, shape: tuple[int, ...], file: str | os.PathLike
) -> np.ndarray:
    if array.shape != shape or array.dtype.kind not in 'fiu':
        raise _damaged(
            file, f'it holds {array.dtype} {list(array.shape)}, expected {list(shape)}'
        )
    return array


def _damaged(file: str | os.PathLike, reason: str) -> ValueError:
    return ValueError(f'{file} is damaged: {reason}; fetch it again')
