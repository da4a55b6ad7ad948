"""Train a model, or go on with an interrupted run.

    python tools/train.py CONFIG                          # into work_dirs/<CONFIG>
    python tools/train.py CONFIG --resume                 # from the last checkpoint
    python tools/train.py CONFIG --amp --work-dir OUT     # mixed precision, on a GPU
    python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=64
    bash tools/dist_train.sh CONFIG 4                     # four GPUs (or processes)

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

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.runner import find_latest_checkpoint
from mmpose.registry import OPTIM_WRAPPERS

from mmpose_ext.engine.launch import (
    add_common_arguments,
    build_runner,
    leave_processes,
    merge_common_arguments,
)
from mmpose_ext.engine.optim_wrappers import ModalityOptimWrapper


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; names and meanings are those of MMPose's tool."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint, or from the last one in the work dir; where '
        'there is none yet, begin as the config says',
    )
    parser.add_argument(
        '--amp', action='store_true', help='train with automatic mixed precision'
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the actual batch size over the one in the '
        'config (auto_scale_lr.base_batch_size)',
    )
    add_common_arguments(parser)
    return parser.parse_args(argv)


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Put the flags into the config.

    Raises:
        FileNotFoundError: If the checkpoint to resume from does not exist.
        ValueError: If a flag does not fit the config or this machine.
    """
    merge_common_arguments(cfg, args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        _use_mixed_precision(cfg)
    if args.auto_scale_lr:
        if not (cfg.get('auto_scale_lr') or {}).get('base_batch_size'):
            raise ValueError(
                '--auto-scale-lr needs auto_scale_lr.base_batch_size in the config: '
                'the batch size, over all processes, that its learning rate was chosen '
                'for'
            )
        cfg.auto_scale_lr.enable = True
    cfg.merge_from_dict(args.cfg_options)
    if args.resume is not None:
        _resume(cfg, args.resume)
    if 'preprocess_cfg' in cfg:
        cfg.model.setdefault('data_preprocessor', cfg.preprocess_cfg)
    return cfg


def _resume(cfg: Config, checkpoint: str) -> None:
    """Go on from a checkpoint, or from the last one of the work dir if it is 'auto'.

    MMEngine would resume from `load_from`, with which fine-tuning and adaptation begin.
    A run that was interrupted before its first checkpoint begins again with that.
    """
    if checkpoint == 'auto':
        cfg.resume = find_latest_checkpoint(cfg.work_dir) is not None
        cfg.load_from = None if cfg.resume else cfg.get('load_from')
        return
    cfg.resume, cfg.load_from = True, checkpoint
    if '://' not in checkpoint and not Path(checkpoint).expanduser().is_file():
        raise FileNotFoundError(f'there is no checkpoint {checkpoint}')


def _use_mixed_precision(cfg: Config) -> None:
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    name = kind if isinstance(kind, str) else kind.__name__
    found = OPTIM_WRAPPERS.get(name)
    # Methods that balance modalities have mixed precision of their own.
    if found is not None and issubclass(found, ModalityOptimWrapper):
        precision = 'bfloat16' if get_device() == 'cpu' else 'float16'
        cfg.optim_wrapper.setdefault('dtype', precision)
        return
    if name not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise ValueError(
            f'--amp replaces the OptimWrapper, but the config has its own, {name}; '
            'set mixed precision there'
        )
    if get_device() == 'cpu':
        cfg.optim_wrapper.type = 'Bf16OptimWrapper'
        return
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def main(argv: Sequence[str] | None = None) -> None:
    """Train."""
    args = parse_args(argv)
    cfg = merge_args(Config.fromfile(args.config), args)
    runner = build_runner(cfg, trust_checkpoint=args.trust_checkpoint)
    runner.train()
    leave_processes()


if __name__ == '__main__':
    main()
