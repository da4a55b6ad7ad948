"""The error of lifters along each axis, for all and for hard actions (PrML, Fig. 3).

    python tools/analysis_tools/axis_errors.py --out axes \
        configs/prml/prml_mocap_9.py PRML.pth \
        configs/prml/motionbert_mocap_9.py MOTIONBERT.pth --labels PrML MotionBERT
    python tools/analysis_tools/axis_errors.py ... --actions Sitting SittingDown Photo
    python tools/analysis_tools/axis_errors.py --out axes \
        --metrics prml.json motionbert.json --labels PrML MotionBERT

The axes are those of the camera: x right, y down, and depth. The bars `x`, `y` and
`depth` are mean absolute errors; `2D` is the length of the error in x and y, which the
paper calls the X-Y axes, and `3D` is the MPJPE. Without `--actions` the three actions
with the largest error, averaged over the lifters, are shown.

`--metrics` reads what `PoseLiftingMetric(outfile=...)` wrote instead of running
checkpoints; such files hold `2D`, `depth` and `3D` of each sequence, but not x and y.
Actions are averaged over frames; all frames together as the metric weights them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.engine.inference import LiftedFrames, evaluator_configs
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    add_lifter_arguments,
    command_line,
    lift_test_data,
    lifter_files,
)
from mmpose_ext.evaluation.functional import axis_errors, joint_errors
from mmpose_ext.evaluation.metrics.frame_values import mean_of_joints
from mmpose_ext.geometry.skeletons import joint_indices
from mmpose_ext.visualization.bars import draw_grouped_bars
from mmpose_ext.visualization.curves import new_figure

NAME = 'axis_errors'
ALL = 'all actions'
HARDEST = 3
OUTFILE_AXES = {'2D': 'MPJPE_xy', 'depth': 'MPJPE_depth', '3D': 'MPJPE'}

Errors = dict[str, dict[str, float]]
"""Millimetres by group (`ALL` first, then every action) and axis."""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser, nargs='*')
    parser.add_argument(
        '--metrics', nargs='+', metavar='FILE', help='outfiles of PoseLiftingMetric'
    )
    parser.add_argument(
        '--actions', nargs='+', help='hard actions to show beside all of them'
    )
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, Errors]:
    """Measure or read, write, draw.

    Returns:
        Errors by lifter.
    """
    args = parse_args(argv)
    errors = read_outfiles(args) if args.metrics else measure(args)
    actions = chosen_actions(errors, args.actions)
    report = {
        'command': command_line(__file__, argv),
        'unit': 'mm',
        'hard_actions': actions,
        'errors': errors,
    }
    write_json(args.out / f'{NAME}.json', report)
    with atomic_path(args.out / f'{NAME}.png') as file:
        draw(errors, actions).savefig(file)
    for label, groups in errors.items():
        cells = '  '.join(f'{axis} {mm:.1f}' for axis, mm in groups[ALL].items())
        print(f'{label}, {ALL} [mm]: {cells}')
    return errors


def measure(args: argparse.Namespace) -> dict[str, Errors]:
    """Run the lifters."""
    return {files.label: measure_lifter(files, args) for files in lifter_files(args)}


def measure_lifter(files: LifterFiles, args: argparse.Namespace) -> Errors:
    """Errors of one lifter on the test data of its config."""
    cfg, dataset, frames = lift_test_data(files, args)
    evaluator = evaluator_configs(cfg)[0]
    numbers = joint_indices(evaluator.get('joints') or range(frames.seen.shape[1]))
    arrays = (frames.pred, frames.truth, frames.seen)
    return group_errors(
        frame_errors(*(torch.from_numpy(array[:, numbers]) for array in arrays)),
        actions_of(frames, dataset),
        frames.sequence,
        weighting=evaluator.get('weighting', 'frame'),
    )


def actions_of(frames: LiftedFrames, dataset: Any) -> np.ndarray:
    """What is done in each frame ``(N,)``: its own activity, else its sequence's."""
    store = dataset.store
    if 'activity' not in store:
        return frames.labels(dataset, 'action')
    numbers = np.asarray(store['activity'])[frames.store_rows(dataset)]
    return np.array(store.header['activities'])[numbers]


def frame_errors(
    pred: torch.Tensor, truth: torch.Tensor, seen: torch.Tensor
) -> dict[str, np.ndarray]:
    """Errors of each frame by axis.

    Args:
        pred: Poses ``(N, K, 3)``, camera axes, metres.
        truth: True poses of the same shape.
        seen: Joints that count ``(N, K)``, bool, at least one in each frame.

    Returns:
        Millimetres ``(N,)`` for each axis.
    """
    in_plane, depth = axis_errors(pred, truth)
    x, y = (pred - truth)[..., :2].abs().unbind(-1)
    whole = joint_errors(pred, truth)
    errors = {'x': x, 'y': y, '2D': in_plane, 'depth': depth, '3D': whole}
    return {
        axis: 1000 * mean_of_joints(error, seen).double().numpy()
        for axis, error in errors.items()
    }


