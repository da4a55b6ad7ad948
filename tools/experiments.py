"""Work off a family's list of experiments, whatever interrupts it.

    python tools/experiments.py configs/prml/experiments.yaml --list
    python tools/experiments.py configs/prml/experiments.yaml --size small
    python tools/experiments.py configs/prml/experiments.yaml --only prml_mocap_9_gt

Each row of the list is a config with its overrides and seeds. A row and seed that has a
result file is skipped; one that was interrupted goes on from its last checkpoint. A row
with `init: ROW` starts from the last checkpoint of that row with the same seed, which
it gets as the setting `init_option` (default `load_from`), and with `test_only: true`
only scores it.

The result is `results/<row>_seed<N>.json` beside the list; the tables of the family's
README are made from these files by tools/analysis_tools/results_table.py. The response
curves of a row that learns from unlabelled images stand in `results/responses`, under
the same name; tools/analysis_tools/plot_responses.py draws them. Rows that were done
before there were such files get theirs from their work dirs, without any training:

    python tools/experiments.py configs/dual_student/experiments.yaml --keep-responses
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mmpose_ext.atomic_write import write_json
from mmpose_ext.engine.run_record import collect, training_seconds

SIZES = ('small', 'full')
MAX_SAMPLES = 200
"""Of a response curve that is kept: more than its picture can show."""

_OPTIONAL = ('size', 'options', 'baseline', 'init', 'init_option', 'test_only')


@dataclass(frozen=True)
class Job:
    """One row with one seed."""

    row: str
    config: str
    seed: int
    results: Path
    work_dir: Path
    size: str = 'small'
    options: dict[str, Any] = field(default_factory=dict)
    baseline: str | None = None
    init: str | None = None
    init_option: str = 'load_from'
    test_only: bool = False

    @property
    def checkpoint(self) -> Path | None:
        """Where the row starts from; ``None`` if from scratch or not finished yet."""
        if self.init is None:
            return None
        if not (self.results / f'{self.init}_seed{self.seed}.json').is_file():
            return None
        folder = self.work_dir.with_name(f'{self.init}_seed{self.seed}')
        last = folder / 'last_checkpoint'
        if not last.is_file():
            return None
        return folder / Path(last.read_text(encoding='utf-8').strip()).name

    @property
    def result_file(self) -> Path:
        """Where the figures of this job go."""
        return self.results / f'{self.row}_seed{self.seed}.json'

    @property
    def metrics_file(self) -> Path:
        """What the metric of the run writes."""
        return self.work_dir / 'metrics.json'

    @property
    def responses_file(self) -> Path:
        """Where the response curves of this job go, if it has any."""
        return self.results / 'responses' / self.result_file.name

    @property
    def overrides(self) -> list[str]:
        """The options as ``--cfg-options`` takes them."""
        overrides = [f'{key}={value}' for key, value in self.options.items()]
        if self.init is not None and not self.test_only:
            overrides.append(f'{self.init_option}={self.checkpoint}')
        return overrides

    def command(self) -> list[str]:
        """The command that a reader types to repeat the row."""
        tail = ['--cfg-options', *self.overrides] if self.overrides else []
        if self.baseline:
            tool = 'tools/analysis_tools/linear_baseline.py'
            return ['python', tool, self.config, '--method', self.baseline, *tail]
        if self.test_only:
            return ['python', 'tools/test.py', self.config, str(self.checkpoint), *tail]
        return [
            'python',
            'tools/train.py',
            self.config,
            '--seed',
            str(self.seed),
            *tail,
        ]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('list', type=Path, help='experiments.yaml of a family')
    parser.add_argument('--only', nargs='+', metavar='ROW', help='only these rows')
    parser.add_argument('--size', choices=SIZES, help='only rows of this size')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/experiments'),
        help='checkpoints and logs (default work_dirs/experiments)',
    )
    parser.add_argument(
        '--results', type=Path, help='result files (default: results/ beside the list)'
    )
    parser.add_argument(
        '--list', dest='show', action='store_true', help='print the state and stop'
    )
    parser.add_argument(
        '--keep-responses',
        action='store_true',
        help='keep the response curves of rows that are done and have none, and stop',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing; the exit code counts the jobs that failed."""
    args = parse_args(argv)
    jobs = list(read_jobs(args.list, args.work_dir, args.results))
    jobs = choose(jobs, args.only, args.size)
    failed = 0
    for number, job in enumerate(jobs, 1):
        state = state_of(job)
        print(f'[{number}/{len(jobs)}] {job.row} seed {job.seed}: {state}', flush=True)
        if args.keep_responses and state == 'done' and keep_responses_of_done(job):
            print(f'    -> {job.responses_file}', flush=True)
        if args.show or args.keep_responses or state == 'done':
            continue
        if run_job(job):
            print(f'    -> {job.result_file}', flush=True)
        else:
            failed += 1
            print(f'    failed; see {job.work_dir / "console.log"}', flush=True)
    return failed


