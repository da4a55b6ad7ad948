"""Cost of exact contribution scores against a training step and sixteen passes.

    python tools/benchmarks/bench_shapley.py                          # benchmark size
    python tools/benchmarks/bench_shapley.py --size small --batch-size 16
    python tools/benchmarks/bench_shapley.py --device cuda --out shapley.json

For each fusion, on random batches of the shapes of the config: a training step (losses,
backward, Adam), what `ShapleyContributionHook` adds to it (all sixteen subsets through
fusion and head, and the sums of their correlations), its report at the end of an epoch,
and sixteen passes through the whole model, one a subset, which is what the definition
says. Parts take turns, medians over the repeats. Time to load data is not counted, so
the share of the scores in a real epoch is smaller. The scores of both ways must agree,
or the run fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FUSIONS = ('concat', 'mlp', 'attention')
SIZES = {'full': '{}.py', 'small': '{}_synthetic.py'}
TOLERANCE = 1e-2
"""Of scores that lie between -51 and 51."""


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--fusions', nargs='+', choices=FUSIONS, default=list(FUSIONS))
    parser.add_argument('--size', choices=list(SIZES), default='full')
    parser.add_argument('--batch-size', type=int, default=192, help='default 192')
    parser.add_argument('--lidar-points', type=int, help='default: those of the config')
    parser.add_argument('--steps', type=int, default=649, help='an epoch; default 649')
    parser.add_argument('--device', default='cpu', help='default cpu')
    parser.add_argument('--threads', type=int, default=1, help='default 1')
    parser.add_argument('--repeats', type=int, default=5, help='default 5')
    parser.add_argument('--seed', type=int, default=0, help='default 0')
    parser.add_argument('--out', type=Path, help='JSON file for the numbers')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every fusion and print the table."""
    args = parse_args(argv)
    import torch

    import mmpose_ext  # noqa: F401

    torch.set_num_threads(args.threads)
    rows = {fusion: measure(fusion, args) for fusion in args.fusions}
    print(
        f'B={args.batch_size}, {args.size} size, {args.device}, {args.threads} '
        f'thread(s), median of {args.repeats}, load {os.getloadavg()[0]:.1f} on '
        f'{os.cpu_count()} cores, torch {torch.__version__}; milliseconds\n'
    )
    heads = ('step', 'scores', 'share', 'an epoch', '16 passes', 'ratio', 'cached')
    print(f'{"":10}' + ''.join(f'{head:>12}' for head in heads))
    for fusion, row in rows.items():
        print(
            f'{fusion:10}{row["step_ms"]:12.2f}{row["scores_ms"]:12.3f}'
            f'{100 * row["share"]:11.2f}%{row["report_ms"]:12.2f}'
            f'{row["passes_ms"]:12.1f}{row["ratio"]:11.1f}x{row["ratio_cached"]:11.0f}x'
        )
    print(
        '\nshare: scores of a step over the step with them, and their report once an '
        'epoch; ratio: sixteen passes over encoders once and all subsets; cached: over '
        'the subsets alone, with the features of the step, as in training'
    )
    if args.out is not None:
        from mmpose_ext.atomic_write import write_json

        settings = {k: v for k, v in vars(args).items() if k != 'out'}
        facts = {'machine': platform.machine(), 'torch': torch.__version__}
        write_json(args.out, {'settings': settings, 'rows': rows, **facts})
        print(f'\nwritten to {args.out}')


