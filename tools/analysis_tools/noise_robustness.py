"""How much noise on the 2D input costs trained lifters (PrML, Fig. 5).

    python tools/analysis_tools/noise_robustness.py --out noise \
        configs/prml/prml_mocap_9.py PRML.pth \
        configs/prml/motionbert_mocap_9.py MOTIONBERT.pth --labels PrML MotionBERT
    python tools/analysis_tools/noise_robustness.py ... --sigmas 0 2 5 10 --unit pixel
    python tools/analysis_tools/noise_robustness.py --out noise --from-json A.json ...

Zero-mean Gaussian noise is added to the keypoints that the config's test data gives,
and each checkpoint is evaluated as it is, without training. A frame gets the same noise
for every model. The paper adds it to ground-truth 2D, with networks that were trained
on ground-truth 2D. Lifters that share a label are runs of one model: the plot shows
their mean and range. `noise_robustness.json` and `.png` are written into the folder;
with `--from-json` the picture is drawn anew from such files, all lifters together.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from get_flops import count_model
from matplotlib.figure import Figure
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.datasets.transforms import JointNoise
from mmpose_ext.engine.inference import evaluator_configs, input_keypoints, predict
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    add_lifter_arguments,
    batch_size_of,
    command_line,
    lifter_files,
    load_config,
    load_lifter,
)
from mmpose_ext.engine.run_record import machine
from mmpose_ext.visualization.curves import new_figure
from mmpose_ext.visualization.noise_curves import NoiseCurve, draw_noise_curves

METRIC = 'MPJPE'
NAME = 'noise_robustness'
DEFAULT_SIGMAS = {
    'pixel': (0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0),
    'normalized': (0.0, 0.002, 0.004, 0.008, 0.012, 0.016, 0.02),
}
AXIS_NAMES = {
    'pixel': 'σ of the noise on the 2D input [pixels]',
    'normalized': 'σ of the noise on the 2D input [half image widths]',
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser, nargs='*')
    parser.add_argument(
        '--sigmas', type=float, nargs='+', help='standard deviations of the noise'
    )
    parser.add_argument('--unit', choices=tuple(DEFAULT_SIGMAS), default='pixel')
    parser.add_argument('--seed', type=int, default=0, help='seed of the noise')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder for the numbers and the plot'
    )
    parser.add_argument(
        '--from-json', nargs='+', metavar='FILE', help='only draw these results'
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Evaluate, write, draw.

    Returns:
        The report, as it is written.
    """
    args = parse_args(argv)
    if args.from_json:
        report = merge_reports(args.from_json)
    else:
        report = measure(args)
        report['command'] = command_line(__file__, argv)
        write_json(args.out / f'{NAME}.json', report)
    with atomic_path(args.out / f'{NAME}.png') as file:
        draw(report).savefig(file)
    print(format_report(report))
    print(f'wrote {args.out / NAME}.png')
    return report


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Evaluate every lifter under every noise.

    Raises:
        ValueError: If a sigma is negative or the files are not pairs.
    """
    sigmas = sorted({0.0, *(args.sigmas or DEFAULT_SIGMAS[args.unit])})
    noises = [JointNoise(sigma, args.unit, seed=args.seed) for sigma in sigmas]
    lifters = lifter_files(args, distinct_labels=False)
    with quiet_metrics():
        rows = [measure_lifter(files, args, noises) for files in lifters]
    return {
        'unit': args.unit,
        'seed': args.seed,
        'machine': machine(),
        'lifters': rows,
    }


def measure_lifter(
    files: LifterFiles, args: argparse.Namespace, noises: Sequence[JointNoise]
) -> dict[str, Any]:
    """Evaluate one lifter under every noise; the first noise must be none."""
    cfg = load_config(files, args)
    model = load_lifter(files, args, cfg)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    window = input_keypoints(dataset[0])
    cost = count_model(cfg.model, (1, *window.shape))
    width = image_width(dataset)
    points: list[dict[str, Any]] = []
    for noise in noises:
        title = f'{files.label}, sigma {noise.sigma:g}'
        metrics = evaluate(
            model, add_noise(dataset, noise), cfg, batch_size_of(args, cfg), title
        )
        pixels = noise.sigma * (1 if noise.unit == 'pixel' else width / 2)
        points.append(
            {
                'sigma_px': pixels,
                'sigma_normalized': 2 * pixels / width,
                **metrics,
                f'delta_{METRIC}': metrics[METRIC] - (points or [metrics])[0][METRIC],
            }
        )
    return {
        **files._asdict(),
        'options': dict(args.cfg_options),
        'keypoints_2d': getattr(dataset, 'keypoints_2d', None),
        'seq_len': len(window),
        'parameters': cost.parameters,
        'macs_thop': cost.macs_thop,
        'image_width': width,
        'points': points,
    }


def add_noise(dataset: Any, noise: JointNoise) -> Any:
    """The dataset with noise at the head of its pipeline; the store is shared."""
    noisy = copy.copy(dataset)
    noisy.pipeline = Compose([noise, *dataset.pipeline.transforms])
    return noisy


def evaluate(
    model: Any, dataset: Any, cfg: Config, batch_size: int, title: str
) -> dict[str, float]:
    """Headline metrics of the config's evaluator; those without a value are left out.

    Raises:
        ValueError: If the evaluator does not report the MPJPE.
    """
    configs = copy.deepcopy(evaluator_configs(cfg))
    for config in configs:
        config.pop('outfile', None)
    evaluator = Evaluator(configs)
    evaluator.dataset_meta = dataset.metainfo
    for _, outputs in predict(model, dataset, batch_size=batch_size, title=title):
        evaluator.process(outputs)
    metrics = evaluator.evaluate(len(dataset))
    if METRIC not in metrics:
        raise ValueError(
            f'the test_evaluator of {cfg.filename} reports {sorted(metrics)}; expected '
            f'{METRIC} among them (PoseLiftingMetric without a prefix)'
        )
    return {
        name: float(value)
        for name, value in metrics.items()
        if name.count('/') == 0 and math.isfinite(value)
    }


@contextmanager
def quiet_metrics() -> Iterator[None]:
    """Keep the tables of each evaluation off the console, where progress is shown."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')
    try:
        yield
    finally:
        logger.setLevel(level)


