"""Measure one training step of two networks in fresh processes, turn by turn.

A benchmark gives a :class:`Comparison`: how to write the same weights and inputs for
both sides, how to build each side, and what a step is. Every measurement is a process
of its own, which passes a short clip first, so that libraries have started, and then
the measured batch. Peak memory is the largest resident size of the process minus its
resident size before the step, with weights and input loaded. CPU time counts the work
of the process alone, so on a busy machine it is the fairer of the two times; the load
is printed. Outputs of both sides must agree, and gradients unless a comparison says
otherwise, or the run fails. Linux only (reads /proc).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resident_memory import resident_bytes

SIDES = ('mmpose', 'ours')
TOLERANCE = 1e-4
MEASURES = {
    'wall_s': 'wall time, s',
    'cpu_s': 'CPU time, s',
    'peak_mb': 'peak memory, MB',
}
_NOT_SETTINGS = ('out', 'worker', 'folder')


@dataclass(frozen=True)
class Comparison:
    """What a benchmark compares.

    Attributes:
        script: File of the benchmark, which workers run.
        title: What is measured, for the first line of the table.
        prepare: Gives for each side its weights, and the inputs ``(B, ...)`` of both.
        build: Builds the network of a side.
        step: Runs a network forward and backward on inputs; returns its output.
        first_weight: Parameter whose gradient has passed everything, for each side.
        same_gradient: Whether the two sides have the same gradient, not only the same
            output.
    """

    script: str
    title: str
    prepare: Callable[[argparse.Namespace], tuple[dict[str, dict], list[Any]]]
    build: Callable[[str, argparse.Namespace], Any]
    step: Callable[[Any, list[Any]], Any]
    first_weight: dict[str, str]
    same_gradient: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that all such benchmarks share."""
    parser.add_argument('--threads', type=int, default=1, help='default 1')
    parser.add_argument('--repeats', type=int, default=3, help='default 3')
    parser.add_argument('--seed', type=int, default=0, help='default 0')
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    parser.add_argument('--worker', choices=['prepare', *SIDES], help=argparse.SUPPRESS)
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)


def compare(comparison: Comparison, args: argparse.Namespace) -> None:
    """Measure both sides in turns and print the table."""
    if args.worker is not None:
        work(comparison, args)
        return
    load = [os.getloadavg()[0]]
    runs: dict[str, list[dict]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        start(comparison, 'prepare', folder, args)
        for repeat in range(args.repeats):
            for side in SIDES if repeat % 2 == 0 else SIDES[::-1]:
                run = start(comparison, side, folder, args)
                load.append(run['load'])
                runs[side].append(run)
                print(
                    f'  {side:8}{run["wall_s"]:9.2f} s {run["cpu_s"]:9.2f} s CPU '
                    f'{run["peak_mb"]:9.0f} MB, load {run["load"]:.1f}',
                    file=sys.stderr,
                )
        difference = differences(Path(folder), comparison.same_gradient)
    report = summary(runs, args, load, difference)
    print_table(comparison.title, report)
    if args.out is not None:
        from mmpose_ext.atomic_write import write_json

        write_json(args.out, report)
        print(f'\nwritten to {args.out}')


def start(
    comparison: Comparison, worker: str, folder: str, args: argparse.Namespace
) -> dict[str, Any]:
    """Run a worker in a process of its own and return what it measured."""
    options = [
        f'--{name.replace("_", "-")}={value}'
        for name, value in vars(args).items()
        if name not in _NOT_SETTINGS
    ]
    command = [sys.executable, comparison.script, *options]
    subprocess.run(
        [*command, f'--worker={worker}', f'--folder={folder}'],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, 'OMP_NUM_THREADS': str(args.threads)},
    )
    result = Path(folder) / f'{worker}.json'
    return json.loads(result.read_text()) if result.is_file() else {}


def work(comparison: Comparison, args: argparse.Namespace) -> None:
    """What a worker process does."""
    # Imported here, so that the process that waits stays small.
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if args.worker == 'prepare':
        weights, inputs = comparison.prepare(args)
        for side in SIDES:
            content = {'weights': weights[side], 'inputs': inputs}
            torch.save(content, args.folder / f'{side}.pt')
        return
    network = comparison.build(args.worker, args)
    tensors = torch.load(args.folder / f'{args.worker}.pt', weights_only=True)
    network.load_state_dict(tensors.pop('weights'), strict=True)
    inputs = tensors.pop('inputs')
    comparison.step(network, [tensor[:1, :2] for tensor in inputs])
    network.zero_grad(set_to_none=True)
    before = resident_bytes('VmRSS')
    wall, cpu = time.perf_counter(), time.process_time()
    output = comparison.step(network, inputs)
    result = {
        'wall_s': time.perf_counter() - wall,
        'cpu_s': time.process_time() - cpu,
        'peak_mb': (resident_bytes('VmHWM') - before) / 2**20,
        'before_mb': before / 2**20,
        'load': os.getloadavg()[0],
    }
    gradient = network.get_parameter(comparison.first_weight[args.worker]).grad
    torch.save((output, gradient), args.folder / f'{args.worker}_output.pt')
    (args.folder / f'{args.worker}.json').write_text(json.dumps(result))


def differences(folder: Path, same_gradient: bool) -> dict[str, float]:
    """Largest differences, relative to the largest value, of output and gradient."""
    import torch

    theirs, ours = (
        torch.load(folder / f'{side}_output.pt', weights_only=True) for side in SIDES
    )
    difference = {
        name: float((a - b).abs().max() / a.abs().max())
        for name, a, b in zip(('output', 'gradient'), theirs, ours, strict=True)
        if name == 'output' or same_gradient
    }
    if max(difference.values()) > TOLERANCE:
        raise SystemExit(f'the two networks disagree: {difference}')
    return difference


def summary(
    runs: dict[str, list[dict]],
    args: argparse.Namespace,
    load: list[float],
    difference: dict[str, float],
) -> dict[str, Any]:
    """Everything that the JSON file says."""
    import torch

    rows = {}
    for measure in MEASURES:
        theirs, ours = (
            statistics.median(run[measure] for run in runs[side]) for side in SIDES
        )
        rows[measure] = {'mmpose': theirs, 'ours': ours, 'ratio': theirs / ours}
    return {
        'settings': {k: v for k, v in vars(args).items() if k not in _NOT_SETTINGS},
        'rows': rows,
        'difference': difference,
        'runs': runs,
        'load': load,
        'cores': os.cpu_count(),
        'machine': platform.machine(),
        'torch': torch.__version__,
    }


def print_table(title: str, report: dict[str, Any]) -> None:
    """Print the medians."""
    settings, load = report['settings'], report['load']
    print(
        f'{title}: forward and backward,\n'
        f'median of {settings["repeats"]} processes each, {settings["threads"]} '
        f'thread(s), load {min(load):.1f} to {max(load):.1f} on {report["cores"]} '
        f'cores, torch {report["torch"]}\n'
    )
    print(f'{"":18}{"mmpose":>10}{"ours":>10}{"ratio":>10}')
    for measure, row in report['rows'].items():
        print(
            f'{MEASURES[measure]:18}{row["mmpose"]:10.2f}{row["ours"]:10.2f}'
            f'{row["ratio"]:9.2f}x'
        )
    worst = max(report['difference'].values())
    agreeing = ' and '.join(f'{name}s' for name in report['difference'])
    print(f'\n{agreeing} agree to {worst:.1e} of their largest value')
