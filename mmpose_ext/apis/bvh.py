"""Motion as BVH files, for Blender and other animation programs.

One file a person, from the first to the last frame of the clip, so that people who are
imported together keep time. Before the person comes, after it went and while it is
away, it holds its nearest earlier (at first, its first) pose. Metres and degrees; y up,
x to the right, z towards the camera. A person whose place is known stands where the
camera saw it, with the camera at the origin; else the lowest joint is on the floor.
Bones have the median of their lengths, since BVH bones cannot stretch. BVH has one
frame rate: a clip of varying rate plays at its mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.progress import track as progress_bar

from mmpose_ext.apis.result_content import CHUNK
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.geometry import H36M17
from mmpose_ext.geometry.euler_angles import continuous_euler
from mmpose_ext.geometry.joint_rotations import (
    RIG,
    RigNode,
    camera_to_y_up,
    rig_rotations,
)
from mmpose_ext.structures.tracks import LiftedClip, LiftedTrack

_FILE_NAME = 'person_{}.bvh'
_BONE_SAMPLES = 4096


def write_bvh_folder(path: Path, clip: LiftedClip, *, progress: bool = True) -> None:
    """Write one BVH file a person: ``person_0.bvh`` and so on.

    Args:
        path: The folder; made if missing. Such files of people who are not in the clip
            are removed, since they are of an earlier run.
        clip: What a lifter made. Tracks of one number are one person.
        progress: Whether to show a progress bar.
    """
    path.mkdir(parents=True, exist_ok=True)
    people = sorted({track.track_id for track in clip.tracks if len(track)})
    for number in progress_bar(people, 'BVH', disable=not progress):
        tracks = [track for track in clip.tracks if track.track_id == number]
        file = path / _FILE_NAME.format(number)
        write_bvh(file, tracks, num_frames=len(clip), fps=clip.fps)
    written = {_FILE_NAME.format(number) for number in people}
    for file in path.glob(_FILE_NAME.format('*')):
        if re.fullmatch(r'person_\d+\.bvh', file.name) and file.name not in written:
            file.unlink()


def write_bvh(
    path: Path, tracks: Sequence[LiftedTrack], *, num_frames: int, fps: float
) -> None:
    """Write the motion of one person as BVH, atomically.

    Args:
        path: Destination.
        tracks: The person's tracks; those without a frame do not count.
        num_frames: Frames of the clip.
        fps: Frames a second.

    Raises:
        ValueError: If no track has a frame, or one lies outside of the clip.
    """
    parts = sorted((t for t in tracks if len(t)), key=lambda part: int(part.frames[0]))
    if not parts:
        raise ValueError(f'there is no frame to write into {path}')
    if parts[0].frames[0] < 0 or parts[-1].frames[-1] >= num_frames:
        raise ValueError(
            f'the person is seen from frame {parts[0].frames[0]} to '
            f'{parts[-1].frames[-1]}, but the clip has {num_frames} frames'
        )
    with atomic_path(path) as temporary, temporary.open('w', encoding='ascii') as file:
        file.write(_hierarchy(median_bone_lengths(parts)))
        file.write(f'MOTION\nFrames: {num_frames}\nFrame Time: {1 / fps:.8f}\n')
        next_frame, line = 0, ''
        for frame, own_line in _motion_lines(parts):
            if frame < next_frame:
                continue  # tracks of one person that overlap
            file.write((line or own_line) * (frame - next_frame))
            file.write(own_line)
            next_frame, line = frame + 1, own_line
        file.write(line * (num_frames - next_frame))


def median_bone_lengths(tracks: Sequence[LiftedTrack]) -> np.ndarray:
    """Median distance of each joint to its parent, metres, ``(17,)``; 0 for the root.

    It is that of all frames, or of some thousands that are spread evenly over longer
    tracks.
    """
    parents = [max(parent, 0) for parent in H36M17.parents]
    step = -(-sum(map(len, tracks)) // _BONE_SAMPLES)
    poses = np.concatenate([np.asarray(track.poses[::step]) for track in tracks])
    lengths = np.linalg.norm(poses - poses[:, parents], axis=-1)
    return np.median(lengths.astype(np.float32), axis=0)


def _hierarchy(lengths: np.ndarray) -> str:
    """The first section: nodes depth first, bones that end in a leaf as end sites."""
    lines = ['HIERARCHY']

    def add(index: int, depth: int) -> None:
        node, indent = RIG[index], '\t' * depth
        above = RIG[node.parent] if node.parent >= 0 else node
        offset = _offset(above, lengths) if node.start == above.end else np.zeros(3)
        children = [i for i, other in enumerate(RIG) if other.parent == index]
        rotations = ' '.join(f'{axis}rotation' for axis in node.order)
        if node.parent < 0:
            channels = f'6 Xposition Yposition Zposition {rotations}'
        else:
            channels = f'3 {rotations}'
        kind = 'ROOT' if node.parent < 0 else 'JOINT'
        lines.extend([f'{indent}{kind} {node.name}', indent + '{'])
        lines.append(f'{indent}\tOFFSET {_numbers(offset)}')
        lines.append(f'{indent}\tCHANNELS {channels}')
        for child in children:
            add(child, depth + 1)
        if not children:
            end = _numbers(_offset(node, lengths))
            lines.extend([f'{indent}\tEnd Site', f'{indent}\t{{'])
            lines.extend([f'{indent}\t\tOFFSET {end}', f'{indent}\t}}'])
        lines.append(indent + '}')

    add(0, 0)
    return '\n'.join(lines) + '\n'


def _offset(node: RigNode, lengths: np.ndarray) -> np.ndarray:
    """From a node to the end of its bone at rest, ``(3,)``."""
    return np.array(node.rest) * lengths[node.end]


def _motion_lines(tracks: Sequence[LiftedTrack]) -> Iterator[tuple[int, str]]:
    """Frame and line of each frame of some tracks."""
    angles: np.ndarray | None = None
    place: np.ndarray | None = None
    orders = [node.order for node in RIG]
    for frames, camera_poses, roots in _chunks(tracks):
        poses = camera_to_y_up(camera_poses.astype(np.float64))
        euler = continuous_euler(rig_rotations(poses), orders, angles)
        places = _root_places(poses, roots, place)
        angles, place = euler[-1], places[-1]
        rows = np.concatenate([places, euler.reshape(len(euler), -1)], axis=-1)
        for frame, row in zip(frames.tolist(), rows, strict=True):
            yield frame, _numbers(row) + '\n'


def _root_places(
    poses: np.ndarray, roots: np.ndarray | None, previous: np.ndarray | None
) -> np.ndarray:
    """Where the root stands, y up, ``(F, 3)``; unknown places are those before."""
    standing = np.zeros_like(poses[:, 0])
    standing[:, 1] = -poses[..., 1].min(axis=1)
    if roots is None:
        return standing
    places = camera_to_y_up(roots.astype(np.float64))
    known = np.isfinite(places).all(axis=-1)
    last = np.maximum.accumulate(np.where(known, np.arange(len(places)), -1))
    start = previous
    if start is None:
        start = places[known.argmax()] if known.any() else standing[0]
    return np.where((last >= 0)[:, None], places[np.maximum(last, 0)], start)


def _chunks(
    tracks: Sequence[LiftedTrack],
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Frames ``(F,)``, poses and roots of some tracks, a part at a time."""
    for track in tracks:
        for start in range(0, len(track), CHUNK):
            part = slice(start, start + CHUNK)
            roots = None if track.root is None else np.asarray(track.root[part])
            yield np.asarray(track.frames[part]), np.asarray(track.poses[part]), roots


def _numbers(values: np.ndarray) -> str:
    return ' '.join(f'{value:.6f}' for value in values.tolist())
