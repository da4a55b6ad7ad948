"""From 2D keypoints of any estimator to 3D, in one call."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.apis.camera_space import FIELD_OF_VIEW, guess_camera
from mmpose_ext.apis.keypoint_lifter import KeypointLifter
from mmpose_ext.apis.missing_joints import with_missing_filled
from mmpose_ext.apis.tracked_clip import TrackedClip, keep_people
from mmpose_ext.apis.video_frames import rate_varies
from mmpose_ext.datasets.clip_fields import frame_rate_field, image_size_field
from mmpose_ext.datasets.keypoint_clip import (
    KeypointClip,
    keypoint_clip,
    read_keypoints,
)
from mmpose_ext.structures.tracks import (
    ClipCamera,
    LiftedClip,
    LiftedTrack,
    PersonTrack,
)

FPS = 30.0
"""Frames a second where nobody knows."""

Keypoints = str | os.PathLike | np.ndarray | Sequence[np.ndarray]
ImageSize = tuple[float, float]


def lift_keypoints(
    config: str | os.PathLike,
    checkpoint: str | os.PathLike,
    keypoints: Keypoints,
    *,
    scores: np.ndarray | Sequence[np.ndarray] | None = None,
    joints: str | None = None,
    image_size: ImageSize | None = None,
    fps: float | None = None,
    camera: ClipCamera | float | None = FIELD_OF_VIEW,
    device: str | None = None,
    amp: bool = False,
    trust_checkpoint: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
    out_dir: str | os.PathLike | None = None,
    **options: Any,
) -> LiftedClip:
    """Lift keypoints of one person, or of several.

        clip = lift_keypoints(config, checkpoint, 'squats.json', joints='blazepose33')
        clip.tracks[0].poses  # (F, 17, 3), metres, joints of Human3.6M

    NaN marks a missing joint. What is unusual but can be lifted is told by warnings: a
    single frame, keypoints outside of the image, an unknown image size or frame rate.

    Args:
        config: Config file of a lifter.
        checkpoint: Its weights.
        keypoints: One person's, pixels ``(F, K, 2)`` or with scores ``(F, K, 3)``; a
            file, see :func:`~mmpose_ext.datasets.keypoint_clip.read_keypoints`; or a
            list with an array for each person, all from the first frame on. Where a
            file has times and their rate varies, ``model_fps`` is the mean rate unless
            it is given.
        scores: From 0 to 1, ``(F, K)``, or a list of them; 1 if there are none.
        joints: Joint set of the keypoints, one of
            :data:`~mmpose_ext.geometry.joint_maps.JOINT_SETS`; by default that which
            the file names, or ``'coco17'``.
        image_size: Width and height, pixels; by default that of the file, or the extent
            of the keypoints.
        fps: Frames a second; by default that of the file, or 30.
        camera: For roots in camera space: intrinsics, or the field of view in degrees
            across the longer side of the image, from which they are guessed; ``None``
            for no roots.
        device: As for :class:`KeypointLifter`.
        amp: As there.
        trust_checkpoint: As there.
        cfg_options: As there.
        out_dir: Where poses, as far as they were lifted, and the keypoints are kept if
            something fails.
        **options: Of :meth:`KeypointLifter.lift_tracks`, such as ``model_fps`` or
            ``smoothing``.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If keypoints do not fit the joint set, are all missing, an argument
            is out of range, or the checkpoint does not fit the config.
        PartialResultError: If something fails when some frames were lifted already.
        KeyboardInterrupt: If the user interrupts; it says what is kept then, and where.
    """
    given_size = image_size_field({'image_size': image_size}, 'arguments')
    given_rate = frame_rate_field({'fps': fps}, 'arguments')
    people = _people(keypoints, scores, joints)
    size = given_size or people[0].image_size or _extent(people)
    rate = given_rate or people[0].fps
    times = None if given_rate else people[0].times
    if times is not None and rate_varies(times):
        options.setdefault('model_fps', rate)
    tracks = [clip_to_track(clip, number) for number, clip in enumerate(people)]
    _note_what_is_odd(tracks, size, rate)
    if isinstance(camera, int | float):
        camera = guess_camera(size, camera)
    lifter = KeypointLifter(
        config,
        checkpoint,
        device=device,
        amp=amp,
        trust_checkpoint=trust_checkpoint,
        cfg_options=cfg_options,
    )
    number = max(track.frames[-1] for track in tracks) + 1
    clip = TrackedClip(
        tracks=tuple(tracks),
        times=np.arange(number) / (rate or FPS) if times is None else times,
        fps=rate or FPS,
        image_size=(math.ceil(size[0]), math.ceil(size[1])),
        source=Path(keypoints).name if isinstance(keypoints, str | os.PathLike) else '',
    )
    lifted = partial(clip.lifted, camera=camera, lifter=lifter.name)
    done: list[LiftedTrack] = []
    with keep_people(
        # Before the first poses there is nothing that the caller does not have.
        lambda: clip if done else replace(clip, tracks=()),
        'lifting',
        out_dir,
        lambda: lifted(done),
    ):
        return lifted(
            lifter.lift_tracks(
                tracks,
                size,
                fps=rate,
                times=times,
                camera=camera,
                on_failure=done.extend,
                **options,
            )
        )


def _people(
    keypoints: Keypoints, scores: Any, joints: str | None
) -> list[KeypointClip]:
    """Each person's keypoints, in the joints of Human3.6M."""
    if isinstance(keypoints, str | os.PathLike):
        if scores is not None:
            raise ValueError('scores come with the file; give them there or an array')
        return [read_keypoints(keypoints, joints)]
    are_people = [isinstance(row, np.ndarray) and row.ndim == 3 for row in keypoints]
    if not any(are_people):
        return [keypoint_clip({'keypoints': keypoints, 'scores': scores}, joints)]
    all_scores = [None] * len(keypoints) if scores is None else list(scores)
    if len(all_scores) != len(keypoints):
        raise ValueError(
            f'scores of {len(all_scores)} people do not fit keypoints of '
            f'{len(keypoints)}'
        )
    return [
        keypoint_clip(
            {'keypoints': array, 'scores': score}, joints, source=f'person {number}'
        )
        for number, (array, score) in enumerate(zip(keypoints, all_scores, strict=True))
    ]


