"""Fixtures that several test modules share."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mmpose_ext.datasets.frame_store import FrameStoreWriter, SequenceInfo

torch.set_num_threads(1)


@pytest.fixture(scope='session')
def load_script():
    """A function that imports a script of the repository without running it."""

    def load(path):
        name = path.replace('/', '_')
        file = Path(__file__).parents[1] / f'{path}.py'
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return load


POSE_STORE_LENGTHS = (20, 31, 12)
"""Frames of the two actions of S1, S2, S3 in `pose_store` (plus one for the second)."""


def write_pose_store(path: Path, *, lengths=POSE_STORE_LENGTHS, seed=0, **options):
    """Write a small pose store: 3 subjects, 2 actions, 2 cameras, smooth poses.

    Sequence `S<i>_<action>.<camera>` of subject i has ``lengths[i]`` frames for
    'Walking' and one more for 'Sitting'. S3 is the test split.
    """
    rng = np.random.default_rng(seed)
    size, focal, centre = (1000, 1002), np.array([1145.0, 1144.0]), np.array([512, 515])
    header = dict(joint_set='h36m17', fps=50.0, licence='none', source='a test')
    with FrameStoreWriter(path, **{**header, **options}) as writer:
        for i, length in enumerate(lengths):
            for extra, action in enumerate(('Walking', 'Sitting')):
                for camera in ('54138969', '60457274'):
                    arrays = _smooth_pose(rng, length + extra, focal, centre)
                    subject = f'S{i + 1}'
                    info = SequenceInfo(
                        name=f'{subject}_{action}.{camera}',
                        subject=subject,
                        action=action,
                        camera=camera,
                        image_size=size,
                        intrinsics={
                            'f': focal.tolist(),
                            'c': centre.tolist(),
                            'distortion': [0.0] * 5,
                        },
                        extrinsics={'R': np.eye(3).tolist(), 't': [0.0, 0.0, 0.0]},
                        split='test' if subject == 'S3' else 'train',
                    )
                    writer.add_sequence(info, arrays)
    return path


def _smooth_pose(rng, frames, focal, centre):
    """All fields of a pose store for one sequence; projection without distortion."""
    time = np.arange(frames)[:, None, None] / 25
    rest = rng.normal(0, 0.35, (1, 17, 3)) * [1, 1.5, 1]
    phase = rng.uniform(0, 2 * np.pi, (1, 17, 3))
    pose = rest + 0.1 * np.sin(2 * np.pi * time + phase) + [0, 0, 4.5]
    root_depth = pose[:, :1, 2]
    factor = 1 / (focal[0] / root_depth + 0.5)
    pixels = pose[..., :2] / pose[..., 2:] * focal + centre
    depth = (pose[..., 2] - root_depth) / factor
    return {
        'pose_cam': pose.astype(np.float32),
        'pose_image': np.concatenate([pixels, depth[..., None]], -1).astype(np.float32),
        'factor': factor[:, 0].astype(np.float32),
        'keypoints_det': (pixels + rng.normal(0, 3, pixels.shape)).astype(np.float32),
        'scores_det': rng.uniform(0.3, 1, (frames, 17)).astype(np.float32),
    }


@pytest.fixture(scope='session')
def make_pose_store() -> Callable[..., Path]:
    """The function that writes the store, for tests that need another one."""
    return write_pose_store


@pytest.fixture(scope='session')
def pose_store(tmp_path_factory) -> Path:
    """A small pose store with all fields; read only, one for the whole run."""
    return write_pose_store(tmp_path_factory.mktemp('stores') / 'poses')
