"""Curves and times from the JSON log of a run.

    LOG=work_dirs/RUN/DATE/vis_data/scalars.json
    python tools/analysis_tools/analyze_logs.py plot_curve $LOG --keys loss MPJPE \
        --out curve.png
    python tools/analysis_tools/analyze_logs.py cal_train_time $LOG

Several logs are drawn into one picture. Keys of the training log and of validations
may be mixed; both stand over the training step.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; names are those of MMPose's tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest='task', required=True)
    plot = commands.add_parser('plot_curve', help='draw curves')
    plot.add_argument('json_logs', nargs='+', help='JSON logs')
    plot.add_argument('--keys', nargs='+', default=['loss'], help='what to draw')
    plot.add_argument('--title')
    plot.add_argument('--legend', nargs='+', help='one for each curve')
    plot.add_argument('--backend', help="Matplotlib's backend, for a window")
    plot.add_argument(
        '--style', default='dark', help='dark, darkgrid, white, whitegrid or ticks'
    )
    plot.add_argument('--out', help='picture to write; without it a window opens')
    time = commands.add_parser('cal_train_time', help='time of a training step')
    time.add_argument('json_logs', nargs='+', help='JSON logs')
    time.add_argument(
        '--include-outliers',
        action='store_true',
        help='count the first record of each epoch, which holds start-up costs',
    )
    return parser.parse_args(argv)


def load_log(path: str) -> list[Record]:
    """Read a log of one JSON object a line.

    Args:
        path: `scalars.json` or `<date>.json` of a run.

    Returns:
        The records. Those of validations get the key `iter`: MMEngine writes them with
        the epoch as `step`, here they follow the training records before them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not such a log.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no log {path}')
    records = []
    step = 0
    for number, line in enumerate(Path(path).read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f'{path}, line {number} is not a JSON object ({error}); expected '
                'vis_data/scalars.json of a run'
            ) from error
        step = record.setdefault('iter', step)
        records.append(record)
    return records


def curve_of(records: Sequence[Record], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a key.

    Raises:
        KeyError: If no record has it.
    """
    points = [(record['iter'], record[key]) for record in records if key in record]
    if not points:
        known = sorted({name for record in records for name in record})
        raise KeyError(f'the log has no {key!r}; it has {known}')
    steps, values = np.asarray(points, dtype=float).T
    return steps, values


def plot_curve(args: argparse.Namespace) -> None:
    """Draw the keys of all logs.

    Raises:
        ValueError: If the number of legends is wrong.
    """
    import matplotlib

    if args.out:
        matplotlib.use('Agg')
    elif args.backend:
        matplotlib.use(args.backend)
    import matplotlib.pyplot as plt

    curves = len(args.json_logs) * len(args.keys)
    legend = args.legend or [f'{p}_{k}' for p in args.json_logs for k in args.keys]
    if len(legend) != curves:
        raise ValueError(f'{curves} curves need as many legends, got {len(legend)}')
    logs = [load_log(path) for path in args.json_logs]
    data = [curve_of(records, key) for records in logs for key in args.keys]
    with plt.style.context(f'seaborn-v0_8-{args.style}'):
        figure, ax = plt.subplots(layout='constrained')
        for name, curve in zip(legend, data, strict=True):
            ax.plot(*curve, label=name, linewidth=0.8)
        ax.set_xlabel('step')
        ax.legend()
        if args.title:
            ax.set_title(args.title)
        if args.out:
            figure.savefig(args.out, dpi=150)
            print(f'wrote {args.out}')
        else:
            plt.show()
        plt.close(figure)


def train_times(records: Sequence[Record], include_outliers: bool) -> list[float]:
    """Mean seconds of a step, one value an epoch.

    Raises:
        ValueError: If no epoch has a record to count.
    """
    epochs: dict[int, list[float]] = {}
    for record in records:
        if 'epoch' in record and 'time' in record:
            epochs.setdefault(record['epoch'], []).append(record['time'])
    skip = 0 if include_outliers else 1
    means = [float(np.mean(t[skip:])) for t in epochs.values() if len(t) > skip]
    if not means:
        raise ValueError(
            'no epoch has enough records; try --include-outliers or a smaller interval '
            'of the LoggerHook'
        )
    return means


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the time of a step for each log."""
    for path in args.json_logs:
        means = np.asarray(train_times(load_log(path), args.include_outliers))
        print(f'-----Analyze train time of {path}-----')
        for name, index in (('slowest', means.argmax()), ('fastest', means.argmin())):
            print(f'{name} epoch {index + 1}, average time is {means[index]:.4f}')
        print(f'time std over epochs is {means.std():.4f}')
        print(f'average iter time: {means.mean():.4f} s/iter\n')


def main(argv: Sequence[str] | None = None) -> None:
    """Run the chosen command."""
    args = parse_args(argv)
    {'plot_curve': plot_curve, 'cal_train_time': cal_train_time}[args.task](args)


if __name__ == '__main__':
    main()
