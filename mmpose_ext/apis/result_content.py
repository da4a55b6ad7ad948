"""What files of results hold, whatever their format: a header and arrays a track."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmpose_ext.geometry import H36M17, Skeleton
from mmpose_ext.geometry.joint_maps_out import (
    from_h36m17,
    output_skeleton,
    scores_from_h36m17,
)
from mmpose_ext.structures.tracks import ClipCamera, LiftedClip, LiftedTrack

FORMAT, VERSION = 'mmpose_ext.lifted_clip', 1
CHUNK = 1024
"""Frames that a writer holds at a time."""

UNITS = {
    'poses': 'metres',
    'root': 'metres',
    'keypoints': 'pixels',
    'boxes': 'pixels: x1, y1, x2, y2',
    'times': 'seconds since the first frame',
    'confidence': 'from 0 to 1',
    'scores': 'from 0 to 1',
}
FRAME = (
    'camera: x right, y down, z forward; poses are relative to the root joint, and '
    'poses + root lies in the frame of the camera'
)

_K = H36M17.num_joints
_SHAPES: dict[str, tuple[int, ...]] = {
    'frames': (),
    'poses': (_K, 3),
    'confidence': (_K,),
    'root': (3,),
    'keypoints': (_K, 2),
    'scores': (_K,),
    'filled': (),
    'boxes': (4,),
}


class TrackArray(NamedTuple):
    """An array of a track, a part at a time.

    Attributes:
        name: ``poses``, ``poses_coco17`` and the like.
        shape: Of the whole array, ``(F, ...)``.
        dtype: Of the array.
        parts: Makes its parts, along axis 0.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    parts: Callable[[], Iterator[np.ndarray]]


def clip_header(clip: LiftedClip, skeleton: str = 'h36m17') -> dict[str, Any]:
    """All of a clip but its arrays, as JSON can hold it."""
    camera = clip.camera
    header: dict[str, Any] = {
        'format': FORMAT,
        'version': VERSION,
        'units': UNITS,
        'frame': FRAME,
        'skeleton': _skeleton_entry(H36M17),
        'fps': float(clip.fps),
        'image_size': [int(side) for side in clip.image_size],
        'camera': camera
        and {
            'f': [float(value) for value in camera.f],
            'c': [float(value) for value in camera.c],
            'source': camera.source,
        },
        'source': clip.source,
        'lifter': clip.lifter,
    }
    if skeleton != H36M17.name:
        header['further_skeleton'] = _skeleton_entry(output_skeleton(skeleton))
    return header


def seen_tracks(clip: LiftedClip) -> list[LiftedTrack]:
    """The tracks of a clip that have a frame."""
    return [track for track in clip.tracks if len(track)]


def track_arrays(track: LiftedTrack, skeleton: str = 'h36m17') -> list[TrackArray]:
    """The arrays of a track; those of another skeleton are mapped part by part."""

    def whole(name: str) -> TrackArray:
        array = getattr(track, name)
        return TrackArray(name, array.shape, array.dtype, lambda: _parts(array))

    names = [name for name in _SHAPES if getattr(track, name) is not None]
    arrays = [whole(name) for name in names]
    if skeleton == H36M17.name:
        return arrays
    joints = output_skeleton(skeleton).num_joints
    real = np.dtype(np.float32)
    arrays.append(
        TrackArray(
            f'poses_{skeleton}',
            (len(track), joints, 3),
            real,
            lambda: (from_h36m17(p, skeleton) for p in _parts(track.poses)),
        )
    )
    arrays.append(
        TrackArray(
            f'confidence_{skeleton}',
            (len(track), joints),
            real,
            lambda: (scores_from_h36m17(p, skeleton) for p in _parts(track.confidence)),
        )
    )
    return arrays


def clip_from_content(
    path: Any,
    header: Mapping[str, Any],
    times: np.ndarray,
    tracks: Sequence[tuple[int, Mapping[str, np.ndarray]]],
) -> LiftedClip:
    """Put a clip together from what a file holds.

    Args:
        path: The file, for messages.
        header: As of :func:`clip_header`.
        times: Of all frames, ``(N,)``.
        tracks: Number of each person, and its arrays by name.

    Raises:
        ValueError: If something is missing or does not fit.
    """
    try:
        camera = header['camera']
        return LiftedClip(
            tracks=tuple(_track(path, number, arrays) for number, arrays in tracks),
            times=np.asarray(times, dtype=np.float64),
            fps=float(header['fps']),
            image_size=(int(header['image_size'][0]), int(header['image_size'][1])),
            camera=camera
            and ClipCamera(tuple(camera['f']), tuple(camera['c']), camera['source']),
            source=header['source'],
            lifter=header['lifter'],
        )
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f'{path} is no whole file of results: {error!r} is missing or wrong; write '
            'it again with write_results'
        ) from error


def check_header(path: Any, header: Any) -> Mapping[str, Any]:
    """A header of this package, in a version that it reads.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(header, Mapping) or header.get('format') != FORMAT:
        raise ValueError(
            f'{path} holds no results of this package; expected a file that '
            'write_results wrote'
        )
    if header.get('version') != VERSION:
        raise ValueError(
            f'{path} has version {header.get("version")}; this release reads version '
            f'{VERSION}'
        )
    return header


def _track(path: Any, number: int, arrays: Mapping[str, np.ndarray]) -> LiftedTrack:
    length = len(arrays['frames'])
    for name, shape in _SHAPES.items():
        if name in arrays and arrays[name].shape != (length, *shape):
            raise ValueError(
                f'{path}: {name} of person {number} has shape {arrays[name].shape}; '
                f'expected {(length, *shape)}'
            )
    fields = {name: arrays[name] for name in _SHAPES if name != 'root'}
    return LiftedTrack(track_id=int(number), root=arrays.get('root'), **fields)


def _parts(array: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(array), CHUNK):
        yield np.asarray(array[start : start + CHUNK])


def _skeleton_entry(skeleton: Skeleton) -> dict[str, Any]:
    return {
        'name': skeleton.name,
        'joint_names': list(skeleton.joint_names),
        'parents': list(skeleton.parents),
    }
