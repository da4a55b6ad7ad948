"""The 2D pose inside a lifter's 3D output against the truth (PrML, Fig. 2, Table 16).

    python tools/analysis_tools/reprojected_2d.py --out reprojected \
        configs/prml/prml_mocap_9.py PRML.pth \
        configs/prml/motionbert_mocap_9.py MOTIONBERT.pth --labels PrML MotionBERT \
        --cfg-options test_dataloader.dataset.keypoints_2d=det
    python tools/analysis_tools/reprojected_2d.py ... --pictures 6 --head thorax

A lifter takes 2D keypoints and gives them back as part of its 3D pose. The
root-relative output is put at the true root and brought to pixels: with a 2.5D target
by its metres per pixel, with a camera-space target by perspective projection through
the sequence's camera. Its PCKh@0.5 stands beside that of the input. Both are measured
against the true projection.

The paper does not say how long a head is: `--head neck` takes the true distance from
neck base to head, `thorax` that from thorax to head. The root is given, so it does not
count unless `--count-root` says so. Every frame and joint weighs the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.datasets.frame_store import SequenceInfo
from mmpose_ext.engine.hooks.pose_picture_hook import bones_of, spread
from mmpose_ext.engine.inference import LiftedFrames
from mmpose_ext.engine.lifter_files import (
    add_lifter_arguments,
    command_line,
    lift_test_data,
    lifter_files,
)
from mmpose_ext.evaluation.functional import pckh
from mmpose_ext.geometry import H36M17, project_to_pixels
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.pose2d import draw_pose_rows

NAME = 'reprojected_2d'
HEADS = {'neck': ('neck_base', 'head'), 'thorax': ('thorax', 'head')}
INPUT = 'input'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser)
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    parser.add_argument(
        '--head', choices=tuple(HEADS), default='neck', help='what a head length is'
    )
    parser.add_argument(
        '--threshold', type=float, default=0.5, help='in head lengths (default 0.5)'
    )
    parser.add_argument(
        '--count-root', action='store_true', help='let the given root count'
    )
    parser.add_argument(
        '--pictures',
        type=int,
        default=0,
        metavar='N',
        help='draw N frames, spread evenly: truth, input and every lifter',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, write, draw.

    Returns:
        The report, as it is written.
    """
    args = parse_args(argv)
    rows = []
    poses: dict[str, np.ndarray] = {}
    for files in lifter_files(args):
        _, dataset, frames = lift_test_data(files, args)
        truth = true_pixels(frames, dataset)
        pixels = {
            INPUT: frames.input_pixels(dataset),
            files.label: predicted_pixels(frames, dataset),
        }
        scores = score(pixels, truth, frames.seen, args)
        about = {**files._asdict(), 'options': dict(args.cfg_options)}
        rows.append({**about, **scores, 'frames': len(frames)})
        if args.pictures:
            names = frame_names(frames, dataset)
            chosen = spread(len(frames), args.pictures)
            check_same_frames(poses, names, chosen, files.label)
            poses |= {name: p[chosen] for name, p in pixels.items()}
            poses |= {'truth': truth[chosen], 'names': names[chosen]}
    report = {
        'command': command_line(__file__, argv),
        'threshold': args.threshold,
        'head': HEADS[args.head],
        'root_counts': args.count_root,
        'lifters': rows,
    }
    write_json(args.out / f'{NAME}.json', report)
    print_table(report)
    if args.pictures:
        with atomic_path(args.out / f'{NAME}.png') as file:
            draw(poses, dataset.metainfo).savefig(file)
    return report


def true_pixels(frames: LiftedFrames, dataset: Any) -> np.ndarray:
    """True projections ``(N, K, 2)``, pixels."""
    return np.asarray(dataset.store['pose_image'][frames.store_rows(dataset)])[..., :2]


def predicted_pixels(frames: LiftedFrames, dataset: Any) -> np.ndarray:
    """Predicted keypoints ``(N, K, 2)``, pixels, with the root at its true place.

    Raises:
        ValueError: If the store has no scale or no camera to do it with.
    """
    store, rows = dataset.store, frames.store_rows(dataset)
    if dataset.target == 'image':
        factor = np.asarray(store['factor'][rows])
        if not (factor > 0).all():
            raise ValueError(
                f'{store.path}: the factor (metres per pixel) of some frames is '
                'unknown, so the output cannot be brought to pixels'
            )
        root = np.asarray(store['pose_image'][rows, :1, :2])
        return frames.pred[..., :2] / factor[:, None, None] + root
    camera = {
        key: per_frame(dataset, frames, partial(intrinsic, key=key))[:, None]
        for key in ('f', 'c', 'distortion')
    }
    root_cam = np.asarray(store['pose_cam'][rows, :1])
    return project_to_pixels(frames.pred + root_cam, **camera)