def group_errors(
    errors: Mapping[str, np.ndarray],
    actions: np.ndarray,
    sequences: np.ndarray,
    *,
    weighting: str = 'frame',
    weights: np.ndarray | None = None,
) -> Errors:
    """Average errors over all rows and over each action.

    Args:
        errors: By axis, one for each frame (or sequence), ``(N,)``.
        actions: Action of each, ``(N,)``.
        sequences: Sequence of each, ``(N,)``.
        weighting: What weighs the same in the average over all: ``'frame'``,
            ``'sequence'`` or ``'action'``.
        weights: Frames that each stands for, ``(N,)``; 1 if left out.
    """
    if weights is None:
        weights = np.ones(len(actions))

    def means(values: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        names, index = np.unique(labels, return_inverse=True)
        total = np.bincount(index, values * weights)
        return dict(
            zip(names.tolist(), total / np.bincount(index, weights), strict=True)
        )

    everything = {
        'frame': np.zeros(len(actions)),
        'sequence': sequences,
        'action': actions,
    }[weighting]
    grouped: Errors = {ALL: {}}
    for axis, values in errors.items():
        grouped[ALL][axis] = float(np.mean([*means(values, everything).values()]))
        for action, mean in means(values, actions).items():
            grouped.setdefault(action, {})[axis] = float(mean)
    return grouped


def read_outfiles(args: argparse.Namespace) -> dict[str, Errors]:
    """Errors from files of the metric, by label.

    Raises:
        ValueError: If checkpoints are given too, or labels do not fit.
    """
    if args.files:
        raise ValueError('give either --metrics or configs with checkpoints')
    labels = args.labels or [Path(file).stem for file in args.metrics]
    if len(labels) != len(args.metrics) or len(set(labels)) < len(labels):
        raise ValueError(
            f'{len(args.metrics)} files need as many distinct labels, got {labels}'
        )
    return {
        label: read_outfile(file)
        for label, file in zip(labels, args.metrics, strict=True)
    }


def read_outfile(file: str) -> Errors:
    """Errors from one file of the metric.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not hold the errors of sequences.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f'there is no file {file}')
    written = json.loads(Path(file).read_text(encoding='utf-8'))
    rows = written.get('sequences') or []
    if not rows or not {*OUTFILE_AXES.values(), 'frames'} <= set(rows[0]):
        raise ValueError(
            f'{file} has no errors by axis; expected what PoseLiftingMetric writes '
            "with outfile='FILE.json'"
        )
    return group_errors(
        {
            axis: np.array([row[name] for row in rows], dtype=float)
            for axis, name in OUTFILE_AXES.items()
        },
        np.array([str(row.get('action') or 'unknown') for row in rows]),
        np.array([row['name'] for row in rows]),
        weighting=written.get('weighting', 'frame'),
        weights=np.array([row['frames'] for row in rows], dtype=float),
    )


def chosen_actions(
    errors: Mapping[str, Errors], actions: Sequence[str] | None
) -> list[str]:
    """The actions that were asked for, else the hardest.

    Raises:
        ValueError: If an action is not in the data of every lifter.
    """
    groups = [set(groups) - {ALL} for groups in errors.values()]
    common = set.intersection(*groups)
    if actions is None:
        mean = {a: np.mean([e[a]['3D'] for e in errors.values()]) for a in common}
        return sorted(common, key=lambda action: (-mean[action], action))[:HARDEST]
    unknown = [action for action in actions if action not in common]
    if unknown:
        raise ValueError(
            f'the actions {unknown} are not in the data of every lifter; known: '
            f'{sorted(common)}'
        )
    return list(actions)


def draw(errors: Mapping[str, Errors], actions: Sequence[str]) -> Figure:
    """Bars for all actions and for each hard one, axes that all lifters have."""
    axes = [
        axis
        for axis in next(iter(errors.values()))[ALL]
        if all(axis in groups[ALL] for groups in errors.values())
    ]
    groups = [ALL, *actions]
    columns = min(2, len(groups))
    rows = -(-len(groups) // columns)
    figure = new_figure(width=5.5 * columns, height=3.2 * rows)
    figure.set_layout_engine('constrained')
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for ax, group in zip(grid, groups, strict=False):
        values = {
            label: {axis: rows[group][axis] for axis in axes}
            for label, rows in errors.items()
        }
        draw_grouped_bars(ax, values, title=group)
    for ax in grid[len(groups) :]:
        ax.remove()
    for ax in grid[::columns]:
        ax.set_ylabel('error [mm]')
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=4, frameon=False)
    return figure


if __name__ == '__main__':
    main()
