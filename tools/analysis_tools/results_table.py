"""Make a family's tables, and its metafile's results, from its result files.

    python tools/analysis_tools/results_table.py configs/prml            # rewrites it
    python tools/analysis_tools/results_table.py configs/prml --check    # 1 if stale

`experiments.yaml` describes each table: its rows, its columns (names of metrics, or a
mapping of headings to `{metric, scale}`) and, optionally, the row that others are
compared with. The table stands in a page of the family (`*.md`) between the lines
`<!-- results: NAME -->` and `<!-- /results -->`. A row without result files says
`not yet`, and so does one whose files have none of the scores. `metafile.yml`, which
model zoos read, gets the means of every row that runs a config as it stands or on noisy
2D; the list's `metafile` names task and metrics, by default those of lifters. A metric
there with `data: NAME` is for models whose training data begin with that name.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.evaluation.functional.bootstrap import Interval, relative_gain

BLOCK = '<!-- results: {name} -->\n{body}\n<!-- /results -->'
LIFTING = {'task': '3D Human Pose Lifting', 'metrics': ['MPJPE', 'P-MPJPE']}
Runs = list[dict[str, Any]]
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
NOISY = {f'{loader}.dataset.keypoints_2d': 'det' for loader in LOADERS}
PATTERN = re.compile(r'<!-- results: (\S+) -->\n.*?<!-- /results -->', re.DOTALL)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('family', type=Path, help='folder such as configs/prml')
    parser.add_argument(
        '--check', action='store_true', help='change nothing; exit 1 if stale'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite or check the pages and the metafile."""
    args = parse_args(argv)
    stale = 0
    for file in sorted([*args.family.glob('*.md'), *args.family.glob('metafile.yml')]):
        make = render if file.suffix == '.md' else render_metafile
        old = file.read_text(encoding='utf-8')
        new = make(old, args.family)
        if args.check and old != new:
            print(f'{file} is stale: run this without --check', file=sys.stderr)
            stale = 1
        elif old != new:
            with atomic_path(file) as temporary:
                temporary.write_text(new, encoding='utf-8')
    return stale


