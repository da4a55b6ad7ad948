"""The people of a clip in 2D, and what is kept of a clip when lifting it fails."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmpose_ext.apis.result_npz import write_npz
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.geometry import H36M17
from mmpose_ext.structures.tracks import (
    ClipCamera,
    LiftedClip,
    LiftedTrack,
    PersonTrack,
)

FOLDER = 'keypoints_2d'
"""Where :func:`write_tracked_clip` writes, inside the folder of results."""

LIFTED_FILE = 'partial_3d.npz'
"""What was lifted before something failed, inside the folder of results."""

_FIELDS = ('keypoints', 'scores', 'frames', 'filled', 'boxes')


@dataclass(frozen=True)
class TrackedClip:
    """All people of a clip in 2D.

    Attributes:
        tracks: People, by number and time.
        times: Seconds since the first frame, of every frame read, ``(N,)``.
        fps: Frames a second; the mean where the rate varies.
        image_size: Width and height in pixels.
        source: Name of the video or keypoint file.
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

    def lifted(
        self, tracks: Sequence[LiftedTrack], *, camera: ClipCamera | None, lifter: str
    ) -> LiftedClip:
        """The clip in 3D.

        Args:
            tracks: People, or some of them.
            camera: Of the roots.
            lifter: Name of the config that lifted.
        """
        return LiftedClip(
            tracks=tuple(tracks),
            times=self.times,
            fps=self.fps,
            image_size=self.image_size,
            camera=camera,
            source=self.source,
            lifter=lifter,
        )


class PartialResultError(RuntimeError):
    """A clip was not lifted to its end, but something of it is known.

    Args:
        reason: What failed.
        clip: The people in 2D, as far as they were found.
        folder: Where they were written, if they were.
        lifted: Those of them that were lifted, as far as they were.

    Attributes:
        clip: As above.
        folder: As above.
        lifted: As above; ``None`` if nobody was.
    """

    def __init__(
        self,
        reason: str,
        clip: TrackedClip,
        folder: Path | None = None,
        lifted: LiftedClip | None = None,
    ) -> None:
        self.clip, self.folder, self.lifted = clip, folder, lifted
        super().__init__(f'{reason}. {self._what_is_kept()}')

    def _what_is_kept(self) -> str:
        clip, lifted, folder = self.clip, self.lifted, self.folder
        flat = f'2D keypoints of {clip.num_people} people in {len(clip.times)} frames'
        if folder is None:
            also = '' if lifted is None else '; what was lifted is in `lifted`'
            return (
                f'{flat} are in the attribute `clip` of this error{also}; give out_dir '
                'to have them written'
            )
        first = shlex.quote(str(folder / _file_names(clip)[0]))
        text = f'{flat} are kept: python demo/lift_keypoints.py {first} lifts the first'
        if lifted is not None:
            frames = sum(map(len, lifted))
            text += (
                f'. What was lifted before, {frames} poses of {len(lifted.tracks)} '
                f'tracks, is kept: read_results({str(folder.parent / LIFTED_FILE)!r})'
            )
        return text


def write_tracked_clip(clip: TrackedClip, out_dir: str | os.PathLike) -> Path:
    """Write one ``.npz`` file a track, each readable as a file of keypoints.

    Args:
        clip: People in 2D.
        out_dir: Folder of results.

    Returns:
        The folder of the files, named ``person_0.npz``, ``person_0_part_1.npz``, ... in
        the order of time. Each holds the arrays of the track, ``times`` of its frames,
        ``fps``, ``image_size`` and the name of its joint set, ``joints``.
    """
    folder = Path(out_dir) / FOLDER
    for name, track in zip(_file_names(clip), clip.tracks, strict=True):
        arrays = {field: getattr(track, field) for field in _FIELDS}
        with atomic_path(folder / name) as file:
            np.savez(
                file,
                **arrays,
                times=clip.times[track.frames[0] : track.frames[-1] + 1],
                fps=clip.fps,
                image_size=clip.image_size,
                joints=H36M17.name,
            )
    return folder


@contextmanager
def keep_people(
    clip: Callable[[], TrackedClip],
    stage: str,
    out_dir: str | os.PathLike | None,
    lifted: Callable[[], LiftedClip | None] = lambda: None,
) -> Iterator[None]:
    """Keep people if the block fails.

    Args:
        clip: Gives the people in 2D who are known then.
        stage: What the block does, for the message.
        out_dir: Folder to write them into, if any.
        lifted: Gives those who are lifted then, if any.

    Raises:
        PartialResultError: In place of the block's error, if there are people.
        KeyboardInterrupt: If the user interrupts, with the same message.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        people = clip()
        if not people.tracks:
            raise
        interrupted = isinstance(error, KeyboardInterrupt)
        reason = f'{stage} failed ({type(error).__name__}: {error})'
        if interrupted:
            reason = f'{stage} was interrupted'
        kept, folder = lifted(), None
        if out_dir is not None:
            try:
                folder = write_tracked_clip(people, out_dir)
                if kept is not None:
                    write_npz(Path(out_dir) / LIFTED_FILE, kept, progress=False)
            except OSError as problem:
                reason += f'; writing into {out_dir} failed too ({problem})'
                folder = None
        result = PartialResultError(reason, people, folder, kept)
        if interrupted:
            raise KeyboardInterrupt(str(result)) from error
        raise result from error


def _file_names(clip: TrackedClip) -> list[str]:
    """A name for each track: its person, and which part of it."""
    parts: dict[int, int] = {}
    names = []
    for track in clip.tracks:
        part = parts[track.track_id] = parts.get(track.track_id, -1) + 1
        names.append(f'person_{track.track_id}' + (f'_part_{part}' if part else ''))
    return [f'{name}.npz' for name in names]
