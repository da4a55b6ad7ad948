"""Detections and tracks of a video of any length, in files rather than in memory.

While a video is read, detections are appended to a file. Then they are sorted into one
file a track, a few thousand at a time; tracks are memory maps of these files. What
stays in memory is eight bytes a frame (its time) and what the tracklets need.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.gap_filling import GapOptions, fill_gaps
from mmpose_ext.apis.tracking import NOBODY
from mmpose_ext.geometry.skeletons import H36M17
from mmpose_ext.structures.tracks import PersonTrack

_K = H36M17.num_joints

_DETECTION = np.dtype(
    [
        ('frame', '<i8'),
        ('tracklet', '<i8'),
        ('box', '<f4', (4,)),
        ('keypoints', '<f4', (_K, 2)),
        ('scores', '<f4', (_K,)),
    ]
)
_ROW = np.dtype(
    [
        ('frame', '<i8'),
        ('box', '<f4', (4,)),
        ('keypoints', '<f4', (_K, 2)),
        ('scores', '<f4', (_K,)),
        ('filled', '?'),
    ]
)
_CHUNK = 4096


@dataclass
class _OpenTrack:
    """A track that is being written: its file, and the detection it ends with."""

    person: int
    path: Path
    last: np.ndarray


class TrackSpool:
    """Temporary files of one video's detections and tracks.

    Use it as a context: its end removes the files. Where the system lets a mapped file
    be removed (all but Windows, which keeps it until the process ends), tracks stay
    valid as long as they are referred to.

    Args:
        folder: Where to make a temporary folder; the system's place if ``None``.
    """

    def __init__(self, folder: str | os.PathLike | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix='mmpose_ext_', dir=folder, ignore_cleanup_errors=True
        )
        self._file = open(self.path / 'detections', 'wb+')
        self._times = array('d')
        self._num_arrays = 0

    def __enter__(self) -> TrackSpool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The temporary folder."""
        return Path(self._folder.name)

    @property
    def num_frames(self) -> int:
        """Frames so far."""
        return len(self._times)

    @property
    def times(self) -> np.ndarray:
        """Seconds of the frames so far, ``(N,)``."""
        return np.array(self._times)

    def close(self) -> None:
        """Remove the files."""
        self._file.close()
        self._folder.cleanup()

    def allocate(self, shape: tuple[int, ...]) -> np.ndarray:
        """A new array of zeros in a file, float32."""
        self._num_arrays += 1
        path = self.path / f'array_{self._num_arrays}'
        return np.memmap(path, np.float32, mode='w+', shape=shape)

    def append(self, time: float, people: FramePeople, tracklets: np.ndarray) -> None:
        """Add the next frame.

        Args:
            time: Seconds since the first frame.
            people: Who is in the frame.
            tracklets: Number of each one's tracklet, ``(P,)``; those of nobody are
                left out.
        """
        frame = len(self._times)
        self._times.append(time)
        chosen = tracklets != NOBODY
        rows = np.zeros(int(chosen.sum()), _DETECTION)
        rows['frame'] = frame
        rows['tracklet'] = tracklets[chosen]
        rows['box'] = people.boxes[chosen]
        rows['keypoints'] = people.keypoints[chosen]
        rows['scores'] = people.keypoint_scores[chosen]
        self._file.write(rows.tobytes())

    def write_tracks(
        self, persons: np.ndarray, options: GapOptions | None = None
    ) -> tuple[PersonTrack, ...]:
        """Sort the detections by people and fill gaps.

        Args:
            persons: Number of the person of each tracklet, by the tracklet's number.
            options: See there.

        Returns:
            Tracks by number of the person and time. A person who was away for long has
            several.
        """
        options = options or GapOptions()
        writer = _TrackWriter(self.path, self.times, options)
        for rows in self._chunks():
            owner = persons[rows['tracklet']]
            for person in np.unique(owner[owner != NOBODY]):
                writer.add(int(person), rows[owner == person])
        ordered = sorted(
            enumerate(writer.tracks), key=lambda item: (item[1].person, item[0])
        )
        return tuple(_map_track(track) for _, track in ordered)

    def _chunks(self) -> Iterator[np.ndarray]:
        """The detections so far, some thousands at a time."""
        self._file.flush()
        self._file.seek(0)
        try:
            while len(rows := np.fromfile(self._file, _DETECTION, _CHUNK)):
                yield rows
        finally:
            self._file.seek(0, os.SEEK_END)


class _TrackWriter:
    """Append each person's detections to the file of the track they continue."""

    def __init__(self, folder: Path, times: np.ndarray, options: GapOptions) -> None:
        self.folder, self.times, self.options = folder, times, options
        self.tracks: list[_OpenTrack] = []
        self._current: dict[int, _OpenTrack] = {}

    def add(self, person: int, rows: np.ndarray) -> None:
        track = self._current.get(person)
        if track is not None:
            rows = np.concatenate([track.last, rows])
        pauses = np.diff(self.times[rows['frame']]) > self.options.max_gap
        pieces = np.split(rows, np.flatnonzero(pauses) + 1)
        for number, piece in enumerate(pieces):
            continued = track is not None and number == 0
            dense = self._dense(piece)[int(continued) :]
            if not continued:
                path = self.folder / f'track_{len(self.tracks)}'
                track = _OpenTrack(person, path, piece[-1:])
                self.tracks.append(track)
                self._current[person] = track
            assert track is not None
            track.last = piece[-1:]
            with open(track.path, 'ab') as stream:
                stream.write(dense.tobytes())

    def _dense(self, rows: np.ndarray) -> np.ndarray:
        """Rows of all frames from the first detection to the last."""
        first, last = rows['frame'][0], rows['frame'][-1]
        measured = np.concatenate(
            [rows['box'], rows['keypoints'].reshape(-1, 2 * _K)], 1
        )
        values, scores, filled = fill_gaps(
            rows['frame'],
            measured,
            rows['scores'],
            self.times[first : last + 1],
            half_life=self.options.half_life,
        )
        dense = np.zeros(len(values), _ROW)
        dense['frame'] = np.arange(first, last + 1)
        dense['box'], dense['keypoints'] = (
            values[:, :4],
            values[:, 4:].reshape(-1, _K, 2),
        )
        dense['scores'], dense['filled'] = scores, filled
        return dense


def _map_track(track: _OpenTrack) -> PersonTrack:
    rows = np.memmap(track.path, _ROW, mode='r')
    return PersonTrack(
        track_id=track.person,
        frames=rows['frame'],
        keypoints=rows['keypoints'],
        scores=rows['scores'],
        filled=rows['filled'],
        boxes=rows['box'],
    )