def clip_to_track(clip: KeypointClip, track_id: int = 0) -> PersonTrack:
    """A track of all frames of one person's clip.

    Args:
        clip: Keypoints; without scores, all are 1. Its frames keep their numbers.
        track_id: Number of the person.

    Raises:
        ValueError: If no joint is valid.
    """
    frames = len(clip.keypoints)
    scores = clip.scores
    if scores is None:
        scores = np.ones(clip.keypoints.shape[:2], dtype=np.float32)
    none = np.zeros((frames, 4), dtype=np.float32)
    track = with_missing_filled(
        PersonTrack(
            track_id=track_id,
            frames=np.arange(clip.first_frame, clip.first_frame + frames),
            keypoints=clip.keypoints,
            scores=scores,
            filled=np.zeros(frames, dtype=bool) if clip.filled is None else clip.filled,
            boxes=none,
        )
    )
    low, high = track.keypoints.min(axis=1), track.keypoints.max(axis=1)
    return replace(track, boxes=np.concatenate([low, high], axis=-1))


def _extent(people: Sequence[KeypointClip]) -> ImageSize:
    """Width and height that hold all keypoints, with a note that they are a guess."""
    corners = [np.nanmax(clip.keypoints, axis=(0, 1), initial=1) for clip in people]
    width, height = np.ceil(np.max(corners, axis=0)).tolist()
    warnings.warn(
        f'the image size is unknown; the keypoints reach to {width:.0f} x {height:.0f} '
        'pixels, which is taken for it: give image_size',
        stacklevel=3,
    )
    return width, height


def _note_what_is_odd(
    tracks: Sequence[PersonTrack], size: ImageSize, rate: float | None
) -> None:
    """Warn of what can be lifted, but perhaps not well."""
    if rate is None:
        _note(f'the frame rate is unknown; times count {FPS:.0f} frames a second')
    single = [track.track_id for track in tracks if len(track) == 1]
    if single:
        _note(
            f'there is one frame of person {single}, so no motion that would help '
            'with the depth; give a sequence if there is one'
        )
    outside = sum(_outside(track.keypoints, size) for track in tracks)
    if outside:
        number = sum(track.scores.size for track in tracks)
        _note(
            f'{outside} of {number} keypoints lie outside of the image, '
            f'{size[0]:.0f} x {size[1]:.0f} pixels; they are lifted as they are'
        )


def _note(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _outside(keypoints: np.ndarray, size: ImageSize) -> int:
    return int(((keypoints < 0) | (keypoints > np.array(size))).any(axis=-1).sum())
