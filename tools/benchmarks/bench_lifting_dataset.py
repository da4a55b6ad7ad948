"""Samples a second of LiftingDataset and of MMPose's Human36mDataset.

    python tools/benchmarks/bench_lifting_dataset.py
    python tools/benchmarks/bench_lifting_dataset.py --seq-len 81 --out loading.json

The same synthetic poses are written in MMPose's Human3.6M format and as a FrameStore.
Both datasets cut them into the same windows and run their training pipeline up to the
packed sample, in one process, in alternating rounds; the samples are compared first.
MMPose flips one sample at a time in its pipeline, our estimators a whole batch, so the
ratio leaves MMPose's flip out; the one with its full pipeline is printed as well.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np  # noqa: E402
import torch  # noqa: E402
from mmengine.registry import init_default_scope  # noqa: E402
from mmpose.datasets import Human36mDataset  # noqa: E402

import mmpose_ext.codecs  # noqa: E402, F401
from mmpose_ext.datasets import (  # noqa: E402
    FrameStoreWriter,
    LiftingDataset,
    SequenceInfo,
)
from mmpose_ext.geometry import camera_to_image_pose  # noqa: E402

CAMERA = '54138969'
IMAGE_SIZE = (1000, 1002)
FOCAL, CENTRE = [1145.0494, 1143.7811], [512.5415, 515.4515]


def parse_args() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--seq-len', type=int, default=243, help='frames of a window')
    parser.add_argument('--stride', type=int, default=81)
    parser.add_argument('--sequences', type=int, default=8)
    parser.add_argument('--frames', type=int, default=3000, help='of one sequence')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--out', type=Path, help='write the figures as JSON')
    return parser.parse_args()


def main() -> None:
    """Write the data, compare a few samples, time both."""
    args = parse_args()
    torch.set_num_threads(1)
    init_default_scope('mmpose')
    with tempfile.TemporaryDirectory() as folder:
        poses = make_poses(args.sequences, args.frames)
        write_mmpose(Path(folder), poses)
        write_store(Path(folder) / 'store', poses)
        ours, ours_start = timed(lambda: build_ours(folder, args))
        plain, plain_start = timed(lambda: build_mmpose(folder, args, flip=False))
        stock = build_mmpose(folder, args, flip=True)
        compare(ours, plain)
        times = measure({'ours': ours, 'plain': plain, 'stock': stock}, args.rounds)
    result = {
        'seq_len': args.seq_len,
        'windows': len(ours),
        'ours_us': times['ours'],
        'mmpose_us': times['plain'],
        'mmpose_with_flip_us': times['stock'],
        'ours_samples_per_second': 1e6 / times['ours'],
        'mmpose_samples_per_second': 1e6 / times['plain'],
        'ratio': times['plain'] / times['ours'],
        'ratio_with_flip': times['stock'] / times['ours'],
        'ours_start_seconds': ours_start,
        'mmpose_start_seconds': plain_start,
    }
    print(
        f'{result["windows"]} windows of {args.seq_len} frames, microseconds a sample: '
        f'LiftingDataset {times["ours"]:.0f}, Human36mDataset {times["plain"]:.0f} '
        f'(with its flip {times["stock"]:.0f})\n'
        f'ratio {result["ratio"]:.1f} (with flip {result["ratio_with_flip"]:.1f}); '
        f'start-up {ours_start:.2f} s against {plain_start:.2f} s'
    )
    if args.out:
        args.out.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')


def make_poses(sequences: int, frames: int) -> list[np.ndarray]:
    """Smooth random poses `(F, 17, 3)` in the camera frame, metres."""
    rng = np.random.default_rng(0)
    poses = []
    for _ in range(sequences):
        steps = rng.normal(0, 0.01, (frames, 17, 3)).cumsum(axis=0)
        swing = 0.3 * np.tanh(steps)
        poses.append((rng.normal(0, 0.3, (17, 3)) + swing + [0, 0, 4.5]).astype('f4'))
    return poses


def names_of(poses: Sequence[np.ndarray]) -> list[tuple[str, str]]:
    """Subject and action of each sequence, in the order in which MMPose sorts them."""
    return [(f'S{i // 4 + 1}', f'Action{i % 4}_1') for i in range(len(poses))]


def write_store(path: Path, poses: Sequence[np.ndarray]) -> None:
    """Write the poses as a FrameStore."""
    with FrameStoreWriter(path, joint_set='h36m17', fps=50) as writer:
        for (subject, action), pose in zip(names_of(poses), poses, strict=True):
            image, factor = camera_to_image_pose(pose, FOCAL, CENTRE)
            info = SequenceInfo(
                name=f'{subject}_{action}.{CAMERA}',
                subject=subject,
                action=action,
                camera=CAMERA,
                image_size=IMAGE_SIZE,
                intrinsics={'f': FOCAL, 'c': CENTRE},
            )
            arrays = {'pose_cam': pose, 'pose_image': image, 'factor': factor}
            writer.add_sequence(info, arrays)


def write_mmpose(folder: Path, poses: Sequence[np.ndarray]) -> None:
    """Write the poses as the files that Human36mDataset reads."""
    names, cameras = [], {}
    for (subject, action), pose in zip(names_of(poses), poses, strict=True):
        prefix = f'{subject}_{action}.{CAMERA}'
        names += [f'{subject}/{prefix}/{prefix}_{i:06d}.jpg' for i in range(len(pose))]
        cameras[subject, CAMERA] = {
            'R': np.eye(3),
            'T': np.zeros((3, 1)),
            'f': np.array(FOCAL)[:, None],
            'c': np.array(CENTRE)[:, None],
            'w': IMAGE_SIZE[0],
            'h': IMAGE_SIZE[1],
        }
    pose = np.concatenate(poses)
    pixels = camera_to_image_pose(pose, FOCAL, CENTRE)[0][..., :2]
    ones = np.ones((*pose.shape[:2], 1), dtype=np.float32)
    np.savez(
        folder / 'train.npz',
        imgname=np.array(names),
        center=pixels[:, 0],
        scale=np.full(len(pose), 4, dtype=np.float32),
        part=np.concatenate([pixels, ones], axis=-1),
        S=np.concatenate([pose, ones], axis=-1),
    )
    (folder / 'cameras.pkl').write_bytes(pickle.dumps(cameras))


def build_ours(folder: str, args: argparse.Namespace) -> LiftingDataset:
    """LiftingDataset with the training pipeline of the 2.5D protocol."""
    return LiftingDataset(
        'store',
        data_root=folder,
        seq_len=args.seq_len,
        stride=args.stride,
        tail='drop',
        short='drop',
        target='image',
        pipeline=[
            dict(
                type='GenerateTarget',
                encoder=dict(type='LiftingLabel', target='image', confidence=True),
            ),
            dict(type='PackLiftingInputs'),
        ],
    )


def build_mmpose(folder: str, args: argparse.Namespace, flip: bool) -> Human36mDataset:
    """Human36mDataset with the training pipeline of MMPose's MotionBERT config."""
    codec = dict(
        type='MotionBERTLabel', num_keypoints=17, concat_vis=True, mode='train'
    )
    centre = dict(center_mode='static', center_x=0.0)
    transforms: list[dict[str, Any]] = [
        dict(type='GenerateTarget', encoder=codec),
        dict(
            type='RandomFlipAroundRoot',
            keypoints_flip_cfg=centre,
            target_flip_cfg=centre,
            flip_label=True,
        ),
        dict(
            type='PackPoseInputs',
            meta_keys=(
                'id',
                'category_id',
                'target_img_path',
                'flip_indices',
                'factor',
                'camera_param',
            ),
        ),
    ]
    if not flip:
        del transforms[1]
    return Human36mDataset(
        ann_file='train.npz',
        seq_len=1,
        multiple_target=args.seq_len,
        multiple_target_step=args.stride,
        camera_param_file='cameras.pkl',
        data_root=folder,
        data_prefix=dict(img='images/'),
        pipeline=transforms,
    )


