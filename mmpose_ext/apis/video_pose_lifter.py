"""From a video to the 3D motion of everybody in it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.progress import Progress

from mmpose_ext.apis.camera_space import FIELD_OF_VIEW, guess_camera
from mmpose_ext.apis.clip_people import ClipPeople
from mmpose_ext.apis.frame_people import FramePeople
from mmpose_ext.apis.gap_filling import GapOptions
from mmpose_ext.apis.given_boxes import BoxSource, GivenBoxes, WholeImage
from mmpose_ext.apis.keypoint_estimation import KeypointEstimator
from mmpose_ext.apis.keypoint_lifter import KeypointLifter
from mmpose_ext.apis.one_euro import OneEuro
from mmpose_ext.apis.person_detection import PersonDetector
from mmpose_ext.apis.stage_clock import StageClock
from mmpose_ext.apis.streaming import StreamedFrame, StreamingLifter
from mmpose_ext.apis.track_joining import JoiningOptions
from mmpose_ext.apis.track_spool import TrackSpool
from mmpose_ext.apis.tracked_clip import TrackedClip, keep_people
from mmpose_ext.apis.tracking import NOBODY, PersonTracker
from mmpose_ext.apis.tracking_options import TrackingOptions
from mmpose_ext.apis.video_frames import (
    VideoFrame,
    batches,
    rate_varies,
    read_frames,
    video_info,
)
from mmpose_ext.structures.tracks import ClipCamera, LiftedClip

ConfigAndCheckpoint = tuple[str | os.PathLike, str | os.PathLike]


class VideoPoseLifter:
    """Detector, 2D estimator, tracker and lifter in a row.

    A video is read once, some frames at a time. What is found goes to temporary files,
    so memory hardly grows with the length of the video.

    Args:
        lifter: A lifter, or its config and checkpoint.
        pose2d: Config and checkpoint of a top-down 2D estimator of MMPose.
        detector: Config and checkpoint of a detector of MMDetection. Without one,
            ``run`` is given boxes, or takes each frame for a picture of one person.
        device: A GPU where there is one, if left out.
        amp: Run all networks in half precision (detector and 2D estimator on a GPU
            only).
        trust_checkpoint: Read checkpoints that hold objects of any type.
        score_threshold: Boxes with a lower score are left out.
        batch_size: Frames of a batch.
        person_batch_size: People of a batch of the 2D estimator.
        tracking: How people are followed.
        joining: How tracklets are joined to people.
        gaps: How gaps are filled.
        lifting: Further arguments of
            :meth:`~mmpose_ext.apis.keypoint_lifter.KeypointLifter.lift_tracks`, such as
            ``model_fps`` or ``stride``.

    Attributes:
        clock: Seconds of each stage of the last run.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a checkpoint does not fit, or an option is out of range.
    """

    def __init__(
        self,
        lifter: KeypointLifter | ConfigAndCheckpoint,
        pose2d: ConfigAndCheckpoint,
        detector: ConfigAndCheckpoint | None = None,
        *,
        device: str | None = None,
        amp: bool = False,
        trust_checkpoint: bool = False,
        score_threshold: float = 0.2,
        batch_size: int = 8,
        person_batch_size: int = 64,
        tracking: TrackingOptions | None = None,
        joining: JoiningOptions | None = None,
        gaps: GapOptions | None = None,
        lifting: Mapping[str, Any] | None = None,
    ) -> None:
        files: dict[str, Any] = dict(
            device=device, amp=amp, trust_checkpoint=trust_checkpoint
        )
        self.lifter: KeypointLifter = (
            KeypointLifter(*lifter, **files) if isinstance(lifter, tuple) else lifter
        )
        self.estimator = KeypointEstimator(
            *pose2d, batch_size=person_batch_size, **files
        )
        self.detector: BoxSource = WholeImage()
        if detector is not None:
            self.detector = PersonDetector(
                *detector, score_threshold=score_threshold, **files
            )
        self.batch_size = batch_size
        self.following: dict[str, Any] = dict(
            tracking=tracking, joining=joining, gaps=gaps
        )
        self.lifting = dict(lifting or {})
        self.clock = StageClock()

    def run(
        self,
        video: str | os.PathLike,
        *,
        camera: ClipCamera | float | None = FIELD_OF_VIEW,
        smoothing: OneEuro | None = None,
        boxes: str | os.PathLike | BoxSource | None = None,
        out_dir: str | os.PathLike | None = None,
        progress: bool = True,
    ) -> LiftedClip:
        """Lift everybody in a video.

        Where the frame rate varies, keypoints are lifted at a constant one, its mean
        unless ``model_fps`` is set, and poses are given for the frames as they are.

        Args:
            video: Video file.
            camera: Of the video, for roots in camera space: intrinsics, or a field of
                view in degrees from which they are guessed; ``None`` for no roots.
            smoothing: Filter the poses.
            boxes: Of the people, in place of the detector's: a file, see
                :class:`~mmpose_ext.apis.given_boxes.GivenBoxes`.
            out_dir: Where 2D keypoints are kept if something fails.
            progress: Show bars.

        Returns:
            All people in 3D. Long arrays are memory maps of temporary files that last
            as long as they are referred to.

        Raises:
            FileNotFoundError: If there is no such video.
            ValueError: If it cannot be read, or shows nobody.
            PartialResultError: If something fails when people were found already.
        """
        self.clock = StageClock()
        if isinstance(camera, int | float):
            guess_camera((1, 1), camera)  # says now if the angle is out of range
        with TrackSpool() as spool:
            clip = self._find_people(
                video, spool, self._box_source(boxes), out_dir, progress
            )
            if isinstance(camera, int | float):
                camera = guess_camera(clip.image_size, camera)
            options = dict(self.lifting)
            if rate_varies(clip.times):
                options.setdefault('model_fps', clip.fps)
            with keep_people(lambda: clip, 'lifting', out_dir):
                with self.clock.stage('lifting'):
                    tracks = self.lifter.lift_tracks(
                        clip.tracks,
                        clip.image_size,
                        fps=clip.fps,
                        times=clip.times,
                        camera=camera,
                        smoothing=smoothing,
                        progress=progress,
                        allocate=spool.allocate,
                        **options,
                    )
        return LiftedClip(
            tracks=tuple(tracks),
            times=clip.times,
            fps=clip.fps,
            image_size=clip.image_size,
            camera=camera,
            source=clip.source,
            lifter=self.lifter.name,
        )

    def stream(
        self,
        frames: Iterable[tuple[float, np.ndarray]],
        *,
        look_ahead: int | None = None,
        camera: ClipCamera | float | None = FIELD_OF_VIEW,
        smoothing: OneEuro | None = None,
        boxes: BoxSource | None = None,
    ) -> Iterator[StreamedFrame]:
        """Lift everybody in a live picture.

        People are followed as in :meth:`run`, but nobody knows the future: a person who
        was away for longer than ``tracking.max_age`` comes back with a new number, and
        mistakes are not put right later. Memory is bounded.

        Args:
            frames: Seconds, increasing, and pictures ``(H, W, 3)``, BGR, of one size.
            look_ahead: Frames between a frame and its pose, see
                :class:`~mmpose_ext.apis.streaming.StreamingLifter`.
            camera: As for :meth:`run`.
            smoothing: As for :meth:`run`.
            boxes: What says where people are, in place of the detector.

        Yields:
            People in finished frames, in the order in which they are finished. Frames
            are numbered from 0.

        Raises:
            ValueError: If times do not increase, or an option is out of range.
        """
        source = boxes or self.detector
        tracker = PersonTracker(self.following['tracking'])
        lifter: StreamingLifter | None = None
        for index, (time, image) in enumerate(frames):
            frame = VideoFrame(index, float(time), image)
            if lifter is None:
                if isinstance(camera, int | float):
                    camera = guess_camera(frame.size, camera)
                lifter = StreamingLifter(
                    self.lifter,
                    frame.size,
                    look_ahead=look_ahead,
                    camera=camera,
                    smoothing=smoothing,
                )
            (found,) = self._estimate([frame], source)
            persons, _ = tracker.update(index, frame.time, found)
            tracker.take_ended()  # nobody needs them here
            joints = np.concatenate(
                [found.keypoints, found.keypoint_scores[..., None]], axis=-1
            )
            people = {
                int(number): joints[row]
                for row, number in enumerate(persons)
                if number != NOBODY
            }
            yield from lifter.push(people, frame.time)
        if lifter is not None:
            yield from lifter.flush()

    def _find_people(
        self,
        video: str | os.PathLike,
        spool: TrackSpool,
        source: BoxSource,
        out_dir: str | os.PathLike | None,
        progress: bool,
    ) -> TrackedClip:
        """Everybody in 2D, followed through the clip.

        Raises:
            ValueError: If there is nobody.
        """
        info = video_info(video)
        people = ClipPeople(spool, **self.following)

        def clip() -> TrackedClip:
            return people.clip(fps=info.fps, source=info.name)

        frames = self.clock.items('reading', read_frames(video))
        with (
            keep_people(clip, 'finding people', out_dir),
            Progress(disable=not progress) as bar,
        ):
            task = bar.add_task('finding people', total=info.num_frames)
            for batch in batches(frames, self.batch_size):
                for frame, found in zip(
                    batch, self._estimate(batch, source), strict=True
                ):
                    with self.clock.stage('tracking'):
                        people.add(frame, found)
                bar.advance(task, len(batch))
            bar.update(task, total=people.num_frames)
        with self.clock.stage('tracking'):
            tracked = clip()
        if not tracked.tracks:
            raise ValueError(f'no people in {video}: {people.why_nobody(str(source))}')
        return tracked

    def _estimate(
        self, frames: Sequence[VideoFrame], source: BoxSource
    ) -> list[FramePeople]:
        """People of some frames."""
        with self.clock.stage('detection'):
            boxes = source(frames)
        with self.clock.stage('keypoints'):
            return self.estimator(frames, boxes)

    def _box_source(self, boxes: str | os.PathLike | BoxSource | None) -> BoxSource:
        if boxes is None:
            return self.detector
        return GivenBoxes(boxes) if isinstance(boxes, str | os.PathLike) else boxes
