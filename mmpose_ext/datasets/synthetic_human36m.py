"""A synthetic stand-in for Human3.6M: simulated people before its four cameras."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.datasets.frame_store import FrameStoreWriter, SequenceInfo
from mmpose_ext.datasets.pose_fields import world_pose_to_fields
from mmpose_ext.datasets.seeded_draw import keyed_generator
from mmpose_ext.geometry import h36m_cameras
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.detector_noise import SIGMA_PX, detect_keypoints
from mmpose_ext.simulation.motions import MOTIONS, motion

GENERATOR = 'human36m-1'
"""Name and version of the simulation; it changes when the same options give other
data."""

TRAIN_ROOMS = ('S1', 'S5', 'S6', 'S7', 'S8')
"""Human3.6M subjects whose cameras see the people of the training split."""

TEST_ROOMS = ('S9', 'S11')
"""Human3.6M subjects whose cameras see the people of the test split."""

_MISTAKE_RATE = 0.0015


@dataclass(frozen=True)
class Human36MOptions:
    """What is simulated.

    Args:
        num_subjects: Number of people; about a quarter of them, the last ones, make
            up the test split.
        sequences_per_action: How often each person does each action.
        num_frames: Frames of a sequence.
        fps: Frames per second.
        seed: The same seed gives the same data.
        noise: Strength of the errors of the detected keypoints: 1 as detectors are, 0
            for none.
        actions: Names from :data:`~mmpose_ext.simulation.motions.MOTIONS`.

    Raises:
        ValueError: If a number is out of range or an action unknown.
    """

    num_subjects: int = 11
    sequences_per_action: int = 1
    num_frames: int = 150
    fps: float = 50.0
    seed: int = 0
    noise: float = 1.0
    actions: Sequence[str] = MOTIONS

    def __post_init__(self) -> None:
        if self.num_subjects < 2:
            raise ValueError(
                f'num_subjects={self.num_subjects}; training and test need different '
                'people, so at least 2'
            )
        for name in ('sequences_per_action', 'num_frames', 'fps'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name}={getattr(self, name)} must be positive')
        if self.seed < 0 or not 0 <= self.noise <= 100:
            raise ValueError(
                f'seed={self.seed} must not be negative, noise={self.noise} must lie '
                'in [0, 100]'
            )
        unknown = sorted(set(self.actions) - set(MOTIONS))
        if unknown or not self.actions or isinstance(self.actions, str):
            raise ValueError(
                f'actions={self.actions!r}; expected a list of names from '
                f'{list(MOTIONS)}'
            )

    @property
    def num_test_subjects(self) -> int:
        """Number of people in the test split."""
        return max(1, round(0.27 * self.num_subjects))

    def to_header(self) -> dict[str, Any]:
        """What the store's header records under ``'synthetic'``."""
        return {
            'generator': GENERATOR,
            **asdict(self),
            'fps': float(self.fps),
            'noise': float(self.noise),
            'actions': list(self.actions),
        }


