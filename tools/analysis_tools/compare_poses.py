"""Poses of one method beside another's, on the same frames (Peng et al., Fig. 6).

    python tools/analysis_tools/compare_poses.py --out poses.png \
        configs/mmfi/ogm_ge.py OGM_GE.pth configs/mmfi/awc.py AWC.pth \
        --labels OGM-GE AWC
    python tools/analysis_tools/compare_poses.py ... --margin 30 --frames 8 --seed 1

Both methods predict frames of their test data, which must be the same: `--scored` of
them, evenly spread, over which the printed errors are averaged. `--frames` of these are
drawn, evenly spread or, with `--seed`, at random. A column of the picture is a frame:
the truth, then each method with the truth dashed below it. Joints that the second
method places better by more than `--margin` are circled; how many these are in all
scored frames, and how many are better in the first, is printed too, since a few frames
can be chosen to show anything.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from mmpose.registry import DATASETS
from rich.progress import track

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.datasets.multi_modal_collate import multi_modal_collate
from mmpose_ext.engine.hooks.pose_picture_hook import bones_of, spread
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    add_lifter_arguments,
    batch_size_of,
    lifter_files,
    load_config,
    load_lifter,
)
from mmpose_ext.evaluation.functional import mpjpe, p_mpjpe
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.pose_comparison import better_joints, draw_pose_comparison


class PredictedFrames(NamedTuple):
    """What a method makes of frames of its test data.

    Attributes:
        names: Sequence and frame, or the number of the sample if it has no names.
        pred: Predicted poses ``(N, K, 3)``, camera frame, metres.
        truth: True poses, alike.
        metainfo: Of the dataset.
    """

    names: list[str]
    pred: np.ndarray
    truth: np.ndarray
    metainfo: dict[str, Any]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser)
    parser.add_argument(
        '--margin', type=float, default=20.0, metavar='MM', help='(default: 20)'
    )
    parser.add_argument(
        '--frames', type=int, default=6, metavar='N', help='to draw (default: 6)'
    )
    parser.add_argument(
        '--scored', type=int, default=1000, metavar='N', help='(default: 1000)'
    )
    parser.add_argument('--seed', type=int, help='draw frames at random')
    parser.add_argument(
        '--azimuth', type=float, default=30.0, help='of the view, 0 from the camera'
    )
    parser.add_argument('--out', type=Path, required=True, help='picture to write')
    args = parser.parse_args(argv)
    if len(args.files) != 4:
        parser.error(
            'expected two methods, CONFIG CHECKPOINT CONFIG CHECKPOINT, got '
            f'{len(args.files)} files'
        )
    if not 1 <= args.frames <= args.scored or args.margin < 0:
        parser.error(
            f'--frames {args.frames}, --scored {args.scored}, --margin {args.margin}; '
            'expected 1 or more frames, not more than are scored, and no negative '
            'margin'
        )
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Predict, print, draw.

    Returns:
        By label ``MPJPE`` and ``P-MPJPE``, millimetres, and ``better``, the share of
        joints that this method places better by more than the margin.
    """
    args = parse_args(argv)
    files = lifter_files(args)
    first, second = (predict(one, args) for one in files)
    check_same_frames(files, first, second)
    report = {
        one.label: errors_of(own, other, args.margin)
        for one, own, other in zip(files, (first, second), (second, first), strict=True)
    }
    print(f'mean over {len(first.names)} frames of the test data:')
    for label, row in report.items():
        print(
            f'  {label}: MPJPE {row["MPJPE"]:.1f} mm, P-MPJPE {row["P-MPJPE"]:.1f} mm, '
            f'{row["better"]:.1%} of the joints better by more than {args.margin:g} mm'
        )
    labels = (files[0].label, files[1].label)
    with atomic_path(args.out) as file:
        draw(first, second, labels, args).savefig(file)
    print(f'wrote {args.out}')
    return report


@torch.no_grad()
def predict(files: LifterFiles, args: argparse.Namespace) -> PredictedFrames:
    """Run a method over frames of its test data."""
    cfg = load_config(files, args)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = load_lifter(files, args, cfg)
    numbers, size = spread(len(dataset), args.scored), batch_size_of(args, cfg)
    names, pred, truth = [], [], []
    for start in track(range(0, len(numbers), size), files.label):
        batch = [dataset[number] for number in numbers[start : start + size]]
        for sample in model.test_step(multi_modal_collate(batch)):
            names.append(name_of(sample))
            pred.append(sample.pred_instances.keypoints[0])
            truth.append(sample.gt_instances.lifting_target[0])
    return PredictedFrames(names, np.stack(pred), np.stack(truth), dataset.metainfo)


def name_of(sample: Any) -> str:
    """Sequence and frame of a data sample, or its number."""
    meta = sample.metainfo
    if 'sequence' in meta:
        return f'{meta["sequence"]} frame {meta["frame_id"]}'
    return f'sample {meta["sample_idx"]}'


def check_same_frames(
    files: Sequence[LifterFiles], first: PredictedFrames, second: PredictedFrames
) -> None:
    """Refuse methods that are tested on different data.

    Raises:
        ValueError: If they are.
    """
    if first.names != second.names or not np.array_equal(first.truth, second.truth):
        raise ValueError(
            f'{files[0].label} and {files[1].label} are tested on different frames; '
            'give configs with the same test data, or make them so with --cfg-options '
            'test_dataloader.dataset...'
        )


def errors_of(
    own: PredictedFrames, other: PredictedFrames, margin_mm: float
) -> dict[str, float]:
    """Mean errors of a method, and how often it beats the other by the margin."""
    pred, truth = torch.from_numpy(own.pred), torch.from_numpy(own.truth)
    better = better_joints(other.pred, own.pred, own.truth, margin_mm / 1000)
    return {
        'MPJPE': 1000 * float(mpjpe(pred, truth).mean()),
        'P-MPJPE': 1000 * float(p_mpjpe(pred, truth).mean()),
        'better': float(better.mean()),
    }


def draw(
    first: PredictedFrames,
    second: PredictedFrames,
    labels: tuple[str, str],
    args: argparse.Namespace,
) -> Figure:
    """The figure of some of the frames."""
    total = len(first.names)
    rows = spread(total, args.frames)
    if args.seed is not None:
        drawn = np.random.default_rng(args.seed).permutation(total)[: args.frames]
        rows = sorted(drawn.tolist())
    edges, colours = bones_of(first.truth.shape[1], first.metainfo)
    return draw_pose_comparison(
        new_figure(max(2.2 * len(rows), 5.0), 7.4),
        *(frames[rows] for frames in (first.truth, first.pred, second.pred)),
        labels=labels,
        margin=args.margin / 1000,
        edges=edges,
        edge_colours=colours,
        titles=[first.names[row].replace(' ', '\n', 1) for row in rows],
        azimuth=args.azimuth,
    )


if __name__ == '__main__':
    main()
