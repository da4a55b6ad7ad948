"""What modalities contribute over the epochs, run beside run (Peng et al., Fig. 4).

    python tools/analysis_tools/plot_contributions.py work_dirs/concat work_dirs/awc \
        --out contributions.png --labels concatenation "with AWC"

Each run has a `contributions.json`, which ShapleyContributionHook writes; give the file
or the folder. Above: Shapley values; below: the standard deviation of what each
modality predicts alone, which is near 0 where a modality has been suppressed. All runs
have the same axes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.visualization.contributions import (
    draw_contribution_comparison,
    read_contributions,
)
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.run_files import names_of_runs


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('runs', nargs='+', metavar='RUN_DIR', help='folders of runs')
    parser.add_argument('--out', type=Path, required=True, help='picture to write')
    parser.add_argument(
        '--labels', nargs='+', help='a name for each run (default: its folder)'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Read and draw."""
    args = parse_args(argv)
    labels = names_of_runs(args.runs, args.labels)
    histories = [read_contributions(run) for run in args.runs]
    figure = draw_contribution_comparison(
        new_figure(1.0 + 3.6 * len(labels), 5.4),
        dict(zip(labels, histories, strict=True)),
    )
    with atomic_path(args.out) as temporary:
        figure.savefig(temporary)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
