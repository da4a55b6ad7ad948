"""Count the parameters and operations of a lifter.

    python tools/analysis_tools/get_flops.py CONFIG             # a table
    python tools/analysis_tools/get_flops.py CONFIG --json      # the same for programs
    python tools/analysis_tools/get_flops.py CONFIG --deploy    # the inference forward
    python tools/analysis_tools/get_flops.py CONFIG --cfg-options \
        model.backbone.seq_len=81 model.neck.seq_len=81         # another model
    python tools/analysis_tools/get_flops.py CONFIG --hypotheses 3   # diffusion lifters

One window (batch 1) goes through the training forward, which for PrML includes the
mutual-information heads; with `--deploy` through the inference forward. Of a diffusion
lifter one pass of the denoiser is counted, on the windows of all hypotheses, one unless
`--hypotheses` says otherwise. The figures:

    parameters       all numbers that the network learns, without those of loss modules;
                     with --deploy only those that the inference forward uses
    parameters_thop  those in layers that thop knows (no embeddings and task biases)
    macs_thop        multiply-adds as thop counts them, the convention of papers on
                     lifting: layers only, no matrix products of attention
    flops_linear     operations of linear layers, two for each multiply-add; those that
                     embed time steps see no tokens and are left out, as papers do
    flops            operations of all matrix products, attention included
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from rich.console import Console
from rich.table import Table
from torch import nn

from mmpose_ext.engine.cost import Cost, count_cost
from mmpose_ext.engine.launch import add_cfg_options


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument(
        '--deploy', action='store_true', help='count the inference forward'
    )
    parser.add_argument(
        '--seq-len',
        type=int,
        metavar='T',
        help="frames of the window (default: the data set's, else the backbone's); the "
        'model stays that of the config',
    )
    parser.add_argument(
        '--hypotheses',
        type=int,
        metavar='H',
        help='windows in one pass of the denoiser of a diffusion lifter (default: 1)',
    )
    add_cfg_options(parser)
    return parser.parse_args(argv)


def window_shape(cfg: Config, seq_len: int | None = None) -> tuple[int, int, int, int]:
    """Shape ``(1, T, K, in_channels)`` of one input window of a config.

    Args:
        cfg: The config.
        seq_len: Frames T; by default those of the training data, else of the backbone.

    Raises:
        ValueError: If the model is not a lifter of sequences, or T is not known or not
            positive.
    """
    backbone = cfg.model.get('backbone', {})
    if 'in_channels' not in backbone:
        raise ValueError(
            f'{cfg.filename}: model.backbone has no in_channels; this tool counts '
            'lifters that take windows of shape (B, T, K, in_channels)'
        )
    if seq_len is None:
        data = (cfg.get('train_dataloader') or {}).get('dataset', {})
        lengths = [*dataset_lengths(data), backbone.get('seq_len')]
        seq_len = next((length for length in lengths if length), None)
    if seq_len is None or seq_len < 1:
        raise ValueError(f'{cfg.filename}: T is {seq_len}; give --seq-len T, T >= 1')
    return 1, seq_len, backbone.get('num_joints', 17), backbone.in_channels


def is_diffusion_lifter(model: dict) -> bool:
    """Whether the model of a config denoises poses."""
    return hasattr(MODELS.get(model['type']), 'denoise')


def check_hypotheses(cfg: Config, hypotheses: int) -> int:
    """The number of hypotheses, if the model of a config can have so many.

    Raises:
        ValueError: If it is no diffusion lifter or there are fewer than one.
    """
    if hypotheses < 1:
        raise ValueError(f'--hypotheses must be at least 1, got {hypotheses}')
    if not is_diffusion_lifter(cfg.model):
        raise ValueError(
            f'{cfg.filename}: {cfg.model.type} makes one hypothesis; --hypotheses is '
            'for diffusion lifters, models with a method `denoise`'
        )
    return hypotheses


def dataset_lengths(dataset: Any) -> Iterator[int]:
    """Window lengths of a data set's config and of the ones that it wraps."""
    # MMPose's Human36mDataset calls it multiple_target and keeps seq_len at 1.
    yield dataset.get('multiple_target') or dataset.get('seq_len') or 0
    for inner in [dataset.get('dataset'), *dataset.get('datasets', [])]:
        if inner is not None:
            yield from dataset_lengths(inner)


