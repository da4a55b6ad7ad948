"""Evaluate a checkpoint.

    python tools/test.py CONFIG CHECKPOINT
    python tools/test.py CONFIG CHECKPOINT --out metrics.json --dump predictions.pkl
    python tools/test.py CONFIG CHECKPOINT --show-dir pictures --interval 50
    bash tools/dist_test.sh CONFIG CHECKPOINT 4

Flags and their meaning are those of MMPose's tool; `--seed` and `--trust-checkpoint`
are ours.
"""

from __future__ import annotations

import os

# Threads that spin while they wait slow a shared CPU down many times; torch's OpenMP
# reads this when it is loaded.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

# ruff: noqa: E402
import argparse
from collections.abc import Sequence
from pathlib import Path

import mmengine
from mmengine.config import Config
from mmengine.dist import is_main_process

from mmpose_ext.engine.inference import evaluator_configs
from mmpose_ext.engine.launch import (
    add_common_arguments,
    build_runner,
    drawing_hook,
    leave_processes,
    merge_common_arguments,
)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; names and meanings are those of MMPose's tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint: .pth or .safetensors')
    parser.add_argument(
        '--out', help='write the metrics to this .json, .yaml or .pkl file'
    )
    parser.add_argument('--dump', help='write the predictions to this .pkl file')
    parser.add_argument(
        '--badcase',
        action='store_true',
        help='draw the worst samples (configs with a BadCaseAnalysisHook)',
    )
    add_common_arguments(parser)
    return parser.parse_args(argv)


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Put the flags into the config.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If a flag does not fit the config.
    """
    if '://' not in args.checkpoint:
        if not Path(args.checkpoint).expanduser().is_file():
            raise FileNotFoundError(f'there is no checkpoint {args.checkpoint}')
    if args.out and Path(args.out).suffix not in ('.json', '.yaml', '.yml', '.pkl'):
        raise ValueError(f'--out must end in .json, .yaml or .pkl, got {args.out}')
    if args.dump and Path(args.dump).suffix not in ('.pkl', '.pickle'):
        raise ValueError(f'--dump must end in .pkl, got {args.dump}')
    show_all, args.show = args.show, args.show and not args.badcase
    merge_common_arguments(cfg, args)
    if args.badcase:
        hook = drawing_hook(cfg, 'badcase', '--badcase')
        hook.update(enable=True, show=show_all, interval=args.interval)
        if show_all:
            hook.wait_time = args.wait_time
        if not hook.get('metric'):
            by_loss = hook.get('metric_type', 'loss') == 'loss'
            hook.metric = cfg.model.head.loss if by_loss else cfg.test_evaluator
    if args.dump:
        dump = dict(type='DumpResults', out_file_path=args.dump)
        cfg.test_evaluator = [*evaluator_configs(cfg), dump]
    cfg.merge_from_dict(args.cfg_options)
    # After the options: those of a training may name the weights that it began with.
    cfg.load_from, cfg.resume = args.checkpoint, False
    return cfg


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Test.

    Returns:
        The metrics.
    """
    args = parse_args(argv)
    cfg = merge_args(Config.fromfile(args.config), args)
    runner = build_runner(cfg, trust_checkpoint=args.trust_checkpoint)
    metrics = runner.test()
    if args.out and is_main_process():
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
        mmengine.dump(metrics, args.out, **_dump_options(args.out))
    leave_processes()
    return metrics


def _dump_options(path: str) -> dict:
    return dict(indent=2) if path.endswith('.json') else {}


if __name__ == '__main__':
    main()
