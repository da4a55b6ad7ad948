"""Trained lifters on the command line: configs, each with its checkpoint."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.registry import Registry, init_default_scope
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
    """The config of a lifter with ``--cfg-options`` merged.

    Raises:
        FileNotFoundError: If there is no such file, or a config that it starts from.
        ValueError: If it is no config of a model, or the options do not fit it.
    """
    cfg = read_config(files.config)
    try:
        cfg.merge_from_dict(args.cfg_options)
    except (KeyError, IndexError, TypeError, AssertionError) as error:
        raise ValueError(
            f'the options {args.cfg_options} do not fit {files.config}: {error}'
        ) from error
    if not isinstance(cfg.get('model'), ConfigDict):
        raise ValueError(
            f'{files.config} has {sorted(cfg)}; expected a config of a model'
        )
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return cfg


def read_config(path: str | os.PathLike) -> Config:
    """A config file.

    Raises:
        FileNotFoundError: If there is no such file, or a config that it starts from.
        ValueError: If it cannot be read.
    """
    if not Path(path).expanduser().is_file():
        raise FileNotFoundError(f'there is no config {path}')
    try:
        return Config.fromfile(path)
    except FileNotFoundError:
        raise
    except Exception as error:
        # A config is a program, so what may go wrong in it cannot be foreseen.
        raise ValueError(
            f'{path} cannot be read as a config ({type(error).__name__}: {error}); '
            'expected a file such as those of configs/, and weights after it'
        ) from error


def load_lifter(files: LifterFiles, args: argparse.Namespace, cfg: Config) -> Any:
    """The lifter, on its device and in evaluation mode.

    Raises:
        FileNotFoundError: If there is no checkpoint.
        ValueError: If the checkpoint is damaged or belongs to another model, or the
            model cannot be built, or there is no such device.
    """
    device = find_device(args.device)
    checkpoint = load_checkpoint(files.checkpoint, trust=args.trust_checkpoint)
    model = build_model(cfg, MODELS, files.config)
    load_weights(model, checkpoint.get('state_dict', checkpoint), files)
    return model.to(device).eval()


def build_model(cfg: Config, registry: Registry, source: str) -> nn.Module:
    """The model of a config.

    Args:
        cfg: The config.
        registry: Of models.
        source: Names the config in errors.

    Raises:
        ValueError: If it cannot be built.
    """
    try:
        return registry.build(cfg.model)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{source}: no model can be built: {error}') from error


def find_device(name: str | None) -> torch.device:
    """A device that can be used.

    Args:
        name: Such as ``'cpu'`` or ``'cuda:1'``; a GPU where there is one, if ``None``.

    Raises:
        ValueError: If there is none of this name.
    """
    try:
        device = torch.device(name or get_device())
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f'the device {name} cannot be used; give another, such as cpu, or none: '
            f'{error}'
        ) from error
    return device


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
    model: nn.Module, state_dict: Mapping[str, Any], files: LifterFiles
) -> None:
    """Load all weights that the model has.

    Further parts in the file do not matter, such as a teacher or a critic of the
    training. Further weights of parts that the model has do: they are those of a deeper
    network, or of adapters that would be lost.

    Raises:
        ValueError: If weights are missing, left over or of another shape.
    """
    hint = 'give the config (and --cfg-options) that it was trained with'
    try:
        keys = model.load_state_dict(state_dict, strict=False)
    except RuntimeError as error:
        raise ValueError(
            f'{files.checkpoint} does not fit {files.config}; {hint}: {error}'
        ) from error
    if keys.missing_keys:
        raise ValueError(
            f'{files.checkpoint} lacks {len(keys.missing_keys)} weights of '
            f'{files.config}, such as {keys.missing_keys[0]}; {hint}'
        )
    left = [
        key
        for key in keys.unexpected_keys
        if key.split('.')[0] in _parts_with_weights(model)
        and not _is_table(state_dict.get(key))
    ]
    if left:
        raise ValueError(
            f'{files.checkpoint} has {len(left)} weights that {files.config} has no '
            f'place for, such as {left[0]}; {hint}'
        )


def _parts_with_weights(model: nn.Module) -> set[str]:
    """Names of its parts; a data preprocessor has none."""
    return {name.split('.')[0] for name, _ in model.named_parameters()}


def _is_table(value: Any) -> bool:
    """Whether it is a count or a table of indices, which networks make themselves."""
    return isinstance(value, torch.Tensor) and not value.is_floating_point()
