"""How much worse a trained network is on altered people: what is easy, what is hard.

    python tools/analysis_tools/augmentation_difficulty.py CONFIG CHECKPOINT --out DIR
    python tools/analysis_tools/augmentation_difficulty.py CONFIG CHECKPOINT --out DIR \
        --joint-cutout 2 5 8 --seeds 5 --network student1

Xie et al., Fig. 5: a view is hard if a network scores less on it, and training does not
collapse if the views that it learns on are harder than those that it teaches on. The
test people of the config are scored

    unaltered        as `tools/test.py` scores them without flip test
    Affine 30        turned within +-30 degrees, sizes within 0.75 to 1.25
    Affine 60        turned within +-60 degrees, sizes within 0.5 to 1.5
    RandAugment 20   two of eleven changes of colour, at strength 20 of 30
    Joint Cutout n   n joints cut out where the network saw them in the unaltered view,
                     as large as in the config's Joint Cutout, if it has one

by the config's CocoMetric and by PCK@0.2 of the box, or by its own PCK. Views are
sampled from the image itself, and what is predicted in a turned view is turned back
before it is scored. All but the first are random: their scores are means over --seeds
draws. `augmentation_difficulty.json` and `.png` are written into the folder, views in
the order of their scores. CONFIG is one of students or of an ordinary top-down
estimator.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from altered_views import AlteredCrops, Trial, Viewer, affine_of, look
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.evaluator import Evaluator
from mmpose.registry import DATASETS, MODELS
from noise_robustness import quiet_metrics
from rich.progress import track
from torch import nn
from torch.utils.data import DataLoader

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    command_line,
    load_config,
    load_lifter,
)
from mmpose_ext.engine.pose_networks import choose_network, inner_metrics
from mmpose_ext.engine.run_record import machine
from mmpose_ext.models.views.batch_joint_cutout import joint_cutout_of
from mmpose_ext.visualization.bars import draw_grouped_bars
from mmpose_ext.visualization.curves import new_figure

NAME = 'augmentation_difficulty'
UNALTERED = 'unaltered'
METRICS = ('CocoMetric', 'PCKAccuracy', 'MpiiPCKAccuracy')
AFFINE = {'Affine 30': (30.0, 0.25), 'Affine 60': (60.0, 0.5)}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of the network')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for the numbers and the plot'
    )
    parser.add_argument(
        '--network', help='which one, e.g. student1 (default: the first)'
    )
    parser.add_argument(
        '--joint-cutout',
        type=int,
        nargs='+',
        default=[5],
        metavar='N',
        help='joints to cut out, one view for each number (default 5)',
    )
    parser.add_argument('--seeds', type=int, default=3, help='draws (default 3)')
    parser.add_argument('--batch-size', type=int, help="people (default: the config's)")
    parser.add_argument('--num-workers', type=int, help="default: the config's")
    parser.add_argument('--device', help='default: a GPU where there is one')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.seeds < 1 or min(args.joint_cutout) < 1:
        parser.error('--seeds and --joint-cutout must be positive')
    args.device = args.device or get_device()
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Evaluate, write, draw.

    Returns:
        What is written as JSON.
    """
    args = parse_args(argv)
    with quiet_metrics():
        report = measure(args)
    report['command'] = command_line(__file__, argv)
    write_json(args.out / f'{NAME}.json', report)
    with atomic_path(args.out / f'{NAME}.png') as file:
        draw(report).savefig(file)
    print(format_report(report))
    print(f'wrote {args.out / NAME}.png and .json')
    return report


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Score the network under all views.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If the config's test people cannot be scored.
    """
    for file in (args.config, args.checkpoint):
        if not Path(file).expanduser().is_file():
            raise FileNotFoundError(f'there is no file {file}')
    files = LifterFiles('', args.config, args.checkpoint)
    cfg = load_config(files, args)
    metrics = metrics_of(cfg)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = load_lifter(files, args, cfg)
    name, network = choose_network(model, args.network)
    scores = run(model, network, dataset, metrics, cfg, args)
    return {
        'config': args.config,
        'checkpoint': args.checkpoint,
        'network': name,
        'options': dict(args.cfg_options),
        'people': len(dataset),
        'flip_test': False,
        'joint_cutout': [
            joint_cutout_of(model, number).extra_repr() for number in args.joint_cutout
        ],
        'machine': machine(),
        'views': ranked(scores),
    }


def metrics_of(cfg: Config) -> list[dict]:
    """Configs of the metrics of which more is better, with PCK@0.2 beside CocoMetric.

    Raises:
        ValueError: If there is none, or people cannot be scored, as on test-dev.
    """
    given = inner_metrics(cfg.test_evaluator)
    metrics = [metric for metric in given if metric['type'] in METRICS]
    if not metrics:
        raise ValueError(
            f'{cfg.filename} tests with {[metric["type"] for metric in given]}; '
            f'expected one of {METRICS}'
        )
    for metric in metrics:
        metric.pop('outfile_prefix', None)
        if metric.get('format_only'):
            raise ValueError(
                f'{cfg.filename} tests on people without annotations (format_only); '
                'give a config that tests on annotated ones, such as COCO val2017'
            )
    kinds = [metric['type'] for metric in metrics]
    # Boxes of a detector come without joints.
    if kinds == ['CocoMetric'] and not cfg.test_dataloader.dataset.get('bbox_file'):
        metrics.append(dict(type='PCKAccuracy', thr=0.2))
    return metrics


def trials_of(
    dataset: Any,
    metrics: Sequence[dict],
    size: tuple[int, int],
    model: nn.Module,
    args: argparse.Namespace,
) -> list[Trial]:
    """Every view with every seed, the unaltered one first."""

    def trial(name: str, seed: int, **how: Any) -> Trial:
        evaluator = Evaluator([dict(metric) for metric in metrics])
        evaluator.dataset_meta = dataset.metainfo
        return Trial(name, torch.Generator().manual_seed(seed), evaluator, **how)

    operators = {'RandAugment 20': MODELS.build(dict(type='BatchRandAugment'))}
    for number in args.joint_cutout:
        operators[f'Joint Cutout {number}'] = joint_cutout_of(model, number)
    trials = [trial(UNALTERED, 0)]
    for seed in range(args.seeds):
        for name, (rotation, scale) in AFFINE.items():
            view = MODELS.build(
                dict(type='SimilarityView', rotation=rotation, scale=scale, size=size)
            )
            own = trial(name, seed)
            own.maps = view.draw(len(dataset), own.generator)
            trials.append(own)
        trials += [
            trial(name, seed, operator=operator) for name, operator in operators.items()
        ]
    return trials


@torch.no_grad()
def run(
    model: Any,
    network: Any,
    dataset: Any,
    metrics: Sequence[dict],
    cfg: Config,
    args: argparse.Namespace,
) -> dict[str, list[dict[str, float]]]:
    """Scores of each view, one dictionary a seed."""
    transforms = dataset.pipeline.transforms
    size = transforms[affine_of(transforms)].input_size
    viewer = Viewer(model, network, args.device)
    trials = trials_of(dataset, metrics, size, model, args)
    turned = [trial for trial in trials if trial.maps is not None]
    crops = AlteredCrops(dataset, torch.stack([trial.maps for trial in turned]))
    loader = cfg.test_dataloader
    workers = loader.num_workers if args.num_workers is None else args.num_workers
    batches = DataLoader(
        crops,
        batch_size=args.batch_size or loader.batch_size,
        num_workers=workers,
        collate_fn=list,
    )
    first = 0
    for batch in track(batches, 'people', total=len(batches)):
        stack = torch.stack([images for images, _ in batch])
        samples = [sample for _, sample in batch]
        people = slice(first, first + len(batch))
        look(viewer, trials, stack, samples, people)
        first += len(batch)
    # MPII's metric gives per cent, the others shares.
    unit = 100 if metrics[0]['type'] == 'MpiiPCKAccuracy' else 1
    scores: dict[str, list[dict[str, float]]] = {}
    for trial in trials:
        with contextlib.redirect_stdout(io.StringIO()):  # of COCO's evaluation
            found = trial.evaluator.evaluate(len(dataset))
        shares = {
            key.rpartition('/')[2]: float(value) / unit for key, value in found.items()
        }
        scores.setdefault(trial.name, []).append(shares)
    return scores


def headline(scores: dict[str, float]) -> list[str]:
    """The metrics that stand in the table: AP and PCK where they are, or all."""
    return [key for key in ('AP', 'PCK') if key in scores] or list(scores)[:2]


def ranked(scores: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """Views from easy to hard by the first metric, with means and deviations."""
    key = headline(scores[UNALTERED][0])[0]
    rows = []
    for name, seeds in scores.items():
        columns = {metric: [seed[metric] for seed in seeds] for metric in seeds[0]}
        rows.append(
            {
                'view': name,
                'seeds': seeds,
                'mean': {k: statistics.fmean(v) for k, v in columns.items()},
                'deviation': {
                    k: statistics.stdev(v) if len(v) > 1 else None
                    for k, v in columns.items()
                },
            }
        )
    return sorted(rows, key=lambda row: -row['mean'][key])


def format_report(report: dict[str, Any]) -> str:
    """A table, the easiest view first."""
    metrics = headline(report['views'][0]['mean'])
    width = max(len(row['view']) for row in report['views']) + 2
    lines = [f'{"":{width}}' + ''.join(f'{metric:>18}' for metric in metrics)]
    for row in report['views']:
        cells = []
        for metric in metrics:
            spread = row['deviation'][metric]
            text = f'{100 * row["mean"][metric]:.1f}'
            cells.append(text if spread is None else f'{text} +- {100 * spread:.1f}')
        lines.append(f'{row["view"]:{width}}' + ''.join(f'{c:>18}' for c in cells))
    return '\n'.join(lines)


def draw(report: dict[str, Any]) -> Any:
    """Bars of the views, the easiest first (Fig. 5)."""
    metrics = headline(report['views'][0]['mean'])
    values = {
        metric: {row['view']: 100 * row['mean'][metric] for row in report['views']}
        for metric in metrics
    }
    figure = new_figure(1.5 + 1.4 * len(report['views']), 4.0)
    figure.set_layout_engine('constrained')
    ax = draw_grouped_bars(
        figure.subplots(),
        values,
        title=f'{Path(report["config"]).stem}, {report["network"]}',
    )
    ax.set_ylabel('%')
    ax.tick_params(axis='x', labelsize='small')
    ax.legend(fontsize='small', frameon=False)
    return figure


if __name__ == '__main__':
    main()
