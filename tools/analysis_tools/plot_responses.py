"""Mean heights of heatmaps over training, run beside run (Xie et al., Fig. 3, 7, 8).

    python tools/analysis_tools/plot_responses.py work_dirs/naive_r18_coco \
        work_dirs/dual_jc_r18_coco --out responses.png --labels naive "easy and hard"
    python tools/analysis_tools/plot_responses.py --out responses.png \
        configs/dual_student/results/responses/*_synthetic_100_seed0.json

Each run has a `collapse.json`, which CollapseMonitorHook writes; give the file or the
folder, or what tools/experiments.py keeps of it in `results/responses` of a family.
Blue: labelled images; red and green: teacher and student on unlabelled ones;
dotted: the validation metric, on the axis at the right. A vertical line is where the
hook saw a collapse (red) or its end (green). All runs have the same heights.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.response_curves import (
    draw_response_comparison,
    read_responses,
)
from mmpose_ext.visualization.run_files import names_of_runs


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'runs', nargs='+', metavar='RUN', help='folders of runs, or files of responses'
    )
    parser.add_argument('--out', type=Path, required=True, help='picture to write')
    parser.add_argument(
        '--labels', nargs='+', help='a name for each run (default: its folder or file)'
    )
    parser.add_argument(
        '--columns', type=int, default=4, help='runs in a row (default 4)'
    )
    args = parser.parse_args(argv)
    if args.columns < 1:
        parser.error(f'--columns must be positive, got {args.columns}')
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Read and draw."""
    args = parse_args(argv)
    labels = names_of_runs(args.runs, args.labels or [*map(name_of, args.runs)])
    histories = [read_responses(run) for run in args.runs]
    columns = min(args.columns, len(labels))
    rows = -(-len(labels) // columns)
    figure = draw_response_comparison(
        new_figure(1.0 + 3.6 * columns, 0.6 + 2.6 * rows),
        dict(zip(labels, histories, strict=True)),
        columns=columns,
    )
    with atomic_path(args.out) as temporary:
        figure.savefig(temporary)
    print(f'wrote {args.out}')


def name_of(run: str) -> str:
    """Of the folder that a run left; of the file, if it was kept elsewhere."""
    path = Path(run).resolve()
    if path.is_dir():
        return path.name
    return path.parent.name if path.name == 'collapse.json' else path.stem


if __name__ == '__main__':
    main()
