"""Who is who from frame to frame.

People of a frame are paired with those of the frames before by where their box is
expected, how their keypoints lie and what colours they wear, all pairs of a frame at
once (Hungarian method). Doubtful boxes may go on with a person but not start one, as in
ByteTrack (Zhang et al., ECCV 2022). The tracker looks at past frames only; tracklets
are joined over the whole clip by :mod:`mmpose_ext.apis.track_joining`.
"""

from __future__ import annotations

import numpy as np

from mmpose_ext.apis.association import (
    assign,
    box_area,
    box_iou,
    joint_confidence,
    keypoint_similarity,
)
from mmpose_ext.apis.followed_person import FollowedPerson
from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.apis.tracklets import Tracklet, distance_in_heights, likeness

NOBODY = -1
"""Number of a detection that belongs to no person."""


class PersonTracker:
    """Follow people frame by frame.

    Times are those of the frames, so a variable rate does no harm. Memory is bounded by
    the number of people in the picture, if tracklets that have ended are taken.

    Args:
        options: See there.
    """

    def __init__(self, options: TrackingOptions | None = None) -> None:
        self.options = options or TrackingOptions()
        self._people: list[FollowedPerson] = []
        self._ended: list[Tracklet] = []
        self._num_tracklets = 0
        self._num_persons = 0
        self._time = -np.inf

    def update(
        self, frame: int, time: float, people: FramePeople
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take the next frame.

        Args:
            frame: Its number.
            time: Its time in seconds, later than the last one's.
            people: Who was detected.

        Returns:
            For each detection the number of the person and that of the tracklet, both
            ``(P,)``; :data:`NOBODY` for doubtful boxes and second detections.

        Raises:
            ValueError: If the time is not later than the last one.
        """
        if not time > self._time:
            raise ValueError(
                f'frame {frame} at {time} s after one at {self._time} s; times increase'
            )
        self._time = time
        self._forget(time)
        rows, columns = assign(
            self._affinity(people, time), self.options.least_affinity
        )
        found = {
            int(column): self._people[row]
            for row, column in zip(rows, columns, strict=True)
        }
        gaps = {column: time - person.time for column, person in found.items()}
        for column, person in found.items():
            person.correct(time, people, column, self.options)
        for column in self._newcomers(people, list(found)):
            found[column] = self._start(frame, time, people, column)
        parted = self._parted(time)
        for column, person in found.items():
            gap = gaps.get(column, 0.0)
            if id(person) in parted or gap > self.options.memory:
                self._cut(person, frame, time, people.boxes[column])
            person.remember(frame, people, column, self.options)
        persons, tracklets = np.full((2, len(people)), NOBODY)
        for column, person in found.items():
            persons[column] = person.tracklet.person
            tracklets[column] = person.tracklet.number
        return persons, tracklets

    def take_ended(self) -> list[Tracklet]:
        """Tracklets that have ended since the last call; they are not kept here."""
        ended, self._ended = self._ended, []
        return ended

    def finish(self) -> list[Tracklet]:
        """End all tracklets, and take them as :meth:`take_ended` does."""
        self._ended += [person.tracklet for person in self._people]
        self._people = []
        return self.take_ended()

    def _forget(self, time: float) -> None:
        """End people who have not been detected for too long."""
        limit = time - self.options.max_age
        self._ended += [p.tracklet for p in self._people if p.time < limit]
        self._people = [p for p in self._people if p.time >= limit]

    def _expected(self, time: float) -> np.ndarray:
        """Where everybody's box is expected, ``(N, 4)``."""
        return np.reshape([p.expected_box(time) for p in self._people], (-1, 4))

    def _affinity(self, people: FramePeople, time: float) -> np.ndarray:
        """How well people and detections fit, ``(N, M)``; minus infinity if too far.

        The mean of overlap, keypoint similarity and likeness of colours. The first two
        count less, the longer a person has not been detected; keypoints count by their
        scores, which are low where somebody is just entering the picture.
        """
        known = self._people
        if not (known and len(people)):
            return np.zeros((len(known), len(people)))
        expected = self._expected(time)
        age = np.array([time - person.time for person in known])[:, None]
        place = box_iou(expected, people.boxes)
        pose = keypoint_similarity(
            np.stack([p.keypoints + p.shift(time) for p in known]),
            people.keypoints,
            box_area(people.boxes),
            np.stack([p.keypoint_scores for p in known]),
            people.keypoint_scores,
        )
        trust = joint_confidence(
            np.stack([p.keypoint_scores for p in known]), people.keypoint_scores
        )
        colour = likeness(np.stack([p.colours for p in known]), people.colours)
        recent = np.exp(-age / self.options.memory)
        total = recent * (place + trust * pose) + np.nan_to_num(colour)
        affinity = total / (recent * (1 + trust) + ~np.isnan(colour))
        reach = 0.5 + self.options.max_speed * age
        near = distance_in_heights(expected, people.boxes) <= reach
        return np.where(near, affinity, -np.inf)

    def _newcomers(self, people: FramePeople, taken: list[int]) -> list[int]:
        """Detections that start a person."""
        similarity = keypoint_similarity(
            people.keypoints,
            people.keypoints,
            box_area(people.boxes),
            people.keypoint_scores,
            people.keypoint_scores,
        )
        accepted, newcomers = list(taken), []
        for column in np.argsort(-people.scores, kind='stable').tolist():
            if column in taken or people.scores[column] < self.options.birth_score:
                continue
            if (similarity[column, accepted] > self.options.duplicate).any():
                continue
            accepted.append(column)
            newcomers.append(column)
        return newcomers

    def _start(
        self, frame: int, time: float, people: FramePeople, column: int
    ) -> FollowedPerson:
        """A person who was not known."""
        box = people.boxes[column]
        tracklet = self._tracklet(self._num_persons, None, frame, time, box)
        person = FollowedPerson.at_first_sight(tracklet, people, column)
        self._num_persons += 1
        self._people.append(person)
        return person

    def _tracklet(
        self,
        person: int,
        predecessor: int | None,
        frame: int,
        time: float,
        box: np.ndarray,
    ) -> Tracklet:
        self._num_tracklets += 1
        return Tracklet(self._num_tracklets - 1, person, predecessor, frame, time, box)

    def _parted(self, time: float) -> set[int]:
        """People who touched somebody and do no longer, by identity."""
        boxes = self._expected(time)
        overlap = box_iou(boxes, boxes)
        np.fill_diagonal(overlap, 0)
        parted = set()
        for person, most in zip(
            self._people, overlap.max(axis=1, initial=0), strict=True
        ):
            if most > self.options.touching:
                person.touches = True
            elif person.touches and most < self.options.parted and person.time == time:
                person.touches = False
                parted.add(id(person))
        return parted

    def _cut(
        self, person: FollowedPerson, frame: int, time: float, box: np.ndarray
    ) -> None:
        """Go on with a new tracklet."""
        old = person.tracklet
        self._ended.append(old)
        person.tracklet = self._tracklet(old.person, old.number, frame, time, box)
