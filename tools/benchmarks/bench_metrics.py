"""Speed of our P-MPJPE, AUC and N-MPJPE against MMPose's, on the same random poses.

    python tools/benchmarks/bench_metrics.py                       # prints a table
    python tools/benchmarks/bench_metrics.py --out metrics.json    # and keeps it

Both sides get the same arrays, take turns, and are timed by the median of several
repeats on one thread. MMPose's functions are those its metrics call:
``keypoint_mpjpe(alignment='procrustes' | 'scale')``, ``keypoint_auc``, which accepts
two coordinates only, and for three coordinates ``keypoint_pck_accuracy`` at the 31
thresholds of the 3D protocol, the loop that ``keypoint_auc`` consists of. The two
results must agree, or the run fails.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmpose.evaluation.functional import (
    keypoint_auc,
    keypoint_mpjpe,
    keypoint_pck_accuracy,
)

from mmpose_ext.evaluation.functional import (
    auc,
    auc_thresholds,
    joint_errors,
    n_mpjpe,
    p_mpjpe,
)

TOLERANCE = 1e-4
Case = tuple[str, Callable[[], float], Callable[[], float]]


def main() -> None:
    """Time every case and print the table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    pred, truth = random_poses(args.frames, args.seed)
    rows = [
        measure(name, theirs, ours, args)
        for name, theirs, ours in make_cases(pred, truth)
    ]
    print(f'{args.frames} frames of 17 joints, {args.threads} thread(s), median of')
    print(f'{args.repeats} repeats, microseconds a frame; torch {torch.__version__}\n')
    print(f'{"":22}{"mmpose":>10}{"ours":>10}{"ratio":>10}')
    for row in rows:
        print(
            f'{row["name"]:22}{row["mmpose_us_per_frame"]:10.2f}'
            f'{row["ours_us_per_frame"]:10.2f}{row["ratio"]:9.1f}x'
        )
    if args.out is not None:
        report = {
            'frames': args.frames,
            'threads': args.threads,
            'repeats': args.repeats,
            'seed': args.seed,
            'torch': torch.__version__,
            'numpy': np.__version__,
            'machine': platform.machine(),
            'rows': rows,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
        print(f'\nwritten to {args.out}')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--frames', type=positive, default=10_000, help='default 10000')
    parser.add_argument('--repeats', type=positive, default=5, help='default 5')
    parser.add_argument('--threads', type=positive, default=1, help='default 1')
    parser.add_argument('--seed', type=int, default=0, help='default 0')
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    return parser.parse_args()


def positive(text: str) -> int:
    """An integer from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{value} is not 1 or more')
    return value


def random_poses(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and truths ``(N, 17, 3)``, float32 metres, about 80 mm apart."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 0.4, (frames, 17, 3))
    pred = truth + rng.normal(0, 0.05, truth.shape)
    return pred.astype(np.float32), truth.astype(np.float32)


def make_cases(pred: np.ndarray, truth: np.ndarray) -> list[Case]:
    """Name, MMPose's computation and ours, each a function without arguments."""
    mask = np.ones(pred.shape[:2], bool)
    ours_pred, ours_truth = torch.from_numpy(pred), torch.from_numpy(truth)

    def their_auc_3d() -> float:
        norm = np.ones((len(pred), 3))
        thresholds = auc_thresholds().numpy()
        return float(
            np.mean(
                [
                    keypoint_pck_accuracy(pred, truth, mask, t, norm)[1]
                    for t in thresholds
                ]
            )
        )

    def our_auc_2d() -> float:
        errors = joint_errors(ours_pred[..., :2], ours_truth[..., :2])
        return auc(errors, auc_thresholds()[:-1]).mean().item()

    return [
        (
            'P-MPJPE',
            lambda: keypoint_mpjpe(pred, truth, mask, 'procrustes'),
            lambda: p_mpjpe(ours_pred, ours_truth).mean().item(),
        ),
        (
            'AUC, 31 thresholds',
            their_auc_3d,
            lambda: auc(joint_errors(ours_pred, ours_truth)).mean().item(),
        ),
        (
            'AUC of x and y, 30',
            lambda: keypoint_auc(pred[..., :2], truth[..., :2], mask, 0.15, 30),
            our_auc_2d,
        ),
        (
            'N-MPJPE',
            lambda: keypoint_mpjpe(pred, truth, mask, 'scale'),
            lambda: n_mpjpe(ours_pred, ours_truth).mean().item(),
        ),
    ]


def measure(
    name: str,
    theirs: Callable[[], float],
    ours: Callable[[], float],
    args: argparse.Namespace,
) -> dict[str, float | str]:
    """Time both in turns and check that they agree."""
    expected, found = float(theirs()), float(ours())
    if abs(expected - found) > TOLERANCE * max(abs(expected), 1e-3):
        raise SystemExit(f'{name}: mmpose finds {expected}, ours {found}')
    seconds: dict[Callable[[], float], list[float]] = {theirs: [], ours: []}
    for _ in range(args.repeats):
        for function, times in seconds.items():
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    slow, fast = (
        statistics.median(times) / args.frames * 1e6 for times in seconds.values()
    )
    return {
        'name': name,
        'value_mmpose': expected,
        'value_ours': found,
        'mmpose_us_per_frame': slow,
        'ours_us_per_frame': fast,
        'ratio': slow / fast,
    }


if __name__ == '__main__':
    main()
