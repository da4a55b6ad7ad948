"""Sampling and neighbours of Point Transformer against the public way, and its parts.

    python tools/benchmarks/bench_point_transformer.py          # N = 1024, B = 4
    python tools/benchmarks/bench_point_transformer.py --transformer-dim 512

The public way, written anew here from its description: farthest points by a loop over
the samples of the whole batch, neighbours by ``cdist`` and a full ``argsort``, both
again at every stage. Ours samples once, keeps the ``topk`` and uses the neighbours of a
stage for its attention and for the way down. Both sides get the same clouds and take
turns; they must find the same points, or the run fails. A forward pass is then timed
part by part, in evaluation and in training. Medians of several repeats; CPU time counts
the work of this process alone, so on a busy machine it is the fairer of the two times.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmpose_ext.atomic_write import write_json
from mmpose_ext.models.backbones import PointTransformer, point_transformer
from mmpose_ext.models.layers.point_sampling import (
    farthest_point_sampling,
    gather_points,
    nearest_neighbours,
)

STAGES = (256, 64, 16, 4, 1)
PARTS = ('farthest points', 'neighbours', 'embedding', 'attention', 'transitions')
Times = dict[str, float]  # wall and CPU time, seconds


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default, what in (
        ('--batch-size', 4, 'clouds'),
        ('--points', 1024, 'points of a cloud'),
        ('--samples', 256, 'farthest points to find'),
        ('--neighbors', 16, 'neighbours of a point'),
        ('--transformer-dim', 64, 'width of the attention in the forward pass'),
        ('--repeats', 5, 'repeats of each measurement'),
        ('--threads', 1, 'threads'),
    ):
        parser.add_argument(
            name, type=positive, default=default, help=f'{what}, default {default}'
        )
    parser.add_argument('--seed', type=int, default=0, help='default 0')
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    return parser.parse_args(argv)


def positive(text: str) -> int:
    """An integer from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{value} is not 1 or more')
    return value


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, take the network apart, print both tables."""
    args = parse_args(argv)
    torch.set_num_threads(args.threads)
    load = [os.getloadavg()[0]]
    points = random_clouds(args)
    rows = [compare(name, *sides, args) for name, *sides in make_cases(points, args)]
    parts = {
        mode: time_parts(points, mode == 'training', args)
        for mode in ('evaluation', 'training')
    }
    load.append(os.getloadavg()[0])
    report = {
        'settings': {key: value for key, value in vars(args).items() if key != 'out'},
        'rows': rows,
        'parts': parts,
        'load': load,
        'cores': os.cpu_count(),
        'machine': platform.machine(),
        'torch': torch.__version__,
    }
    print_report(report)
    if args.out is not None:
        write_json(args.out, report)
        print(f'\nwritten to {args.out}')


def random_clouds(args: argparse.Namespace) -> Tensor:
    """Clouds ``(B, N, 3)`` of the extent of a person 3 m away, metres."""
    generator = torch.Generator().manual_seed(args.seed)
    points = torch.randn(args.batch_size, args.points, 3, generator=generator)
    return points * torch.tensor([0.25, 0.45, 0.15]) + torch.tensor([0.0, 0.0, 3.0])


def public_farthest(points: Tensor, start: Tensor, number: int) -> Tensor:
    """Farthest points ``(B, S)`` from a given start, the public way."""
    clouds, farthest = torch.arange(len(points)), start
    samples = torch.zeros(len(points), number, dtype=torch.long)
    distance = torch.full(points.shape[:2], 1e10)
    for sample in range(number):
        samples[:, sample] = farthest
        here = points[clouds, farthest].unsqueeze(1)
        distance = torch.minimum(distance, (points - here).square().sum(-1))
        farthest = distance.max(-1).indices
    return samples


def public_neighbours(query: Tensor, points: Tensor, number: int) -> Tensor:
    """Neighbours ``(B, Q, k)``, the public way."""
    return torch.cdist(query, points).argsort(dim=-1)[..., :number]


def make_cases(
    points: Tensor, args: argparse.Namespace
) -> list[tuple[str, Callable[[], Tensor], Callable[[], Tensor]]]:
    """Name, the public computation and ours of each row."""
    mask = torch.ones(points.shape[:2], dtype=torch.bool)
    samples, near = min(args.samples, args.points), min(args.neighbors, args.points)
    start = farthest_point_sampling(points, mask, 1)[:, 0]

    def neighbours(query: Tensor, cloud: Tensor, real: Tensor) -> Tensor:
        found = nearest_neighbours(query, cloud, real, near)
        return found.sort(dim=-1).values

    def both(farthest: Tensor, close: Tensor) -> Tensor:
        return torch.cat([farthest.flatten(), close.flatten()])

    return [
        (
            'farthest points',
            lambda: public_farthest(points, start, samples),
            lambda: farthest_point_sampling(points, mask, samples),
        ),
        (
            'neighbours',
            lambda: public_neighbours(points, points, near).sort(dim=-1).values,
            lambda: neighbours(points, points, mask),
        ),
        (
            'the two together',
            lambda: both(
                public_farthest(points, start, samples),
                public_neighbours(points, points, near).sort(dim=-1).values,
            ),
            lambda: both(
                farthest_point_sampling(points, mask, samples),
                neighbours(points, points, mask),
            ),
        ),
        (
            'all of a forward pass',
            lambda: public_pass(points, start, near),
            lambda: our_pass(points, mask, near),
        ),
    ]


def public_pass(points: Tensor, start: Tensor, near: int) -> Tensor:
    """What the public network samples and searches; the samples of the first stage."""
    first = None
    public_neighbours(points, points, near)
    for number in STAGES:
        samples = public_farthest(points, start, min(number, points.shape[1]))
        first = samples if first is None else first
        start = torch.zeros_like(start)
        kept = gather_points(points, samples)
        public_neighbours(kept, points, near)
        public_neighbours(kept, kept, near)
        points = kept
    return first


def our_pass(points: Tensor, mask: Tensor, near: int) -> Tensor:
    """What ours samples and searches; the samples of the first stage."""
    nearest_neighbours(points, points, mask, near)
    first = farthest_point_sampling(points, mask, min(STAGES[0], points.shape[1]))
    points = gather_points(points, first)
    for number in STAGES:
        points, mask = points[:, :number], mask[:, :number]
        mask = mask[:, : points.shape[1]]
        nearest_neighbours(points, points, mask, near)
    return first


def compare(
    name: str,
    theirs: Callable[[], Tensor],
    ours: Callable[[], Tensor],
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Time both in turns and check that they agree."""
    different = float((theirs() != ours()).float().mean())
    if different > 1e-3:  # ties, and sums that round otherwise
        raise SystemExit(f'{name}: {different:.1%} of the indices differ')
    runs: dict[str, list[Times]] = {'public': [], 'ours': []}
    for _ in range(args.repeats):
        for side, function in (('public', theirs), ('ours', ours)):
            runs[side].append(timed(function))
    middle = {side: median(times) for side, times in runs.items()}
    ratio = {
        key: middle['public'][key] / max(middle['ours'][key], 1e-9)
        for key in ('wall', 'cpu')
    }
    print(f'  {name}: {ratio["wall"]:.1f}x', file=sys.stderr)
    return {'name': name, **middle, 'ratio': ratio, 'different': different}


