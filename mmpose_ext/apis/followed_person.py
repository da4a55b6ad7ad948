"""A person who is followed from frame to frame: motion, pose and colours so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.apis.tracklets import Tracklet


@dataclass
class FollowedPerson:
    """What is known of a person who is followed.

    The box moves with constant velocity between detections; a g-h filter (alpha-beta
    filter; Kalata, IEEE Transactions on Aerospace and Electronic Systems, 1984)
    corrects position and velocity by them.

    Attributes:
        tracklet: The present stretch of detections.
        box: Filtered, ``x1, y1, x2, y2`` in pixels, ``(4,)``.
        time: Of the last detection, seconds.
        keypoints: Of the last detection, pixels ``(17, 2)``.
        keypoint_scores: Of the last detection, ``(17,)``.
        colours: Running mean of histograms, 0 if there is none.
        velocity: Pixels a second, ``(2,)``.
        seen: Detections so far.
        touches: Whether the person touched another one and has not parted.
    """

    tracklet: Tracklet
    box: np.ndarray
    time: float
    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    colours: np.ndarray
    velocity: np.ndarray
    seen: int = 1
    touches: bool = False

    @classmethod
    def at_first_sight(
        cls, tracklet: Tracklet, people: FramePeople, row: int
    ) -> FollowedPerson:
        """A person who was not known."""
        return cls(
            tracklet=tracklet,
            box=people.boxes[row].astype(float),
            time=tracklet.first_time,
            keypoints=people.keypoints[row],
            keypoint_scores=people.keypoint_scores[row],
            colours=people.colours[row],
            velocity=np.zeros(2),
        )

    def shift(self, time: float) -> np.ndarray:
        """How far the person is expected to have moved until then, ``(2,)``."""
        return self.velocity * (time - self.time)

    def expected_box(self, time: float) -> np.ndarray:
        """Where the box is expected then, ``(4,)``."""
        return self.box + np.tile(self.shift(time), 2)

    def correct(
        self, time: float, people: FramePeople, row: int, options: TrackingOptions
    ) -> None:
        """Correct motion and pose by a detection."""
        expected = self.expected_box(time)
        deviation = people.boxes[row] - expected
        centre = (deviation[:2] + deviation[2:]) / 2
        # The second detection says what the velocity is; later ones only correct it.
        gain = options.velocity_gain if self.seen > 1 else 1.0
        self.velocity = self.velocity + gain * centre / (time - self.time)
        self.box = expected + options.position_gain * deviation
        self.time = time
        self.seen += 1
        self.keypoints = people.keypoints[row]
        self.keypoint_scores = people.keypoint_scores[row]

    def remember(
        self, frame: int, people: FramePeople, row: int, options: TrackingOptions
    ) -> None:
        """Add a detection to the tracklet, and its colours unless somebody touches."""
        self.tracklet.add(frame, self.time, people.boxes[row], self.velocity)
        colours = people.colours[row]
        if self.touches or not colours.any():
            return
        self.tracklet.add_colours(colours)
        gain = options.colour_gain if self.colours.any() else 1.0
        self.colours = (1 - gain) * self.colours + gain * colours
