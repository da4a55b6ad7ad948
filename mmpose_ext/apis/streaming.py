"""Lifting of a live stream: poses some frames after their keypoints."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from mmpose_ext.apis.camera_space import solve_roots
from mmpose_ext.apis.keypoint_lifter import PERSON_HEIGHT, KeypointLifter
from mmpose_ext.apis.lifting_options import LiftingOptions, PersonHeight
from mmpose_ext.apis.one_euro import OneEuro, OneEuroState, one_euro
from mmpose_ext.apis.person_stream import FinishedFrame, PersonStream
from mmpose_ext.apis.track_inputs import Picture
from mmpose_ext.structures.tracks import ClipCamera


@dataclass(frozen=True)
class StreamedFrame:
    """One person in one frame of a stream.

    Attributes:
        track_id: Number of the person.
        frame: Number of the push, from 0.
        time: As it was pushed, seconds.
        keypoints: Pixels ``(17, 2)``.
        scores: From 0 to 1, ``(17,)``.
        filled: Whether the person was missing and the keypoints are interpolated.
        pose: Relative to the root, camera axes, metres, ``(17, 3)``.
        confidence: As :meth:`KeypointLifter.lift_tracks` defines it, ``(17,)``.
        root: Camera frame, metres, ``(3,)``; ``None`` without a camera.
    """

    track_id: int
    frame: int
    time: float
    keypoints: np.ndarray
    scores: np.ndarray
    filled: bool
    pose: np.ndarray
    confidence: np.ndarray
    root: np.ndarray | None = None


class StreamingLifter:
    """Lifts people frame by frame, each frame ``look_ahead`` frames later.

        stream = StreamingLifter(lifter, (1280, 720), look_ahead=8)
        for time, people in camera:  # people: number -> (17, 2) or (17, 3)
            for person in stream.push(people, time):
                show(person.track_id, person.pose)

    Windows, their grid and their blending are those of
    :meth:`KeypointLifter.lift_tracks`, as far as they are complete: a frame is given
    out when ``look_ahead`` further frames are there, from the windows that end by then.
    Where those are all windows that see the frame, the result is that of the whole
    track at once: everywhere, if ``look_ahead`` is T plus ``max_gap`` or more. Before a
    person's first T frames are there, a padded window stands in.

    Differences from whole tracks: a framing is chosen for each window, since nobody
    knows where a person will go; and the frame rate is that of the stream, so choose a
    network for it. Memory is bounded: a few windows of keypoints a person.

    Nobody stops the others: where all keypoints of a window lie in one point, the
    window keeps the framing of the image, with a warning.

    Args:
        lifter: The network.
        image_size: Width and height in pixels.
        look_ahead: Frames between a frame and its pose, L; 0 for none. By default half
            a window.
        stride: Frames between windows, at most L + 1; by default half a window or
            L + 1, whichever is less.
        max_gap: Frames that a person may be missing and is still the same track, at
            most L, which is the default. They are interpolated.
        person_height: As for :meth:`KeypointLifter.lift_tracks`.
        camera: As there.
        smoothing: As there.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        lifter: KeypointLifter,
        image_size: tuple[float, float],
        *,
        look_ahead: int | None = None,
        stride: int | None = None,
        max_gap: int | None = None,
        person_height: PersonHeight = 'auto',
        camera: ClipCamera | None = None,
        smoothing: OneEuro | None = None,
    ) -> None:
        self.lifter, self.image_size = lifter, image_size
        self.camera, self.smoothing = camera, smoothing
        self.look_ahead = lifter.stride if look_ahead is None else look_ahead
        longest = min(self.look_ahead + 1, lifter.seq_len)
        self.stride = min(lifter.stride, longest) if stride is None else stride
        self.max_gap = self.look_ahead if max_gap is None else max_gap
        if (
            self.look_ahead < 0
            or not 1 <= self.stride <= longest
            or not 0 <= self.max_gap <= self.look_ahead
        ):
            raise ValueError(
                f'look_ahead={self.look_ahead}, stride={self.stride}, '
                f'max_gap={self.max_gap}; expected 0 or more, 1 to look_ahead + 1 and '
                f'to the {lifter.seq_len} frames of a window, 0 to look_ahead'
            )
        LiftingOptions(person_height=person_height)  # says what is out of range
        self._height = PERSON_HEIGHT if person_height == 'auto' else person_height
        self._people: dict[int, PersonStream] = {}
        self._filters: dict[int, OneEuroState | None] = {}
        self._times: deque[float] = deque(maxlen=self.look_ahead + self.max_gap + 2)
        self._frame = -1

    @property
    def held_frames(self) -> int:
        """Frames of people that are held now."""
        return sum(len(person) for person in self._people.values())

    def push(
        self, people: Mapping[int, np.ndarray], time: float
    ) -> list[StreamedFrame]:
        """Take the next frame of the stream.

        Args:
            people: Joints of Human3.6M of everybody in the frame, by number: pixels
                ``(17, 2)``, or with scores from 0 to 1 ``(17, 3)``; NaN where missing.
            time: Seconds, more than at the last push.

        Returns:
            Frames that are finished now, of all people.

        Raises:
            ValueError: If the time does not increase or shapes do not fit.
        """
        if self._times and not time > self._times[-1]:
            raise ValueError(
                f'time={time} after {self._times[-1]}; times of a stream increase'
            )
        self._frame += 1
        self._times.append(time)
        for number, joints in people.items():
            self._take_in(number, joints)
        gone = []
        for number, person in self._people.items():
            if person.last_frame < self._frame:
                person.miss()
            if person.missing > self.max_gap:
                gone.append(number)
        finished = self._end(gone)
        self._lift(self._people)
        for number, person in self._people.items():
            finished += self._given_out(number, person.finished())
        return finished

    def flush(self) -> list[StreamedFrame]:
        """End all tracks, as at the end of the stream, and give the rest out."""
        return self._end(list(self._people))

    def _take_in(self, number: int, joints: np.ndarray) -> None:
        joints = np.asarray(joints, dtype=np.float32)
        if joints.shape not in ((17, 2), (17, 3)):
            raise ValueError(
                f'person {number} has joints of shape {joints.shape}; expected (17, 2) '
                'or (17, 3), joints of Human3.6M (geometry.joint_maps makes them)'
            )
        if not np.isfinite(joints[:, :2]).all(axis=-1).any():
            return  # nothing seen of the person
        if number not in self._people:
            self._people[number] = PersonStream(
                first_frame=self._frame,
                seq_len=self.lifter.seq_len,
                stride=self.stride,
                look_ahead=self.look_ahead,
                max_gap=self.max_gap,
            )
            self._filters[number] = None
        scores = joints[:, 2] if joints.shape[1] == 3 else np.ones(17, np.float32)
        self._people[number].append(joints[:, :2], scores)

    def _end(self, numbers: list[int]) -> list[StreamedFrame]:
        """Finish tracks and forget them."""
        for number in numbers:
            self._people[number].end()
        self._lift(numbers)
        finished = []
        for number in numbers:
            frames = self._people[number].finished()
            finished += self._given_out(number, frames)
            del self._people[number], self._filters[number]
        return finished

    def _lift(self, numbers: Iterable[int]) -> None:
        """Lift the windows of people that are due, in one batch."""
        due = [
            (number, start)
            for number in numbers
            for start in self._people[number].due()
        ]
        if not due:
            return
        inputs, pictures = [], []
        for number, start in due:
            person = self._people[number]
            keypoints, scores = person.window(start)
            picture = Picture.of_keypoints(
                keypoints,
                self.image_size,
                self._height,
                self.camera,
                f'person {number}',
            )
            encoded = picture.encoded(keypoints, scores, self.lifter.codec)
            padding = self.lifter.seq_len - len(encoded)
            inputs.append(np.pad(encoded, ((0, padding), (0, 0), (0, 0)), mode='edge'))
            pictures.append(picture)
        poses = self.lifter.lift_windows(torch.from_numpy(np.stack(inputs)), pictures)
        rows = zip(due, poses.numpy(), pictures, strict=True)
        for (number, start), window, picture in rows:
            self._people[number].add(start, picture.to_camera(window))

    def _given_out(
        self, number: int, frames: Iterable[FinishedFrame]
    ) -> list[StreamedFrame]:
        return [self._streamed(number, frame) for frame in frames]

    def _streamed(self, number: int, row: FinishedFrame) -> StreamedFrame:
        """A frame with its root, filtered."""
        time = self._times[row.frame - self._frame - 1]
        root = None
        if self.camera is not None:
            batch = (row.pose[None], row.keypoints[None], row.confidence[None])
            root = solve_roots(batch[0], batch[1], self.camera, batch[2])[0]
        pose = row.pose
        if self.smoothing is not None:
            rest = [] if root is None else [root[None]]
            points = np.concatenate([pose, *rest])[None]
            state = self._filters[number]
            smooth, state = one_euro(points, np.array([time]), self.smoothing, state)
            self._filters[number] = state
            pose = smooth[0, : len(pose)]
            root = None if root is None else smooth[0, -1]
        return StreamedFrame(
            number,
            row.frame,
            time,
            row.keypoints,
            row.scores,
            row.filled,
            pose,
            row.confidence,
            root,
        )