def render(text: str, family: Path) -> str:
    """The README with every table made anew.

    Raises:
        ValueError: If the README has a table that `experiments.yaml` does not describe.
    """
    content = yaml.safe_load((family / 'experiments.yaml').read_text(encoding='utf-8'))
    tables = content.get('tables', {})

    def table(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in tables:
            raise ValueError(f'{family}/experiments.yaml has no table {name!r}')
        body = make_table(tables[name], family / 'results')
        return BLOCK.format(name=name, body=body)

    return PATTERN.sub(table, text)


def render_metafile(text: str, family: Path) -> str:
    """The metafile with the results of every model made anew."""
    content = yaml.safe_load((family / 'experiments.yaml').read_text(encoding='utf-8'))
    metafile, form = yaml.safe_load(text), content.get('metafile', LIFTING)
    for model in metafile['Models']:
        data = model['Metadata']['Training Data']
        columns = [c for c in read_columns(form['metrics']) if data.startswith(c.data)]
        model['Results'] = [
            {
                'Task': form['task'],
                'Dataset': f'{data}, noisy 2D' if row.get('options') else data,
                'Metrics': means(runs, columns),
            }
            for row in content['rows']
            if row['config'] == model['Config']
            and 'baseline' not in row
            # From other weights or on other data only if the config is named so.
            and ('init' not in row or row['name'] == Path(row['config']).stem)
            and row.get('options', {}) in ({}, NOISY)
            and (runs := load(family / 'results', row['name']))
        ]
    return yaml.safe_dump(metafile, sort_keys=False, width=88)


@dataclass(frozen=True)
class Column:
    """A metric, the factor that it is shown with, and the data that it belongs to."""

    heading: str
    metric: str
    scale: float = 1.0
    data: str = ''

    def of(self, runs: Runs) -> list[float]:
        """The values of runs that have this metric."""
        return [
            self.scale * run['metrics'][self.metric]
            for run in runs
            if self.metric in run['metrics']
        ]


def read_columns(spec: Sequence[str] | Mapping[str, Mapping]) -> list[Column]:
    """Columns from names of metrics, or from headings with the fields of a column."""
    if isinstance(spec, Mapping):
        return [Column(heading, **column) for heading, column in spec.items()]
    return [Column(name, name) for name in spec]


def means(runs: Runs, columns: Sequence[Column]) -> dict[str, float]:
    """Headline scores, mean over seeds, as in the tables."""
    return {
        column.heading: round(float(np.mean(values)), 1)
        for column in columns
        if (values := column.of(runs))
    }


def make_table(spec: Mapping[str, Any], results: Path) -> str:
    """One Markdown table.

    Args:
        spec: `rows` (row name to label), `columns`, optional
            `reference` (row name) for the gain in MPJPE with its 95 % interval, and
            `best` (row name) for the share of the gap between the two instead.
        results: Folder of the result files.
    """
    columns = read_columns(spec['columns'])
    reference, best = (
        load(results, spec[name]) if name in spec else None
        for name in ('reference', 'best')
    )
    headings = [column.heading for column in columns]
    header = ['method', *headings, 'seeds', 'training', 'state']
    if 'reference' in spec:
        gain = f'gain on {spec["rows"][spec["reference"]]}'
        header.insert(len(columns) + 1, 'gap closed' if 'best' in spec else gain)
    lines = ['| ' + ' | '.join(header) + ' |', '|---' * len(header) + '|']
    for row, label in spec['rows'].items():
        runs = load(results, row)
        cells = [label, *(mean_and_spread(runs, column) for column in columns)]
        if 'reference' in spec:
            same = row in (spec['reference'], spec.get('best'))
            cells.append('' if same else gain_cell(runs, reference, best))
        seeds = ', '.join(str(run['seed']) for run in runs)
        scored = any(column.of(runs) for column in columns)
        state = 'reproduced here' if scored else 'not yet'
        cells += [seeds, duration(runs), state]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def load(results: Path, row: str) -> list[dict[str, Any]]:
    """Result files of a row, by seed."""
    files = results.glob(f'{row}_seed*.json')
    runs = [json.loads(file.read_text(encoding='utf-8')) for file in files]
    return sorted(runs, key=lambda run: run['seed'])


def mean_and_spread(runs: Runs, column: Column) -> str:
    """Mean over seeds, and the standard deviation where there are several."""
    values = column.of(runs)
    if not values:
        return ''
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}'


def gain_cell(runs: Runs, reference: Runs | None, best: Runs | None = None) -> str:
    """Gain in MPJPE over the reference and its interval, per cent."""
    if not runs or not reference or best == []:
        return ''
    gain = gain_over(runs, reference, best)
    return f'{gain.value:.1%} [{gain.low:.1%}, {gain.high:.1%}]'.replace('%', ' %')


def gain_over(runs: Runs, reference: Runs, best: Runs | None = None) -> Interval:
    """Gain of the mean error over seeds, resampled by motion (all its cameras).

    Raises:
        ValueError: If the runs scored different sequences.
    """
    groups = [runs, reference, *([best] if best else [])]
    tables = [
        [{row['name']: row for row in run['sequences']} for run in group]
        for group in groups
    ]
    names = sorted(tables[0][0])
    if any(sorted(table) != names for group in tables for table in group):
        raise ValueError('runs that are compared must have scored the same sequences')
    errors, other, *bound = (
        np.mean([[table[name]['MPJPE'] for name in names] for table in group], axis=0)
        for group in tables
    )
    rows = [tables[0][0][name] for name in names]
    frames = np.array([row['frames'] for row in rows])
    motions = np.array([motion_of(row) for row in rows])
    lowest = bound[0] if bound else None
    return relative_gain(errors, other, frames, motions, best=lowest)


def motion_of(row: Mapping[str, Any]) -> str:
    """The motion that a sequence is a view, or a part of a view, of."""
    whole = re.sub(r'_from_\d+$', '', row['name'])
    return whole.removesuffix(f'_{row.get("camera")}')


def duration(runs: list[dict[str, Any]]) -> str:
    """Mean training time."""
    seconds = [run['train_seconds'] for run in runs if run.get('train_seconds')]
    return f'{np.mean(seconds) / 60:.0f} min' if seconds else ''


if __name__ == '__main__':
    sys.exit(main())