def compare(ours: LiftingDataset, theirs: Human36mDataset) -> None:
    """Check that both give the same samples."""
    if len(ours) != len(theirs):
        raise ValueError(f'{len(ours)} windows of ours, {len(theirs)} of MMPose')
    for i in {0, len(ours) // 2, len(ours) - 1}:
        left, right = ours[i], theirs[i]
        torch.testing.assert_close(
            left['inputs'], right['inputs'].float(), atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            left['data_samples'].gt_instance_labels.lifting_target_label,
            right['data_samples'].gt_instance_labels.lifting_target_label.float(),
            atol=1e-4,
            rtol=0,
        )


def measure(datasets: dict[str, Any], rounds: int) -> dict[str, float]:
    """Median microseconds a sample, over rounds in which the datasets take turns."""
    order = np.random.default_rng(0).permutation(len(datasets['ours'])).tolist()
    times: dict[str, list[float]] = {name: [] for name in datasets}
    for _ in range(rounds + 1):
        for name, dataset in datasets.items():
            _, seconds = timed(lambda data=dataset: [data[i] and None for i in order])
            times[name].append(seconds / len(order) * 1e6)
    # The first round warms caches up.
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns, and its wall time in seconds."""
    start = time.perf_counter()
    value = call()
    return value, time.perf_counter() - start


if __name__ == '__main__':
    main()