def image_width(dataset: Any) -> float:
    """Mean image width over the windows, pixels."""
    sizes = [row.image_size or (np.nan, np.nan) for row in dataset.store.sequences]
    widths = np.array(sizes, dtype=float)[:, 0]
    return float(widths[dataset.windows.sequence].mean())


def merge_reports(files: Sequence[str]) -> dict[str, Any]:
    """Results of several files as one.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If a file is no result of this tool, or units or seeds differ.
    """
    reports = []
    for file in files:
        if not Path(file).is_file():
            raise FileNotFoundError(f'there is no file {file}')
        report = json.loads(Path(file).read_text(encoding='utf-8'))
        if not isinstance(report, dict) or not {'lifters', 'unit'} <= set(report):
            raise ValueError(f'{file} is no {NAME}.json, which this tool writes')
        reports.append(report)
    kinds = {(report['unit'], report['seed']) for report in reports}
    if len(kinds) > 1:
        raise ValueError(
            f'the files differ in unit and seed of the noise: {sorted(kinds)}; measure '
            'again with the same ones'
        )
    lifters = [lifter for report in reports for lifter in report['lifters']]
    return {**reports[0], 'lifters': lifters}


def curves_of(report: dict[str, Any]) -> list[NoiseCurve]:
    """One curve for each label.

    Raises:
        ValueError: If runs of one label were measured at different sigmas.
    """
    key = 'sigma_px' if report['unit'] == 'pixel' else 'sigma_normalized'
    groups: dict[str, list[dict[str, Any]]] = {}
    for lifter in report['lifters']:
        groups.setdefault(lifter['label'], []).append(lifter)
    curves = []
    for label, runs in groups.items():
        sigmas = [[point[key] for point in run['points']] for run in runs]
        if any(other != sigmas[0] for other in sigmas):
            raise ValueError(f'the runs of {label!r} have different sigmas: {sigmas}')
        drops = [[p[f'delta_{METRIC}'] for p in run['points']] for run in runs]
        macs = runs[0]['macs_thop']
        curves.append(NoiseCurve(label, np.array(sigmas[0]), np.array(drops), macs))
    return curves


def draw(report: dict[str, Any]) -> Figure:
    """The plot of a report."""
    figure = new_figure(width=6.0, height=4.5)
    figure.set_layout_engine('constrained')
    draw_noise_curves(
        figure.subplots(),
        curves_of(report),
        sigma_name=AXIS_NAMES[report['unit']],
        drop_name=f'Δ {METRIC} [mm]',
    )
    return figure


def format_report(report: dict[str, Any]) -> str:
    """One line for each lifter: its error without noise and what each sigma adds."""
    lines = []
    for lifter in report['lifters']:
        first, *others = lifter['points']
        added = '  '.join(
            f'{point["sigma_px"]:g} px: +{point[f"delta_{METRIC}"]:.1f}'
            for point in others
        )
        lines.append(f'{lifter["label"]}: {METRIC} {first[METRIC]:.1f} mm;  {added}')
    return '\n'.join(lines)


if __name__ == '__main__':
    main()
