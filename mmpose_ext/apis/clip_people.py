"""The people of a clip, followed from frame to frame and gathered into tracks."""

from __future__ import annotations

from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.gap_filling import GapOptions
from mmpose_ext.apis.track_joining import JoiningOptions, join_tracklets
from mmpose_ext.apis.track_spool import TrackSpool
from mmpose_ext.apis.tracked_clip import TrackedClip
from mmpose_ext.apis.tracking import PersonTracker
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.apis.tracklets import Tracklet
from mmpose_ext.apis.video_frames import VideoFrame, mean_fps


class ClipPeople:
    """Takes frames one by one, and gives the people of the clip at the end.

    Args:
        spool: Where detections are kept.
        tracking: How people are followed.
        joining: How tracklets are joined.
        gaps: How gaps are filled.
    """

    def __init__(
        self,
        spool: TrackSpool,
        *,
        tracking: TrackingOptions | None = None,
        joining: JoiningOptions | None = None,
        gaps: GapOptions | None = None,
    ) -> None:
        self.spool = spool
        self.tracker = PersonTracker(tracking)
        self.joining = joining or JoiningOptions()
        self.gaps = gaps or GapOptions()
        self.image_size = (0, 0)
        self.num_boxes = 0
        self.best_score = 0.0
        self._tracklets: list[Tracklet] = []

    def add(self, frame: VideoFrame, people: FramePeople) -> None:
        """Take the next frame."""
        self.image_size = self.image_size if self.num_frames else frame.size
        _, tracklets = self.tracker.update(frame.index, frame.time, people)
        self.spool.append(frame.time, people, tracklets)
        self._tracklets += self.tracker.take_ended()
        self.num_boxes += len(people)
        self.best_score = max(self.best_score, float(people.scores.max(initial=0)))

    @property
    def num_frames(self) -> int:
        """Frames so far."""
        return self.spool.num_frames

    def clip(self, *, fps: float, source: str) -> TrackedClip:
        """Everybody, with gaps filled; nothing can be added any more.

        Args:
            fps: Frames a second if the clip has only one.
            source: Name of the video.
        """
        self._tracklets += self.tracker.finish()
        persons = join_tracklets(
            self._tracklets, self.image_size, self.num_frames, self.joining
        )
        times = self.spool.times
        return TrackedClip(
            tracks=self.spool.write_tracks(persons, self.gaps),
            times=times,
            fps=mean_fps(times, fps),
            image_size=self.image_size,
            source=source,
        )

    def why_nobody(self, boxes: str) -> str:
        """Why the clip has no tracks.

        Args:
            boxes: Where boxes came from, in words.
        """
        frames = f'{self.num_frames} frames'
        if not self.num_boxes:
            return (
                f'{boxes} gave no box of a person in {frames}; lower the score '
                'threshold of the detector or take another one, or give boxes of these '
                'frames, counted from 0'
            )
        if self.best_score < self.tracker.options.birth_score:
            return (
                f'{boxes} gave {self.num_boxes} boxes in {frames}, the best with a '
                f'score of {self.best_score:.2f}; following a person begins with a '
                f'score of {self.tracker.options.birth_score:g} (birth_score)'
            )
        return (
            f'{boxes} gave {self.num_boxes} boxes in {frames}, but nobody could be '
            f'followed for {self.joining.least_frames} frames (least_frames)'
        )