def write_human36m(
    path: str | os.PathLike,
    *,
    num_subjects: int = Human36MOptions.num_subjects,
    sequences_per_action: int = Human36MOptions.sequences_per_action,
    num_frames: int = Human36MOptions.num_frames,
    fps: float = Human36MOptions.fps,
    seed: int = Human36MOptions.seed,
    noise: float = Human36MOptions.noise,
    actions: Sequence[str] = MOTIONS,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate people and write what the four cameras see to a FrameStore.

    The store has the fields ``pose_cam``, ``pose_image``, ``factor``,
    ``keypoints_det`` and ``scores_det``, people ``'P01'``, ``'P02'``, ..., one
    sequence a person, action, repetition and camera (``'P01_walk_1.54138969'``), and
    its split. Person, motion and detector draw from generators of their own, so more
    people or repetitions leave the others as they are.

    Args:
        path: Destination folder.
        num_subjects: See :class:`Human36MOptions`, as the next six.
        sequences_per_action: See there.
        num_frames: See there.
        fps: See there.
        seed: See there.
        noise: See there.
        actions: See there.
        overwrite: Replace an existing store.
        progress: Called with the number of motions done and their total.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is out of range.
        FileExistsError: If the folder exists and ``overwrite`` is false.
    """
    options = Human36MOptions(
        *(num_subjects, sequences_per_action, num_frames, fps, seed, noise),
        tuple(actions) if not isinstance(actions, str) else actions,
    )
    with FrameStoreWriter(
        path,
        joint_set='h36m17',
        fps=options.fps,
        licence='Apache-2.0; camera calibrations: MIT',
        source='simulated people before the calibrated Human3.6M cameras',
        overwrite=overwrite,
        extra={'synthetic': options.to_header()},
    ) as writer:
        total = options.num_subjects * len(options.actions)
        total *= options.sequences_per_action
        for done, sequences in enumerate(_motions(options), start=1):
            for info, arrays in sequences:
                writer.add_sequence(info, arrays)
            if progress is not None:
                progress(done, total)
    return Path(path)


def room_centre(cameras: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    """The place on the floor that all cameras look at.

    Args:
        cameras: The cameras of one subject, as
            :func:`~mmpose_ext.geometry.h36m_cameras` gives them.

    Returns:
        World x and y ``(2,)`` of the point nearest to all optical axes, metres.
    """
    normal, target = np.zeros((3, 3)), np.zeros(3)
    for camera in cameras.values():
        rotation = np.asarray(camera['extrinsics']['R'])
        place = -rotation.T @ np.asarray(camera['extrinsics']['t'])
        across = np.eye(3) - np.outer(rotation[2], rotation[2])
        normal += across
        target += across @ place
    return np.linalg.solve(normal, target)[:2]


def _motions(
    options: Human36MOptions,
) -> Iterator[list[tuple[SequenceInfo, dict[str, np.ndarray]]]]:
    rooms = h36m_cameras()
    num_train = options.num_subjects - options.num_test_subjects
    for person in range(options.num_subjects):
        split = 'train' if person < num_train else 'test'
        room = (
            TRAIN_ROOMS[person % len(TRAIN_ROOMS)]
            if split == 'train'
            else TEST_ROOMS[(person - num_train) % len(TEST_ROOMS)]
        )
        body = Body.sample(keyed_generator(options.seed, person))
        for action in options.actions:
            for repetition in range(options.sequences_per_action):
                key = (person, MOTIONS.index(action), repetition)
                pose_world = motion(
                    action,
                    body,
                    num_frames=options.num_frames,
                    fps=options.fps,
                    generator=keyed_generator(options.seed, *key),
                ).astype(np.float64)
                pose_world[..., :2] += room_centre(rooms[room])
                name = f'P{person + 1:02d}_{action}_{repetition + 1}'
                extra = {'room': room, 'stature': round(body.stature, 4)}
                yield [
                    _seen_by(
                        camera,
                        pose_world,
                        SequenceInfo(
                            name=f'{name}.{camera_name}',
                            subject=f'P{person + 1:02d}',
                            action=action,
                            camera=camera_name,
                            split=split,
                            extra=extra,
                            image_size=camera['image_size'],
                            intrinsics=camera['intrinsics'],
                            extrinsics=camera['extrinsics'],
                        ),
                        keyed_generator(options.seed, *key, index),
                        options.noise,
                    )
                    for index, (camera_name, camera) in enumerate(rooms[room].items())
                ]


def _seen_by(
    camera: Mapping[str, Any],
    pose_world: np.ndarray,
    info: SequenceInfo,
    generator: np.random.Generator,
    noise: float,
) -> tuple[SequenceInfo, dict[str, np.ndarray]]:
    arrays = world_pose_to_fields(
        pose_world, camera['intrinsics'], camera['extrinsics']
    )
    rate = min(1.0, _MISTAKE_RATE * noise)
    arrays['keypoints_det'], arrays['scores_det'] = detect_keypoints(
        arrays['pose_image'][..., :2],
        generator,
        image_size=camera['image_size'] if noise else None,
        sigma_px={joint: noise * sigma for joint, sigma in SIGMA_PX.items()},
        swap_rate=rate,
        miss_rate=rate,
    )
    return info, arrays
