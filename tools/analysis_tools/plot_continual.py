"""Errors of runs over tasks, side by side (Peng et al., Fig. 5).

    python tools/analysis_tools/plot_continual.py work_dirs/naive_seed0 \
        work_dirs/ours_seed{0,1,2} --labels naive ours --out errors.png
    python tools/analysis_tools/plot_continual.py \
        configs/mmfi/results/tasks_{fine_tuning,ours}_synthetic_seed*.json \
        --matrices matrices.png --metric MPJPE P-MPJPE
    python tools/analysis_tools/plot_continual.py work_dirs/without work_dirs/with \
        --losses losses.png --task 2

A run is the folder in which TaskIncrementalTrainLoop wrote `continual.json`, that file
or a result file of tools/experiments.py. It is called like its folder or result file;
what differs in `_seed<N>` at the end alone are seeds of one method: drawn as mean and
range. `--labels` gives the methods other names, in the order in which they come.

`--out`: mean error of the tasks so far, errors on each task at the end and right after
learning it, forgetting. `--matrices`: errors on every task after every task, the mean
over seeds. `--losses`: of clean and noisy samples of one task and the Gaussians that
tell them apart (Fig. 3), a panel a run (seeds too), such as without and with gradient
stop, from the `losses_task_*.json` in folders of runs that separate noise. If a run has
not finished, only the tasks that all runs have learnt are drawn.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.engine.continual import TaskRecord
from mmpose_ext.engine.continual.task_record import METRICS
from mmpose_ext.evaluation.functional.loss_mixture import GaussianPair
from mmpose_ext.visualization.continual import (
    LossFit,
    draw_average_error,
    draw_error_matrix,
    draw_forgetting,
    draw_loss_mixture,
    draw_task_errors,
    task_labels,
)
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.run_files import read_run_file

RECORD = 'continual.json'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'runs', nargs='+', metavar='RUN', help='folders of runs, or result files'
    )
    parser.add_argument('--out', type=Path, help='picture of curves to write')
    parser.add_argument('--matrices', type=Path, help='picture of matrices to write')
    parser.add_argument('--losses', type=Path, help='picture of losses to write')
    parser.add_argument(
        '--task', type=int, default=2, help='task of --losses, from 2 (default: 2)'
    )
    parser.add_argument(
        '--labels', nargs='+', help='a name for each method (default: see above)'
    )
    parser.add_argument(
        '--metric',
        nargs='+',
        choices=METRICS,
        default=METRICS[:1],
        help=f'one error or several (default: {METRICS[0]})',
    )
    args = parser.parse_args(argv)
    if not (args.out or args.matrices or args.losses):
        parser.error('give --out, --matrices or --losses')
    methods = list(dict.fromkeys(method_of(run) for run in args.runs))
    if args.labels and len(args.labels) != len(methods):
        parser.error(f'the methods {methods} need as many labels, got {args.labels}')
    args.names = dict(zip(methods, args.labels or methods, strict=True))
    return args


def method_of(run: str) -> str:
    """What a run is a seed of: its folder or result file, without the seed."""
    path = Path(run).resolve()
    if path.name == RECORD:
        path = path.parent
    name = path.stem if path.suffix == '.json' else path.name
    return re.sub(r'_seed\d+$', '', name)


def read_record(path: Path) -> TaskRecord:
    """Read what a run over tasks wrote, or its result file.

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If the file is something else.
    """
    return read_run_file(
        path,
        RECORD,
        checked_record,
        hook='TaskIncrementalTrainLoop',
        when='after each task',
    )


def checked_record(content: Mapping[str, Any]) -> TaskRecord:
    """The record in the content of a ``continual.json`` or a result file.

    Raises:
        ValueError: If it is the result of another kind of run, or errors are no
            matrices over the tasks.
    """
    if 'row' in content:
        if 'continual' not in content:
            raise ValueError('the result is not that of a run over tasks')
        content = content['continual']
    record = TaskRecord.from_dict(content)
    for metric in METRICS:
        if record.matrix(metric).shape != (len(record.tasks),) * 2:
            raise ValueError(f'{metric} is no matrix over the tasks')
    return record


def read_losses(run: Path, task: int) -> LossFit:
    """Read how a run told the samples of a task apart.

    Raises:
        FileNotFoundError: If it did not.
        ValueError: If the file is something else.
    """
    file = (run if run.is_dir() else run.parent) / f'losses_task_{task}.json'
    if not file.is_file():
        raise FileNotFoundError(
            f'there is no {file}; runs with train_cfg.separation write it from task 2 '
            'on'
        )
    try:
        content = json.loads(file.read_text(encoding='utf-8'))
        pair = content['gaussians']
        fit = LossFit(
            np.array(content['losses'], dtype=np.float64),
            np.array(content['noisy'], dtype=bool),
            None if pair is None else GaussianPair.from_dict(pair),
        )
        if fit.losses.ndim != 1 or fit.losses.shape != fit.noisy.shape:
            raise ValueError(f'{fit.losses.shape} losses, {fit.noisy.shape} marks')
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{file} holds no losses of TaskIncrementalTrainLoop: '
            f'{type(error).__name__} {error}; run the task again'
        ) from error
    return fit


def panel_names(labels: Sequence[str]) -> list[str]:
    """A name of its own for each run: those of equal label are numbered."""
    return [
        f'{label}, run {labels[: number + 1].count(label)}'
        if labels.count(label) > 1
        else label
        for number, label in enumerate(labels)
    ]


def gather(
    records: Sequence[TaskRecord], labels: Sequence[str], metric: str
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Put runs of the same method together.

    Args:
        records: Of the runs.
        labels: Method of each.
        metric: Which error.

    Returns:
        Errors by method, ``(R, T, T)``, and names of the T tasks that all runs have
        learnt.

    Raises:
        ValueError: If the runs have different tasks, or one has learnt none.
    """
    tasks = records[0].tasks
    for record, label in zip(records, labels, strict=True):
        if record.tasks != tasks:
            raise ValueError(
                f'the run {label!r} has the tasks {record.tasks}, the first one '
                f'{tasks}; draw runs with the same tasks'
            )
        if not record.num_learnt:
            raise ValueError(f'the run {label!r} has not learnt a task yet')
    size = min(record.num_learnt for record in records)
    runs: dict[str, list[np.ndarray]] = {}
    for record, label in zip(records, labels, strict=True):
        runs.setdefault(label, []).append(record.matrix(metric)[:size, :size])
    names = task_labels(tasks[:size])
    return {label: np.stack(errors) for label, errors in runs.items()}, names


