"""Time and memory of our MotionBERT backbone against MMPose's DSTFormer.

    python tools/benchmarks/bench_dstformer.py                  # MotionBERT's size
    python tools/benchmarks/bench_dstformer.py --embed-dims 256 --mlp-ratio 4   # lite
    python tools/benchmarks/bench_dstformer.py --repeats 5 --out dstformer.json

One forward and backward pass of the same weights on the same input. Every measurement
is a fresh process, and the two sides take turns; medians are printed. A process passes
one short clip first, so that libraries have started, then the measured batch.
Peak memory is the largest resident size of the process minus its resident size before
the pass, with weights and input loaded. CPU time counts the work of the process alone,
so on a busy machine it is the fairer of the two times; the load is printed. Outputs and
gradients of both sides must agree, or the run fails. Linux only (reads /proc).
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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIDES = ('mmpose', 'ours')
TOLERANCE = 1e-4
# The embedding of keypoints in either network: its gradient has passed everything.
FIRST_WEIGHT = ('joints_embed.weight', 'embedding.proj.weight')
MEASURES = {
    'wall_s': 'wall time, s',
    'cpu_s': 'CPU time, s',
    'peak_mb': 'peak memory, MB',
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--embed-dims', type=int, default=512, help='default 512')
    parser.add_argument('--depth', type=int, default=5, help='default 5')
    parser.add_argument('--num-heads', type=int, default=8, help='default 8')
    parser.add_argument('--mlp-ratio', type=float, default=2, help='default 2')
    parser.add_argument('--seq-len', type=int, default=243, help='default 243')
    parser.add_argument('--batch-size', type=int, default=2, help='default 2')
    parser.add_argument('--threads', type=int, default=1, help='default 1')
    parser.add_argument('--repeats', type=int, default=3, help='default 3')
    parser.add_argument('--seed', type=int, default=0, help='default 0')
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    parser.add_argument('--worker', choices=['weights', *SIDES], help=argparse.SUPPRESS)
    parser.add_argument('--folder', type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure both sides in turns and print the table."""
    args = parse_args(argv)
    if args.worker is not None:
        work(args)
        return
    load = [os.getloadavg()[0]]
    runs: dict[str, list[dict]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        start('weights', folder, args)
        for repeat in range(args.repeats):
            for side in SIDES if repeat % 2 == 0 else SIDES[::-1]:
                run = start(side, folder, args)
                load.append(run['load'])
                runs[side].append(run)
                print(
                    f'  {side:8}{run["wall_s"]:9.2f} s {run["cpu_s"]:9.2f} s CPU '
                    f'{run["peak_mb"]:9.0f} MB, load {run["load"]:.1f}',
                    file=sys.stderr,
                )
        difference = compare(Path(folder))
    report = summary(runs, args, load, difference)
    print_table(report)
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
        print(f'\nwritten to {args.out}')


def start(worker: str, folder: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run a worker in a process of its own and return what it measured."""
    options = [
        f'--{name.replace("_", "-")}={value}'
        for name, value in vars(args).items()
        if name not in ('out', 'worker', 'folder')
    ]
    command = [sys.executable, __file__, *options]
    subprocess.run(
        [*command, f'--worker={worker}', f'--folder={folder}'],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, 'OMP_NUM_THREADS': str(args.threads)},
    )
    result = Path(folder) / f'{worker}.json'
    return json.loads(result.read_text()) if result.is_file() else {}


def work(args: argparse.Namespace) -> None:
    """What a worker process does."""
    # Imported here, so that the process that waits stays small.
    import torch

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    if args.worker == 'weights':
        write_weights(args)
        return
    network = build(args.worker, args)
    tensors = torch.load(args.folder / f'{args.worker}.pt', weights_only=True)
    network.load_state_dict(tensors.pop('weights'), strict=True)
    x = tensors['input']
    step(network, x[:1, :2])
    network.zero_grad(set_to_none=True)
    before = memory_kb('VmRSS')
    wall, cpu = time.perf_counter(), time.process_time()
    output = step(network, x)
    result = {
        'wall_s': time.perf_counter() - wall,
        'cpu_s': time.process_time() - cpu,
        'peak_mb': (memory_kb('VmHWM') - before) / 1024,
        'before_mb': before / 1024,
        'load': os.getloadavg()[0],
    }
    gradient = next(p for n, p in network.named_parameters() if n in FIRST_WEIGHT).grad
    torch.save((output, gradient), args.folder / f'{args.worker}_output.pt')
    (args.folder / f'{args.worker}.json').write_text(json.dumps(result))


def step(network: Any, x: Any) -> Any:
    """One forward and backward pass; returns the output."""
    output = network(x)
    # Half of the channels: the squares of all of them are constant after a LayerNorm.
    output[..., ::2].square().mean().backward()
    return output.detach()


def build(side: str, args: argparse.Namespace) -> Any:
    """MMPose's or our backbone."""
    if side == 'mmpose':
        from mmpose.models.backbones.dstformer import DSTFormer

        return DSTFormer(
            3,
            feat_size=args.embed_dims,
            depth=args.depth,
            num_heads=args.num_heads,
            mlp_ratio=args.mlp_ratio,
            seq_len=args.seq_len,
        )
    from mmpose_ext.models.backbones import MotionBERT

    return MotionBERT(
        3,
        args.embed_dims,
        depth=args.depth,
        num_heads=args.num_heads,
        mlp_ratio=args.mlp_ratio,
        seq_len=args.seq_len,
    )


def write_weights(args: argparse.Namespace) -> None:
    """Draw weights and input, and write them for either side."""
    import torch

    from mmpose_ext.models.checkpoint_maps import convert_state_dict

    network = build('mmpose', args)
    network.init_weights()
    for fusion in network.attn_regress:  # zero at the start of a training
        torch.nn.init.normal_(fusion.weight, std=0.02)
    x = torch.randn(args.batch_size, args.seq_len, 17, 3)
    theirs = network.state_dict()
    ours = convert_state_dict(
        {f'backbone.{key}': value for key, value in theirs.items()},
        'mmpose',
        prefix='backbone.',
    )
    ours = {key.removeprefix('backbone.'): value for key, value in ours.items()}
    for side, weights in (('mmpose', theirs), ('ours', ours)):
        torch.save({'weights': weights, 'input': x}, args.folder / f'{side}.pt')


def memory_kb(field: str) -> int:
    """A field of /proc/self/status: VmRSS, or VmHWM, its maximum."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{field}:'):
            return int(line.split()[1])
    raise SystemExit(f'/proc/self/status has no {field}')


def compare(folder: Path) -> dict[str, float]:
    """Largest differences, relative to the largest value, of output and gradient."""
    import torch

    theirs, ours = (
        torch.load(folder / f'{side}_output.pt', weights_only=True) for side in SIDES
    )
    difference = {
        name: float((a - b).abs().max() / a.abs().max())
        for name, a, b in zip(('output', 'gradient'), theirs, ours, strict=True)
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
    shown = ('out', 'worker', 'folder')
    return {
        'settings': {k: v for k, v in vars(args).items() if k not in shown},
        'rows': rows,
        'difference': difference,
        'runs': runs,
        'load': load,
        'cores': os.cpu_count(),
        'machine': platform.machine(),
        'torch': torch.__version__,
    }


def print_table(report: dict[str, Any]) -> None:
    """Print the medians."""
    settings, load = report['settings'], report['load']
    print(
        f'C={settings["embed_dims"]}, depth {settings["depth"]}, '
        f'{settings["num_heads"]} heads, ratio {settings["mlp_ratio"]:g}, '
        f'B={settings["batch_size"]}, T={settings["seq_len"]}: forward and backward,\n'
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
    print(f'\noutputs and gradients agree to {worst:.1e} of their largest value')


if __name__ == '__main__':
    main()
