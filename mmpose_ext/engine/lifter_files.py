"""Trained lifters on the command line: configs, each with its checkpoint."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.inference import (
    LiftedFrames,
    build_scored_dataset,
    lift_dataset,
)
from mmpose_ext.engine.launch import add_cfg_options, add_trust_checkpoint


class LiftedData(NamedTuple):
    """Test data and what a lifter makes of it.

    Attributes:
        cfg: The config.
        dataset: Its test dataset, or the windows of it that were chosen.
        frames: The scored frames.
    """

    cfg: Config
    dataset: Any
    frames: LiftedFrames


class LifterFiles(NamedTuple):
    """Where a lifter lies.

    Attributes:
        label: Its name in tables and pictures.
        config: Config file.
        checkpoint: Weights, `.pth` or `.safetensors`.
    """

    label: str
    config: str
    checkpoint: str


def add_lifter_arguments(parser: argparse.ArgumentParser, *, nargs: str = '+') -> None:
    """Add the arguments by which analysis tools take several lifters."""
    parser.add_argument(
        'files',
        nargs=nargs,
        metavar='CONFIG CHECKPOINT',
        help='a config and its checkpoint, once for each lifter',
    )
    parser.add_argument(
        '--labels', nargs='+', help='a name for each lifter (default: the config)'
    )
    parser.add_argument(
        '--batch-size', type=int, help="windows (default: the config's)"
    )
    parser.add_argument('--device', help='default: a GPU where there is one')
    add_trust_checkpoint(parser)
    add_cfg_options(parser)


def lifter_files(
    args: argparse.Namespace, *, distinct_labels: bool = True
) -> list[LifterFiles]:
    """The lifters that were given.

    Args:
        args: Parsed arguments of :func:`add_lifter_arguments`.
        distinct_labels: Whether two lifters must not share a label.

    Raises:
        ValueError: If the files are not pairs, or labels do not fit.
        FileNotFoundError: If a file does not exist.
    """
    configs, checkpoints = args.files[::2], args.files[1::2]
    if len(configs) != len(checkpoints) or not configs:
        raise ValueError(
            'expected pairs CONFIG CHECKPOINT [CONFIG CHECKPOINT ...], got '
            f'{len(args.files)} files: {args.files}'
        )
    for file in args.files:
        if not Path(file).expanduser().is_file():
            raise FileNotFoundError(f'there is no file {file}')
    labels = args.labels or [Path(config).stem for config in configs]
    if len(labels) != len(configs):
        raise ValueError(f'{len(configs)} lifters need as many labels, got {labels}')
    if distinct_labels and len(set(labels)) < len(labels):
        raise ValueError(f'the labels {labels} are not distinct; give others: --labels')
    return [LifterFiles(*row) for row in zip(labels, configs, checkpoints, strict=True)]


def load_config(files: LifterFiles, args: argparse.Namespace) -> Config:
    """The config of a lifter with ``--cfg-options`` merged."""
    cfg = Config.fromfile(files.config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return cfg


def load_lifter(files: LifterFiles, args: argparse.Namespace, cfg: Config) -> Any:
    """The lifter, on its device and in evaluation mode.

    Raises:
        ValueError: If the checkpoint is damaged or belongs to another model.
    """
    checkpoint = load_checkpoint(files.checkpoint, trust=args.trust_checkpoint)
    model = MODELS.build(cfg.model)
    load_weights(model, checkpoint.get('state_dict', checkpoint), files)
    return model.to(args.device or get_device()).eval()


def lift_test_data(
    files: LifterFiles,
    args: argparse.Namespace,
    *,
    choose: Callable[[Any], np.ndarray] | None = None,
) -> LiftedData:
    """Run a lifter over the test data of its config, without what its metric skips.

    Args:
        files: The lifter.
        args: Parsed arguments of :func:`add_lifter_arguments`.
        choose: Picks windows of the dataset, by number; all of them if left out.
    """
    cfg = load_config(files, args)
    dataset = build_scored_dataset(cfg)
    if choose is not None:
        dataset = dataset.get_subset(choose(dataset))
    frames = lift_dataset(
        load_lifter(files, args, cfg),
        dataset,
        batch_size=batch_size_of(args, cfg),
        title=files.label,
    )
    return LiftedData(cfg, dataset, frames)


def command_line(tool: str, argv: Sequence[str] | None) -> str:
    """How a tool was called, for the file that it writes.

    Args:
        tool: Path of the tool.
        argv: Its arguments; those of the process if ``None``.
    """
    return ' '.join([Path(tool).name, *(sys.argv[1:] if argv is None else argv)])


def batch_size_of(args: argparse.Namespace, cfg: Config) -> int:
    """Windows of a batch.

    Raises:
        ValueError: If it is not positive.
    """
    size = (
        cfg.test_dataloader.batch_size if args.batch_size is None else args.batch_size
    )
    if size < 1:
        raise ValueError(f'--batch-size {size}; expected a positive number')
    return size


def load_weights(
    model: nn.Module, state_dict: dict[str, Any], files: LifterFiles
) -> None:
    """Load all weights that the model has; further ones in the file do not matter.

    Raises:
        ValueError: If some are missing or of another shape.
    """
    hint = 'give the config (and --cfg-options) that it was trained with'
    try:
        missing = model.load_state_dict(state_dict, strict=False).missing_keys
    except RuntimeError as error:
        raise ValueError(
            f'{files.checkpoint} does not fit {files.config}; {hint}: {error}'
        ) from error
    if missing:
        raise ValueError(
            f'{files.checkpoint} lacks {len(missing)} weights of {files.config}, such '
            f'as {missing[0]}; {hint}'
        )