def intrinsic(sequence: SequenceInfo, key: str) -> Sequence[float]:
    """One entry of a sequence's camera; no distortion means none.

    Raises:
        ValueError: If the camera is unknown.
    """
    known = sequence.intrinsics or {}
    if key == 'distortion':
        return known.get(key) or [0.0] * 5
    if key not in known:
        raise ValueError(
            f'sequence {sequence.name!r} has no intrinsics {key!r}, by which a '
            'camera-space prediction is projected; convert the data with them'
        )
    return known[key]


def per_frame(
    dataset: Any,
    frames: LiftedFrames,
    value: Callable[[SequenceInfo], Sequence[float] | None],
) -> np.ndarray:
    """A vector of each frame's sequence, ``(N, D)``."""
    used, index = np.unique(frames.sequence, return_inverse=True)
    values = [value(dataset.store.sequences[row]) for row in used]
    return np.array(values, dtype=np.float32)[index]


def score(
    poses: dict[str, np.ndarray],
    truth: np.ndarray,
    seen: np.ndarray,
    args: argparse.Namespace,
) -> dict[str, float]:
    """PCKh in per cent and mean error in pixels, of input and output.

    Args:
        poses: The input and one output by name, pixels, each ``(N, K, 2)``.
        truth: True projections of the same shape.
        seen: Joints with a truth ``(N, K)``, bool.
        args: Parsed arguments.
    """
    names = H36M17.joint_names
    head = tuple(names.index(name) for name in HEADS[args.head])
    joints = [j for j in range(len(names)) if args.count_root or j != H36M17.root]
    row = {}
    for name, pixels in poses.items():
        shares = pckh(
            torch.from_numpy(pixels),
            torch.from_numpy(truth),
            head=head,  # type: ignore[arg-type]
            ratio=args.threshold,
            joints=joints,
            seen=torch.from_numpy(seen),
        )
        errors = np.linalg.norm(pixels - truth, axis=-1)[:, joints]
        key = INPUT if name == INPUT else 'output'
        row[f'{key}_PCKh'] = 100 * float(shares.nanmean())
        row[f'{key}_error_px'] = float(errors[seen[:, joints]].mean())
    return row


def frame_names(frames: LiftedFrames, dataset: Any) -> np.ndarray:
    """A name for each frame, ``(N,)``."""
    names = frames.labels(dataset, 'name')
    return np.char.add(np.char.add(names, ' '), frames.frame.astype(str))


def check_same_frames(
    poses: dict[str, np.ndarray], names: np.ndarray, chosen: list[int], label: str
) -> None:
    """Refuse pictures of lifters that score different frames.

    Raises:
        ValueError: If the frames chosen before are others.
    """
    if poses and not np.array_equal(poses['names'], names[chosen]):
        raise ValueError(
            f'{label} scores other frames than the lifter before it, so they cannot '
            'stand in one picture; give lifters with the same test data'
        )


def draw(poses: dict[str, np.ndarray], metainfo: dict[str, Any]) -> Figure:
    """A row a frame: truth, input, each lifter."""
    poses = dict(poses)
    truth, names = poses.pop('truth'), poses.pop('names')
    edges, colours = bones_of(truth.shape[1], metainfo)
    figure = new_figure(2.2 * (1 + len(poses)), 2.4 * len(truth))
    return draw_pose_rows(
        figure, truth, poses, edges=edges, edge_colours=colours, titles=names.tolist()
    )


def print_table(report: dict[str, Any]) -> None:
    """Print PCKh and pixels of input and output."""
    table = Table('lifter', title=f'PCKh@{report["threshold"]:g}')
    for name in ('input %', 'output %', 'input px', 'output px'):
        table.add_column(name, justify='right')
    for row in report['lifters']:
        keys = ('input_PCKh', 'output_PCKh', 'input_error_px', 'output_error_px')
        table.add_row(row['label'], *(f'{row[key]:.2f}' for key in keys))
    Console().print(table)


if __name__ == '__main__':
    main()
