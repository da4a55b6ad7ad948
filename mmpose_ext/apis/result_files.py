"""Write the 3D poses of a clip for people and for programs, and read them again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from mmpose_ext.apis.bvh import write_bvh_folder
from mmpose_ext.apis.result_content import seen_tracks
from mmpose_ext.apis.result_json import read_json, write_json_results
from mmpose_ext.apis.result_npz import read_npz, write_npz
from mmpose_ext.geometry.joint_maps_out import output_skeleton
from mmpose_ext.structures.tracks import LiftedClip
from mmpose_ext.visualization.html_viewer import write_html_viewer
from mmpose_ext.visualization.lifted_video import write_lifted_video

FORMATS: tuple[str, ...] = ('npz', 'json', 'bvh', 'html', 'mp4')
"""What :func:`write_results` can write, in the order in which it does."""

VIEWER_PICTURES = 300
"""Small pictures of the video that the HTML viewer holds at most."""

_READERS: dict[str, Callable[[Path], LiftedClip]] = {
    '.npz': read_npz,
    '.json': read_json,
}


def write_results(
    clip: LiftedClip,
    out_dir: str | os.PathLike,
    *,
    formats: Sequence[str] = FORMATS,
    video: str | os.PathLike | None = None,
    skeleton: str = 'h36m17',
    viewer_pictures: int = VIEWER_PICTURES,
    progress: bool = True,
) -> dict[str, Path]:
    """Write the 3D poses of a clip.

    Files are named after the clip's source: ``squats_3d.npz``, ``squats_3d.json``,
    ``squats_3d.html``, ``squats_3d.mp4`` and a folder ``squats_3d_bvh`` with one file a
    person. Each is whole or absent, and those that are written stay if a later one
    fails. Nothing holds the whole clip in memory.

    Args:
        clip: What a lifter made.
        out_dir: Folder of the files; made if missing.
        formats: Some of :data:`FORMATS`.
        video: The clip's video, for the pictures under the 2D joints. Without it they
            lie on a plain ground.
        skeleton: ``'h36m17'``, or another one of
            :data:`~mmpose_ext.geometry.joint_maps_out.OUTPUT_SKELETONS`, whose joints
            NPZ and JSON then hold as well.
        viewer_pictures: Small pictures of the video inside the HTML viewer, evenly
            spaced; 0 for none.
        progress: Whether to show progress bars.

    Returns:
        The file of each format; the folder of ``'bvh'``.

    Raises:
        ValueError: If a format or the skeleton is unknown, the clip has no people, or
            the video is another one.
        FileNotFoundError: If there is no such video.
    """
    _check(clip, formats)
    output_skeleton(skeleton)
    if video is not None and not Path(video).is_file():
        raise FileNotFoundError(f'there is no video {video}')
    stem = f'{Path(clip.source).stem or "clip"}_3d'
    folder = Path(out_dir)
    writers: dict[str, Callable[[Path], None]] = {
        'npz': lambda path: write_npz(path, clip, skeleton=skeleton, progress=progress),
        'json': lambda path: write_json_results(
            path, clip, skeleton=skeleton, progress=progress
        ),
        'bvh': lambda path: write_bvh_folder(path, clip, progress=progress),
        'html': lambda path: write_html_viewer(
            path, clip, video=video, pictures=viewer_pictures, progress=progress
        ),
        'mp4': lambda path: write_lifted_video(
            path, clip, video=video, progress=progress
        ),
    }
    written = {}
    for name in FORMATS:
        if name in formats:
            path = folder / (f'{stem}_bvh' if name == 'bvh' else f'{stem}.{name}')
            writers[name](path)
            written[name] = path
    return written


def read_results(path: str | os.PathLike) -> LiftedClip:
    """Read a clip that :func:`write_results` wrote.

    Args:
        path: An ``.npz`` or ``.json`` file. JSON holds rounded numbers: 0.01 mm, 0.01
            pixels, scores to 0.001.

    Returns:
        The clip, joints of Human3.6M, whatever further skeleton the file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a file.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f'there is no file {path}')
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise ValueError(
            f'{path} cannot be read back; give the {" or ".join(_READERS)} file that '
            'was written beside it'
        )
    return reader(file)


def _check(clip: LiftedClip, formats: Sequence[str]) -> None:
    if isinstance(formats, str) or not formats or not set(formats) <= set(FORMATS):
        raise ValueError(f'formats={formats!r}; expected some of {FORMATS}')
    if not seen_tracks(clip):
        raise ValueError(f'{clip.source or "the clip"} has no people to write')