def read_jobs(file: Path, work_dir: Path, results: Path | None = None) -> Iterator[Job]:
    """Jobs of a list, in its order.

    Raises:
        FileNotFoundError: If the list or a config of it does not exist.
        ValueError: If a row has unknown keys or its name comes twice.
    """
    if not file.is_file():
        raise FileNotFoundError(f'there is no list of experiments {file}')
    content = yaml.safe_load(file.read_text(encoding='utf-8'))
    known = {'name', 'config', 'seeds', *_OPTIONAL}
    names: set[str] = set()
    for row in content['rows']:
        if unknown := set(row) - known:
            raise ValueError(
                f'{file}: row {row.get("name")}: unknown {sorted(unknown)}'
            )
        if row['name'] in names:
            raise ValueError(f'{file}: two rows are called {row["name"]!r}')
        if not Path(row['config']).is_file():
            raise FileNotFoundError(f'{file}: there is no config {row["config"]}')
        if row.get('init', row['name']) not in names | {row['name']}:
            raise ValueError(
                f'{file}: {row["name"]} starts from a row that is not above'
            )
        names.add(row['name'])
        for seed in row.get('seeds', [0]):
            yield Job(
                row=row['name'],
                config=row['config'],
                seed=seed,
                results=results or file.parent / 'results',
                work_dir=work_dir / f'{row["name"]}_seed{seed}',
                **{key: row[key] for key in _OPTIONAL if key in row},
            )


def choose(jobs: list[Job], only: Sequence[str] | None, size: str | None) -> list[Job]:
    """Jobs of the wanted rows and size.

    Raises:
        ValueError: If a wanted row is not in the list.
    """
    if unknown := set(only or ()) - {job.row for job in jobs}:
        raise ValueError(
            f'no row {sorted(unknown)}; rows: {sorted({job.row for job in jobs})}'
        )
    return [
        job
        for job in jobs
        if (not only or job.row in only) and (not size or job.size == size)
    ]


def state_of(job: Job) -> str:
    """``'done'``, ``'interrupted'`` or ``'to do'``."""
    if job.result_file.is_file():
        return 'done'
    return 'interrupted' if any(job.work_dir.glob('*')) else 'to do'


def run_job(job: Job) -> bool:
    """Run a job to its result file; false if a command of it failed."""
    if job.init is not None and job.checkpoint is None:
        print(
            f'    needs {job.init} seed {job.seed}, its result file and its last '
            f'checkpoint under {job.work_dir.parent}: run that row first'
        )
        return False
    job.work_dir.mkdir(parents=True, exist_ok=True)
    # Each validation writes the file; that of an interrupted run is not the end's.
    job.metrics_file.unlink(missing_ok=True)
    finished = all(call(command, job) for command in steps(job))
    if not finished or not job.metrics_file.is_file():
        return False
    trained = not (job.baseline or job.test_only)
    seconds = round(training_seconds(job.work_dir), 1) if trained else None
    record = collect(
        job.metrics_file,
        row=job.row,
        config=job.config,
        options=job.options,
        seed=job.seed,
        command=job.command(),
        train_seconds=seconds,
    )
    keep_responses(job)
    write_json(job.result_file, record)
    return True


def keep_responses(job: Job) -> bool:
    """Keep the curves that ``CollapseMonitorHook`` left; false if there are none."""
    file = job.work_dir / 'collapse.json'
    if not file.is_file():
        return False
    content = json.loads(file.read_text(encoding='utf-8'))
    write_json(job.responses_file, thinned_responses(content))
    return True


def keep_responses_of_done(job: Job) -> bool:
    """The same for a job with a result, if its work dir is where that came from."""
    if job.responses_file.is_file() or not job.metrics_file.is_file():
        return False
    record, written = (
        json.loads(file.read_text(encoding='utf-8'))
        for file in (job.result_file, job.metrics_file)
    )
    if any(record.get(key) != value for key, value in written.items()):
        print(f'    {job.work_dir} holds another run than the result', flush=True)
        return False
    return keep_responses(job)


def thinned_responses(
    content: Mapping[str, Any], *, samples: int = MAX_SAMPLES
) -> dict[str, Any]:
    """A ``collapse.json`` of few samples, the last among them, and of few digits.

    Args:
        content: What ``CollapseMonitorHook`` wrote.
        samples: Most of them that are kept; they lie equally far apart.
    """
    last = len(content['steps']) - 1
    chosen = range(last, -1, -max(1, math.ceil((last + 1) / samples)))[::-1]
    curves = {
        name: [_short(content[name][i]) for i in chosen]
        for name in ('steps', 'labelled', 'teacher', 'student', 'rho', 'flag')
    }
    scores = [[step, _short(value)] for step, value in content['validation']]
    return {**content, **curves, 'validation': scores}


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def steps(job: Job) -> Iterator[list[str]]:
    """The commands of a job; the last one only if the metric has not written yet."""
    command = [sys.executable, *map(str, job.command()[1:])]
    if job.baseline:
        yield [*command, '--out', str(job.metrics_file)]
        return
    if job.test_only:
        yield test_command(job, str(job.checkpoint))
        return
    outfile = f'val_evaluator.outfile={job.metrics_file}'
    command += [] if '--cfg-options' in command else ['--cfg-options']
    resume = ['--resume'] if any(job.work_dir.glob('*.pth')) else []
    yield [*command, outfile, '--work-dir', str(job.work_dir), *resume]
    if not job.metrics_file.is_file():
        checkpoint = (job.work_dir / 'last_checkpoint').read_text().strip()
        yield test_command(job, checkpoint)


def test_command(job: Job, checkpoint: str) -> list[str]:
    """Score a checkpoint into the metrics file of a job."""
    return [
        *(sys.executable, 'tools/test.py', job.config, checkpoint),
        *('--work-dir', str(job.work_dir), '--cfg-options', *job.overrides),
        f'test_evaluator.outfile={job.metrics_file}',
    ]


def call(command: list[str], job: Job) -> bool:
    """Run a command with its output in the job's log."""
    with (job.work_dir / 'console.log').open('a', encoding='utf-8') as log:
        log.write(f'$ {shlex.join(command)}\n')
        log.flush()
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT)
    return done.returncode == 0


if __name__ == '__main__':
    sys.exit(main())