def measure(fusion: str, args: argparse.Namespace) -> dict[str, float]:
    """All times of one fusion."""
    import torch

    from mmpose_ext.engine.contribution_meter import ContributionMeter, make_plan

    torch.manual_seed(args.seed)
    model, inputs, samples = build(fusion, args)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    names = model.modalities
    meter = ContributionMeter(names, make_plan('exact', len(names), 0))

    def step() -> None:
        model.train()
        loss, _ = model.parse_losses(model.loss(inputs, samples))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def scores() -> None:
        meter.add(model, model.last_features, model.last_present, model.last_pose)

    @torch.no_grad()
    def once() -> None:
        model.eval()
        features, present = model.encode(inputs), model.present(inputs)
        meter.add(model, features, present, samples['pose'])

    def passes() -> None:
        sixteen_passes(model, inputs)

    parts = {'step': step, 'scores': scores, 'once': once, 'passes': passes}
    parts['report'] = meter.compute
    times = {name: [] for name in parts}
    for repeat in range(args.repeats + 1):
        for name, part in parts.items():
            elapsed = timed(part, args.device)
            if repeat:  # The first turn starts libraries.
                times[name].append(elapsed)
    check(model, inputs, samples)
    ms = {name: 1000 * statistics.median(values) for name, values in times.items()}
    added = ms['scores'] + ms['report'] / args.steps
    return {
        **{f'{name}_ms': value for name, value in ms.items()},
        'share': added / (ms['step'] + added),
        'ratio': ms['passes'] / ms['once'],
        'ratio_cached': ms['passes'] / ms['scores'],
    }


def build(fusion: str, args: argparse.Namespace) -> tuple[Any, dict, dict]:
    """The model of a config and a random batch of its shapes."""
    import torch
    from mmengine.config import Config
    from mmpose.registry import MODELS

    folder = Path(__file__).parents[2] / 'configs' / 'mmfi'
    config = Config.fromfile(folder / SIZES[args.size].format(fusion))
    model = MODELS.build(config.model).to(args.device)
    dataset = config.train_dataloader.dataset
    most = {entry.key: entry.max_points for entry in dataset.pipeline if 'key' in entry}
    most['lidar'] = args.lidar_points or most['lidar']
    size = args.batch_size
    # In the order of the model's modalities, which is that of the columns of `valid`.
    inputs = {'rgb': torch.rand(size, dataset.windows['rgb'], 17, 2) * 2 - 1}
    for name, channels in (('lidar', 3), ('mmwave', 5)):
        counts = torch.randint(most[name] // 2, most[name] + 1, (size, 1))
        mask = torch.arange(most[name]) < counts
        cloud = torch.randn(size, most[name], channels) * 0.4
        inputs[name], inputs[f'{name}_mask'] = cloud * mask[..., None], mask
    inputs['wifi'] = torch.rand(size, 3, 114, 10)
    inputs['valid'] = torch.ones(size, len(model.modalities), dtype=torch.bool)
    pose = torch.randn(size, 17, 3) * 0.3 + torch.tensor([0.0, 0.0, 3.0])
    inputs = {name: value.to(args.device) for name, value in inputs.items()}
    return model, inputs, {'pose': pose.to(args.device)}


def sixteen_passes(model: Any, inputs: dict) -> Any:
    """Predictions of all subsets, each by a pass through the whole model."""
    import torch

    from mmpose_ext.evaluation.functional import coalitions

    model.eval()
    masks = coalitions(len(model.modalities)).to(inputs['valid'].device)
    with torch.no_grad():
        return torch.stack(
            [model({**inputs, 'valid': inputs['valid'] & mask}) for mask in masks]
        )


def check(model: Any, inputs: dict, samples: dict) -> None:
    """Both ways give the same scores."""
    import torch

    from mmpose_ext.engine.contribution_meter import ContributionMeter, make_plan
    from mmpose_ext.evaluation.functional import pearson_profit, shapley_values

    pred = sixteen_passes(model, inputs).flatten(2)
    expected = shapley_values(pearson_profit(pred, samples['pose'].flatten(1)))
    names = model.modalities
    meter = ContributionMeter(names, make_plan('exact', len(names), 0))
    with torch.no_grad():
        features = model.encode(inputs)
    meter.add(model, features, inputs['valid'], samples['pose'])
    found = torch.tensor(list(meter.compute().scores.values()))
    worst = (found - expected.cpu()).abs().max().item()
    if worst > TOLERANCE:
        raise SystemExit(f'the two ways disagree by {worst}: {found}, {expected}')


def timed(part: Callable[[], Any], device: str) -> float:
    """Seconds that a part takes."""
    import torch

    wait = torch.cuda.synchronize if device.startswith('cuda') else lambda: None
    wait()
    start = time.perf_counter()
    part()
    wait()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
