"""The people of a clip in 2D: what is kept when lifting them fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.structures.tracks import PersonTrack

FOLDER = 'keypoints_2d'
"""Where :func:`write_tracked_clip` writes, inside the folder of results."""


@dataclass(frozen=True)
class TrackedClip:
    """All people of a clip in 2D.

    Attributes:
        tracks: People, by number and time.
        times: Seconds since the first frame, of every frame read, ``(N,)``.
        fps: Frames a second; the mean where the rate varies.
        image_size: Width and height in pixels.
        source: Name of the video.
    """

    tracks: tuple[PersonTrack, ...]
    times: np.ndarray
    fps: float
    image_size: tuple[int, int]
    source: str

    @property
    def num_people(self) -> int:
        """How many people, of whom some may have several tracks."""
        return len({track.track_id for track in self.tracks})


class PartialResultError(RuntimeError):
    """A video was not lifted to its end, but people were found in it.

    Args:
        reason: What failed.
        clip: The people in 2D, as far as they were found.
        folder: Where they were written, if they were.
    """

    def __init__(self, reason: str, clip: TrackedClip, folder: Path | None) -> None:
        self.clip, self.folder = clip, folder
        kept = f'2D keypoints of {clip.num_people} people in {len(clip.times)} frames'
        where = (
            'are in the attribute `clip` of this error; give out_dir to have them '
            'written'
            if folder is None
            else f'are kept: python demo/lift_keypoints.py {folder}/person_0.npz '
            '--joints h36m17 lifts the first'
        )
        super().__init__(f'{reason}. {kept} {where}')


def write_tracked_clip(clip: TrackedClip, out_dir: str | os.PathLike) -> Path:
    """Write one ``.npz`` file a track, each readable as a file of keypoints.

    Args:
        clip: People in 2D.
        out_dir: Folder of results.

    Returns:
        The folder of the files, named ``person_0.npz``, ``person_0_part_1.npz``, ... in
        the order of time.
    """
    folder = Path(out_dir) / FOLDER
    parts: dict[int, int] = {}
    for track in clip.tracks:
        part = parts[track.track_id] = parts.get(track.track_id, -1) + 1
        name = f'person_{track.track_id}' + (f'_part_{part}' if part else '')
        with atomic_path(folder / f'{name}.npz') as file:
            np.savez(
                file,
                keypoints=track.keypoints,
                scores=track.scores,
                frames=track.frames,
                filled=track.filled,
                boxes=track.boxes,
                times=clip.times[track.frames[0] : track.frames[-1] + 1],
                fps=clip.fps,
                image_size=clip.image_size,
            )
    return folder


@contextmanager
def keep_people(
    clip: Callable[[], TrackedClip], stage: str, out_dir: str | os.PathLike | None
) -> Iterator[None]:
    """Keep people in 2D if the block fails.

    Args:
        clip: Gives the people who are known then.
        stage: What the block does, for the message.
        out_dir: Folder to write them into, if any.

    Raises:
        PartialResultError: In place of the block's error, if there are people. Only an
            interruption by the user goes on as it is.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        people = clip()
        if not people.tracks:
            raise
        folder = None if out_dir is None else write_tracked_clip(people, out_dir)
        if isinstance(error, KeyboardInterrupt):
            raise
        reason = f'{stage} failed ({type(error).__name__}: {error})'
        raise PartialResultError(reason, people, folder) from error
