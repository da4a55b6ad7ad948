"""One HTML page that shows a clip in 2D and 3D, with nothing to install or to fetch.

Program, style and data lie inside the page. It may not fetch anything: its content
security policy forbids that. Numbers are packed: poses in steps of 0.1 mm, keypoints in
steps of 1/16384 of the image's longer side, both as 16-bit integers in base64; 10,000
frames of one person are about 3 MB.
"""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Callable, Iterator
from importlib import resources
from typing import IO, TYPE_CHECKING, Any

import cv2
import numpy as np
from rich.progress import track as progress_bar

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.geometry import H36M17
from mmpose_ext.visualization.person_colours import PERSON_COLOURS
from mmpose_ext.visualization.scene_layout import SceneLayout, lay_out
from mmpose_ext.visualization.video import read_video

if TYPE_CHECKING:
    from mmpose_ext.structures.tracks import LiftedClip, LiftedTrack

_CHUNK = 3 * 1024
"""Frames packed at a time; a multiple of 3, so that base64 needs no filling between."""

_POSE_STEP_M = 1e-4
_PICTURE_WIDTH, _PICTURE_QUALITY = 400, 60
_DATA = '__DATA__'


def write_html_viewer(
    path: str | os.PathLike,
    clip: LiftedClip,
    *,
    video: str | os.PathLike | None = None,
    pictures: int = 0,
    progress: bool = True,
) -> None:
    """Write the page, atomically.

    Args:
        path: Destination.
        clip: What a lifter made.
        video: The clip's video, if pictures of it are wanted.
        pictures: How many small pictures of the video the page holds at most, evenly
            spaced; each takes about 15 kB.
        progress: Whether to show a progress bar.

    Raises:
        FileNotFoundError: If there is no such video.
        ValueError: If the video has fewer frames than the clip.
    """
    layout = lay_out(clip)
    before, after = _page(clip.source or 'Clip').split(_DATA)
    with atomic_path(path) as temporary, temporary.open('w', encoding='utf-8') as file:
        file.write(before)
        file.write(_json(_header(clip, layout)).removesuffix('}'))
        file.write(',"times":"')
        _write_packed(file, clip.times, '<f4', len(clip))
        file.write('","tracks":[')
        tracks = [track for track in clip.tracks if len(track)]
        bar = progress_bar(tracks, 'HTML', disable=not progress)
        for number, track in enumerate(bar):
            file.write(',' if number else '')
            _write_track(file, track, layout, clip.image_size)
        file.write('],"pictures":[')
        if video is not None and pictures > 0:
            small = _small_pictures(clip, video, pictures, progress)
            for number, (frame, picture) in enumerate(small):
                file.write(',' if number else '')
                file.write(_json([frame, base64.b64encode(picture).decode('ascii')]))
        file.write(f']}}{after}')


def keypoint_step(image_size: tuple[int, int]) -> float:
    """Step in which keypoints are packed, pixels."""
    return max(image_size) / 16384


def _page(title: str) -> str:
    """The page without its data."""
    folder = resources.files('mmpose_ext.visualization') / 'viewer'
    page, style, program = (
        (folder / name).read_text(encoding='utf-8')
        for name in ('viewer.html', 'viewer.css', 'viewer.js')
    )
    page = page.replace('__STYLE__', style).replace('__PROGRAM__', program)
    return page.replace('__TITLE__', html.escape(title).replace(_DATA, ''))


def _header(clip: LiftedClip, layout: SceneLayout) -> dict[str, Any]:
    return {
        'source': clip.source,
        'lifter': clip.lifter,
        'fps': float(clip.fps),
        'imageSize': [int(side) for side in clip.image_size],
        'camera': clip.camera and clip.camera.source,
        'located': layout.located,
        'reach': layout.reach,
        'tall': layout.tall,
        'slots': {str(person): slot for person, slot in layout.slots.items()},
        'joints': list(H36M17.joint_names),
        'bones': [list(edge) for edge in H36M17.edges],
        'sides': list(H36M17.sides),
        'colours': [list(colour) for colour in PERSON_COLOURS],
        'poseStep': _POSE_STEP_M,
        'keypointStep': keypoint_step(clip.image_size),
    }


def _write_track(
    file: IO[str],
    track: LiftedTrack,
    layout: SceneLayout,
    image_size: tuple[int, int],
) -> None:
    step = keypoint_step(image_size)
    columns: dict[str, tuple[Any, str, Callable[[np.ndarray], np.ndarray]]] = {
        'poses': (track.poses, '<i2', lambda p: _steps(layout.turn(p), _POSE_STEP_M)),
        'confidence': (track.confidence, 'u1', _bytes),
        'keypoints': (track.keypoints, '<i2', lambda p: _steps(p, step)),
        'scores': (track.scores, 'u1', _bytes),
        'filled': (track.filled, 'u1', lambda p: p),
    }
    if layout.located:
        columns['roots'] = (track.root, '<f4', layout.place_roots)
    first = int(track.frames[0])
    file.write(f'{{"id":{track.track_id},"first":{first},"length":{len(track)}')
    for name, (array, dtype, convert) in columns.items():
        file.write(f',"{name}":"')
        _write_packed(file, array, dtype, len(track), convert)
        file.write('"')
    file.write('}')


def _write_packed(
    file: IO[str],
    array: np.ndarray,
    dtype: str,
    length: int,
    convert: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> None:
    """Write an array as base64 of little-endian numbers."""
    for start in range(0, length, _CHUNK):
        part = convert(np.asarray(array[start : start + _CHUNK])).astype(dtype)
        file.write(base64.b64encode(part.tobytes()).decode('ascii'))


def _small_pictures(
    clip: LiftedClip, video: str | os.PathLike, number: int, progress: bool
) -> Iterator[tuple[int, bytes]]:
    """Frame and JPEG of some frames of a video."""
    step = -(-len(clip) // number)
    frames = range(0, len(clip), step)
    images = zip(frames, read_video(video, len(clip), step=step), strict=True)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _PICTURE_QUALITY]
    bar = progress_bar(images, 'Pictures', total=len(frames), disable=not progress)
    for frame, image in bar:
        scale = min(1.0, _PICTURE_WIDTH / image.shape[1])
        size = (
            max(round(image.shape[1] * scale), 1),
            max(round(image.shape[0] * scale), 1),
        )
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        yield frame, cv2.imencode('.jpg', small, quality)[1].tobytes()


def _steps(values: np.ndarray, step: float) -> np.ndarray:
    return np.clip(np.rint(np.nan_to_num(values) / step), -32767, 32767)


def _bytes(scores: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(scores, 0, 1))


def _json(content: Any) -> str:
    """JSON that cannot end the element of the page in which it lies."""
    return json.dumps(content, allow_nan=False).replace('<', '\\u003c')