def draw_errors(
    runs: Mapping[str, dict[str, np.ndarray]], names: Sequence[str]
) -> Figure:
    """Curves of all methods.

    Args:
        runs: Errors by metric and method, ``(R, T, T)``; a block of axes a metric.
        names: Of the tasks.
    """
    figure = new_figure(11, 0.5 + 6.5 * len(runs))
    figure.set_layout_engine('constrained')
    axes = figure.subplots(2 * len(runs), 2)
    for number, (metric, errors) in enumerate(runs.items()):
        draw_block(axes[2 * number : 2 * number + 2], errors, names, metric)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside upper center', ncols=4, frameon=False)
    return figure


def draw_block(
    axes: np.ndarray, runs: dict[str, np.ndarray], names: Sequence[str], metric: str
) -> None:
    """The four pictures of one metric in axes ``(2, 2)``."""
    draw_average_error(axes[0, 0], runs, labels=names, metric=metric)
    draw_task_errors(axes[0, 1], runs, labels=names, metric=metric)
    draw_task_errors(axes[1, 1], runs, labels=names, when='own', metric=metric)
    top = max(ax.get_ylim()[1] for ax in axes[:, 1])
    for ax in axes[:, 1]:
        ax.set_ylim(0, top)
    if len(names) > 1:
        draw_forgetting(axes[1, 0], runs, labels=names, metric=metric)
    else:
        axes[1, 0].set_axis_off()


def draw_matrices(
    runs: Mapping[str, dict[str, np.ndarray]], names: Sequence[str]
) -> Figure:
    """A matrix a method, with the same colours in a metric.

    Args:
        runs: Errors by metric and method, ``(R, T, T)``; a row of axes a metric.
        names: Of the tasks.
    """
    columns = len(next(iter(runs.values())))
    width, height = 0.25 + 0.42 * len(names), 0.5 + 0.42 * len(names)
    figure = new_figure(0.6 + width * columns, 0.5 + height * len(runs))
    figure.set_layout_engine('constrained')
    grid = figure.subplots(len(runs), columns, squeeze=False)
    for axes, (metric, methods) in zip(grid, runs.items(), strict=True):
        means = {label: errors.mean(axis=0) for label, errors in methods.items()}
        values = np.stack(list(means.values()))
        limits = float(np.nanmin(values)), float(np.nanmax(values))
        for ax, (label, errors) in zip(axes, means.items(), strict=True):
            title = f'{label}: {metric}, mm'
            draw_error_matrix(ax, errors, labels=names, title=title, limits=limits)
            ax.label_outer()
    return figure


def main(argv: Sequence[str] | None = None) -> None:
    """Read and draw."""
    args = parse_args(argv)
    paths = [Path(run) for run in args.runs]
    labels = [args.names[method_of(run)] for run in args.runs]
    if args.losses is not None:
        fits = {
            label: read_losses(path, args.task)
            for label, path in zip(panel_names(labels), paths, strict=True)
        }
        save(draw_loss_mixture(new_figure(4.5 * len(fits), 3.2), fits), args.losses)
    if args.out is None and args.matrices is None:
        return
    records = [read_record(path) for path in paths]
    runs, names = {}, []
    for metric in args.metric:
        runs[metric], names = gather(records, labels, metric)
    if len(names) < len(records[0].tasks):
        print(f'drawing the {len(names)} tasks that all runs have learnt')
    for out, draw in ((args.out, draw_errors), (args.matrices, draw_matrices)):
        if out is not None:
            save(draw(runs, names), out)


def save(figure: Figure, file: Path) -> None:
    """Write a picture and say so."""
    with atomic_path(file) as temporary:
        figure.savefig(temporary)
    print(f'wrote {file}')


if __name__ == '__main__':
    main()
