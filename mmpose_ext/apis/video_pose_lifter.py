"""From a video to the 3D motion of everybody in it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
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
from mmpose_ext.apis.lifting_options import LiftingOptions
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
from mmpose_ext.structures.tracks import ClipCamera, LiftedClip, LiftedTrack

ConfigAndCheckpoint = tuple[str | os.PathLike, str | os.PathLike]


class VideoPoseLifter:
    """Detector, 2D estimator, tracker and lifter in a row.

    A video is read once, some frames at a time. What is found goes to temporary files,
    about 0.8 kB for a person in a frame, so memory hardly grows with the length of the
    video.

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
        lifting: Some of
            :class:`~mmpose_ext.apis.lifting_options.LiftingOptions` by name. Without
            ``model_fps``, clips of a varying frame rate are lifted at their mean rate;
            with ``None`` they never are.
        temp_dir: Folder for the temporary files; the system's if left out, which is
            memory where ``/tmp`` is a ``tmpfs``.

    Attributes:
        clock: Seconds of each stage of the last run or stream.

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
        temp_dir: str | os.PathLike | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}; expected 1 frame or more')
        if temp_dir is not None and not Path(temp_dir).is_dir():
            raise FileNotFoundError(f'there is no folder {temp_dir}; make it first')
        self.lifting = dict(lifting or {})
        options = LiftingOptions.of(self.lifting)
        files: dict[str, Any] = dict(
            device=device, amp=amp, trust_checkpoint=trust_checkpoint
        )
        self.lifter: KeypointLifter = (
            KeypointLifter(*lifter, **files) if isinstance(lifter, tuple) else lifter
        )
        options.check_stride(self.lifter.seq_len)
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
        self.temp_dir = temp_dir
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
        unless ``lifting`` has a ``model_fps``, and poses are given for the frames as
        they are.

        Args:
            video: Video file.
            camera: Of the video, for roots in camera space: intrinsics, or a field of
                view in degrees from which they are guessed; ``None`` for no roots.
            smoothing: Filter the poses.
            boxes: Of the people, in place of the detector's: a file, see
                :class:`~mmpose_ext.apis.given_boxes.GivenBoxes`.
            out_dir: Where 2D keypoints, and what is lifted of them, are kept if
                something fails.
            progress: Show bars.

        Returns:
            All people in 3D. Long arrays are memory maps of temporary files that last
            as long as they are referred to.

        Raises:
            FileNotFoundError: If there is no such video.
            ValueError: If it cannot be read, or shows nobody.
            PartialResultError: If something fails when people were found already.
            KeyboardInterrupt: If the user interrupts; it says what is kept, and where.
        """
        self.clock = StageClock()
        if isinstance(camera, int | float):
            guess_camera((1, 1), camera)  # says now if the angle is out of range
        done: list[LiftedTrack] = []
        with TrackSpool(self.temp_dir) as spool:
            clip = self._find_people(
                video, spool, self._box_source(boxes), out_dir, progress
            )
            if isinstance(camera, int | float):
                camera = guess_camera(clip.image_size, camera)
            options = dict(self.lifting)
            if rate_varies(clip.times):
                options.setdefault('model_fps', clip.fps)
            lifted = partial(clip.lifted, camera=camera, lifter=self.lifter.name)
            with (
                keep_people(
                    lambda: clip,
                    'lifting',
                    out_dir,
                    lambda: lifted(done) if done else None,
                ),
                self.clock.stage('lifting'),
            ):
                return lifted(
                    self.lifter.lift_tracks(
                        clip.tracks,
                        clip.image_size,
                        fps=clip.fps,
                        times=clip.times,
                        camera=camera,
                        smoothing=smoothing,
                        progress=progress,
                        allocate=spool.allocate,
                        on_failure=done.extend,
                        **options,
                    )
                )

    def stream(
        self,
        frames: Iterable[tuple[float, np.ndarray]],
        *,
        look_ahead: int | None = None,
        stride: int | None = None,
        max_gap: int | None = None,
        camera: ClipCamera | float | None = FIELD_OF_VIEW,
        smoothing: OneEuro | None = None,
        boxes: BoxSource | None = None,
    ) -> Iterator[StreamedFrame]:
        """Lift everybody in a live picture.

        People are followed as in :meth:`run`, but nobody knows the future: a person who
        was away for longer than ``tracking.max_age`` comes back with a new number, and
        mistakes are not put right later. Memory is bounded.

        Of ``lifting``, ``person_height`` counts here too. The frame rate is that of the
        stream, whatever ``model_fps`` is, and a warning says so.

        Args:
            frames: Seconds, increasing, and pictures ``(H, W, 3)``, BGR, of one size.
            look_ahead: Frames between a frame and its pose, see
                :class:`~mmpose_ext.apis.streaming.StreamingLifter`.
            stride: Frames between windows, see there; that of ``lifting`` if left out.
            max_gap: Frames that a person may be missing, see there.
            camera: As for :meth:`run`.
            smoothing: As for :meth:`run`.
            boxes: What says where people are, in place of the detector.

        Returns:
            People in finished frames, in the order in which they are finished. Frames
            are numbered from 0.

        Raises:
            ValueError: If an option is out of range, or later, if times do not
                increase.
        """
        rate = self.lifting.get('model_fps')
        if rate is not None:
            warnings.warn(
                f'model_fps={rate:g} does not change the rate of a stream; give frames '
                'at that rate, or a lifter for the rate of the stream',
                stacklevel=2,
            )

        def lifter_of(size: tuple[int, int]) -> StreamingLifter:
            return StreamingLifter(
                self.lifter,
                size,
                look_ahead=look_ahead,
                stride=self.lifting.get('stride') if stride is None else stride,
                max_gap=max_gap,
                person_height=self.lifting.get('person_height', 'auto'),
                camera=guess_camera(size, camera)
                if isinstance(camera, int | float)
                else camera,
                smoothing=smoothing,
            )

        lifter_of((1, 1))  # says now if an option is out of range
        return self._streamed(frames, lifter_of, boxes or self.detector)

    def _streamed(
        self,
        frames: Iterable[tuple[float, np.ndarray]],
        lifter_of: Callable[[tuple[int, int]], StreamingLifter],
        source: BoxSource,
    ) -> Iterator[StreamedFrame]:
        self.clock = clock = StageClock()
        tracker = PersonTracker(self.following['tracking'])
        lifter: StreamingLifter | None = None
        for index, (time, image) in enumerate(frames):
            frame = VideoFrame(index, float(time), image)
            lifter = lifter or lifter_of(frame.size)
            (found,) = self._estimate([frame], source, clock)
            with clock.stage('tracking'):
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
            with clock.stage('lifting'):
                finished = lifter.push(people, frame.time)
            yield from finished
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
                found_in = self._estimate(batch, source, self.clock)
                for frame, found in zip(batch, found_in, strict=True):
                    with self.clock.stage('tracking'):
                        people.add(frame, found)
                bar.advance(task, len(batch))
            bar.update(task, total=people.num_frames)
        if isinstance(source, GivenBoxes):
            source.note_frames_beyond(people.num_frames)
        with self.clock.stage('tracking'):
            tracked = clip()
        if not tracked.tracks:
            raise ValueError(f'no people in {video}: {people.why_nobody(str(source))}')
        return tracked

    def _estimate(
        self, frames: Sequence[VideoFrame], source: BoxSource, clock: StageClock
    ) -> list[FramePeople]:
        """People of some frames."""
        with clock.stage('detection'):
            boxes = source(frames)
        with clock.stage('keypoints'):
            return self.estimator(frames, boxes)

    def _box_source(self, boxes: str | os.PathLike | BoxSource | None) -> BoxSource:
        if boxes is None:
            return self.detector
        return GivenBoxes(boxes) if isinstance(boxes, str | os.PathLike) else boxes