def timed(function: Callable[[], Any]) -> Times:
    """Wall and CPU time of a call, seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return {'wall': time.perf_counter() - wall, 'cpu': time.process_time() - cpu}


def median(times: list[Times]) -> Times:
    """The median of each of the two times."""
    return {key: statistics.median(one[key] for one in times) for key in times[0]}


def time_parts(
    points: Tensor, training: bool, args: argparse.Namespace
) -> dict[str, Times]:
    """Times of the parts of a forward pass, and of all of it."""
    torch.manual_seed(args.seed)
    network = PointTransformer(
        3, args.transformer_dim, num_neighbors=args.neighbors, stage_points=STAGES
    ).train(training)
    spent: dict[str, list[Times]] = defaultdict(list)

    def clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*inputs: Any) -> Any:
            result: list[Any] = []
            spent[part].append(timed(lambda: result.append(function(*inputs))))
            return result[0]

        return call

    functions = {
        name: getattr(point_transformer, name)
        for name in ('farthest_point_sampling', 'nearest_neighbours')
    }
    for part, (name, function) in zip(PARTS, functions.items(), strict=False):
        setattr(point_transformer, name, clocked(part, function))
    network.embed.forward = clocked('embedding', network.embed.forward)
    for part, modules in (
        ('attention', network.blocks),
        ('transitions', network.transitions),
    ):
        for module in modules:
            module.forward = clocked(part, module.forward)
    runs: dict[str, list[Times]] = defaultdict(list)
    try:
        with torch.set_grad_enabled(training):
            network(points)
            for _ in range(args.repeats):
                spent.clear()
                runs['all'].append(timed(lambda: network(points)))
                for part in PARTS:
                    runs[part].append(
                        {
                            key: sum(one[key] for one in spent[part])
                            for key in ('wall', 'cpu')
                        }
                    )
    finally:
        for name, function in functions.items():
            setattr(point_transformer, name, function)
    return {part: median(times) for part, times in runs.items()}


def print_report(report: dict[str, Any]) -> None:
    """Print the medians."""
    settings, load = report['settings'], report['load']
    print(
        f'{settings["batch_size"]} clouds of {settings["points"]} points, '
        f'{settings["samples"]} samples, {settings["neighbors"]} neighbours,\n'
        f'median of {settings["repeats"]}, {settings["threads"]} thread(s), load '
        f'{min(load):.1f} to {max(load):.1f} on {report["cores"]} cores, torch '
        f'{report["torch"]}\n'
    )
    print(f'{"milliseconds":24}{"public":>9}{"ours":>9}{"ratio":>9}{"CPU time":>11}')
    for row in report['rows']:
        print(
            f'{row["name"]:24}{1e3 * row["public"]["wall"]:9.1f}'
            f'{1e3 * row["ours"]["wall"]:9.1f}{row["ratio"]["wall"]:8.1f}x'
            f'{row["ratio"]["cpu"]:10.1f}x'
        )
    for mode, parts in report['parts'].items():
        whole = parts['all']
        print(
            f'\nforward pass in {mode}, transformer_dim='
            f'{settings["transformer_dim"]}: {1e3 * whole["wall"]:.0f} ms'
        )
        for part in PARTS:
            print(
                f'{part:24}{1e3 * parts[part]["wall"]:9.1f}'
                f'{100 * parts[part]["cpu"] / max(whole["cpu"], 1e-9):8.1f} % of the '
                'CPU time'
            )


if __name__ == '__main__':
    main()