def count_model(
    model: dict, shape: tuple[int, int, int, int], *, deploy: bool = False
) -> Cost:
    """Count a model of a config.

    Args:
        model: Config of the model.
        shape: Shape ``(B, T, K, in_channels)`` of the input; of a diffusion lifter B is
            the number of hypotheses, and the last three channels are the noisy pose.
        deploy: Count the inference forward instead of the training forward.
    """
    try:
        return _count(model, shape, 'meta', deploy)
    except (NotImplementedError, RuntimeError):
        # Something in it reads values, which `meta` tensors do not have.
        return _count(model, shape, 'cpu', deploy)


def _count(
    model: dict, shape: tuple[int, int, int, int], device: str, deploy: bool
) -> Cost:
    with torch.device(device):
        network = MODELS.build(model)
    if is_diffusion_lifter(model):
        return _count_denoiser(network, shape, device, deploy)
    shapes = {'keypoints': shape}
    for name, frame in getattr(network.backbone, 'feature_shapes', {}).items():
        shapes[name] = (*shape[:2], *frame)
    inputs = {name: torch.zeros(size, device=device) for name, size in shapes.items()}
    train = getattr(network.head, 'forward_train', network.head.forward)

    def forward() -> None:
        feats = network.extract_feat(inputs)
        (network.head.forward if deploy else train)(feats)

    return count_cost(network, forward, inference=deploy)


def _count_denoiser(
    network: nn.Module, shape: tuple[int, int, int, int], device: str, deploy: bool
) -> Cost:
    windows, channels = shape[:3], shape[3]
    keypoints = torch.zeros(*windows, channels - 3, device=device)
    noisy = torch.zeros(*windows, 3, device=device)
    timesteps = torch.zeros(shape[0], dtype=torch.long, device=device)

    def forward() -> None:
        network.denoise(keypoints, noisy, timesteps)

    return count_cost(network, forward, inference=deploy)


def print_table(cost: Cost, title: str) -> None:
    """Print the parts and the totals."""
    parts = Table('part')
    parts.add_column('parameters', justify='right')
    parts.add_column('MACs (thop)', justify='right')
    for name, part in cost.parts.items():
        parts.add_row(name, f'{part.parameters:,}', readable(part.macs_thop))
    totals = Table.grid(padding=(0, 2))
    totals.add_column()
    totals.add_column(justify='right')
    for name, note in {
        'parameters': 'all, loss modules left out',
        'parameters_thop': 'in layers that thop knows',
        'macs_thop': 'layers only, as papers count',
        'flops_linear': 'linear layers of tokens, two for each multiply-add',
        'flops': 'with attention',
    }.items():
        totals.add_row(name, readable(getattr(cost, name)), note)
    print(title)
    console = Console()
    console.print(parts)
    console.print(totals)


def readable(number: int) -> str:
    """A count in M or G, with digits enough to compare with papers."""
    if number >= 1e9:
        return f'{number / 1e9:,.4f} G'
    return f'{number / 1e6:,.3f} M' if number else '-'


def main(argv: Sequence[str] | None = None) -> None:
    """Count and print."""
    args = parse_args(argv)
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    shape = window_shape(cfg, args.seq_len)
    if args.hypotheses is not None:
        shape = (check_hypotheses(cfg, args.hypotheses), *shape[1:])
    cost = count_model(cfg.model, shape, deploy=args.deploy)
    forward = 'inference' if args.deploy else 'training'
    if args.json:
        about = {'config': args.config, 'forward': forward, 'input': list(shape)}
        print(json.dumps({**about, **cost.to_dict()}, indent=2))
    else:
        print_table(cost, f'{args.config}: {forward} forward, input {shape}')


if __name__ == '__main__':
    main()
