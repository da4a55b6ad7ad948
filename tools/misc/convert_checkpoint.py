"""Turn a public checkpoint into one that loads into our configs.

    python tools/misc/convert_checkpoint.py --from motionbert best_epoch.bin \
        models/motionbert_h36m.pth --config configs/prml/motionbert_h36m_243.py
    python tools/misc/convert_checkpoint.py --from mixste best_epoch.bin \
        models/mixste_h36m.pth --config configs/prml/mixste_h36m_243.py
    python tools/misc/convert_checkpoint.py --from d3dp h36m_best_epoch.bin \
        models/d3dp_h36m.pth --config configs/posynda/d3dp_h36m_243.py
    python tools/test.py configs/prml/motionbert_h36m_243.py models/motionbert_h36m.pth
    python tools/misc/convert_checkpoint.py --from semi_human_pose \
        COCO1K_PoseDual.pth.tar models/dual_r18_coco.pth \
        --config configs/dual_student/dual_r18_coco.py
    python tools/test.py configs/dual_student/dual_r18_coco.py \
        models/dual_r18_coco.pth --cfg-options model.data_preprocessor.bgr_to_rgb=False

`--from motionbert` reads checkpoints of Walter0807/MotionBERT (pose estimation and
pre-training), `--from mixste` those of JinluZhang1126/MixSTE, `--from d3dp` those of
paTRICK-swk/D3DP, `--from mmpose` those of MMPose's MotionBERT configs. The converted
network gives the same output. With `--config`, nothing is written unless the weights
load strictly into its model; another window length is sliced or interpolated at
loading, which is said.

`--from semi_human_pose` reads the 2D networks of xierc/Semi_Human_Pose, ResNets and
HRNets, and takes the channels of `--joints coco` or `mpii` out of their 24. Two
networks become a DualStudent, one a ConsistencyStudent, and with `--network` 0 or 1
that one becomes an ordinary TopdownPoseEstimator. They were trained on BGR images with
mean and deviation of RGB ones, so they need `bgr_to_rgb=False`, which stands in the
meta of the file, too.

Optimiser state and training progress stay behind, and so does D3DP's noise schedule,
which the config names. Some public files hold Python objects besides tensors (MixSTE's
and D3DP's a random state); reading them can run code from the file and needs
`--trust-checkpoint`. OUT appears whole or not at all.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import Tensor

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.launch import add_trust_checkpoint
from mmpose_ext.models.checkpoint_maps import CHECKPOINT_MAPS, convert_state_dict
from mmpose_ext.models.semi_human_pose import (
    CHANNELS,
    PREPROCESSING,
    UNION,
    convert_semi_human_pose,
    kind_of,
    students_state,
)
from mmpose_ext.version import __version__

STUDENTS = 'semi_human_pose'

# Where public training scripts put the weights.
_STATE_KEYS = ('model_pos', 'state_dict', 'model')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('in_file', metavar='IN', help='public checkpoint')
    parser.add_argument('out_file', metavar='OUT', help='file to write, .pth')
    parser.add_argument(
        '--from',
        dest='source',
        choices=[*CHECKPOINT_MAPS, STUDENTS],
        required=True,
        help='what kind of checkpoint IN is',
    )
    parser.add_argument(
        '--config', help='config whose model must load the result strictly'
    )
    parser.add_argument(
        '--joints',
        choices=list(CHANNELS),
        default='coco',
        help=f'with {STUDENTS}: whose joints to take (default coco)',
    )
    parser.add_argument(
        '--network',
        type=int,
        choices=(0, 1),
        help=f'with {STUDENTS}: this one alone, as an ordinary estimator',
    )
    add_trust_checkpoint(parser)
    return parser.parse_args(argv)


def public_state_dict(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a public checkpoint, without the prefix of a parallel wrapper.

    Args:
        checkpoint: A training checkpoint, or the weights alone.

    Raises:
        ValueError: If there are no weights in it.
    """
    key = next((key for key in _STATE_KEYS if key in checkpoint), None)
    state = checkpoint if key is None else checkpoint[key]
    if not (
        isinstance(state, Mapping)
        and state
        and all(isinstance(value, Tensor) for value in state.values())
    ):
        raise ValueError(
            f'found no weights under {_STATE_KEYS} nor at the top of the checkpoint; '
            f'its keys are {list(checkpoint)[:10]}'
        )
    return {name.removeprefix('module.'): value for name, value in state.items()}


def settings_of(state: Mapping[str, Tensor], backbone: str) -> dict[str, dict]:
    """Settings of backbone and head that converted weights need.

    Args:
        state: Weights under our names.
        backbone: Class of the backbone.

    Returns:
        Settings of ``backbone`` and ``head``. The number of heads leaves no trace in
        weights; the public models have 8.
    """
    embed_dims, in_channels = state['backbone.embedding.proj.weight'].shape
    frames = next(v for k, v in state.items() if k.endswith('.frames'))
    widths = [v.shape[0] for k, v in state.items() if k.endswith('mlp.fc1.weight')]
    repeated = ('backbone.blocks.', 'backbone.spatial_layers.')
    blocks = {key.split('.')[2] for key in state if key.startswith(repeated)}
    head: dict[str, Any] = {'type': 'PoseRegressionHead', 'in_channels': embed_dims}
    if 'head.hidden.0.weight' in state:
        head['hidden_dims'] = state['head.hidden.0.weight'].shape[0]
    if 'head.norm.weight' in state:
        head['norm'] = True
    return {
        'backbone': {
            'type': backbone,
            'in_channels': in_channels,
            'embed_dims': embed_dims,
            'seq_len': frames.shape[1],
            'num_joints': state['backbone.embedding.joints'].shape[2],
            'depth': len(blocks),
            'mlp_ratio': widths[0] / embed_dims,
            'qkv_bias': any(key.endswith('qkv.bias') for key in state),
        },
        'head': head,
    }


def check_config(config: str, state: Mapping[str, Tensor]) -> None:
    """Load weights strictly into the model of a config.

    Raises:
        ValueError: If they do not fit.
    """
    cfg = Config.fromfile(config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = MODELS.build(cfg.model)
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f'{config} does not fit the checkpoint; give its networks the settings '
            f'printed above. {error}'
        ) from error


def read_public(in_file: str, *, trust: bool) -> tuple[dict[str, Tensor], list[str]]:
    """Read a public checkpoint.

    Args:
        in_file: The file.
        trust: Read objects of any type.

    Returns:
        The weights under their public names, and the keys of what stays behind.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no weights, or is not safe to read.
    """
    checkpoint = load_checkpoint(in_file, trust=trust)
    left = [key for key, value in checkpoint.items() if not isinstance(value, Tensor)]
    return public_state_dict(checkpoint), [k for k in left if k not in _STATE_KEYS]


def convert_lifter(
    public: Mapping[str, Tensor], left: list[str], source: str
) -> dict[str, Tensor]:
    """Convert a lifter, and say what it is.

    Args:
        public: Weights under their public names.
        left: Keys of what stays behind; those of weights are added.
        source: What kind it is.

    Raises:
        ValueError: If it is no checkpoint of that source.
    """
    state = convert_state_dict(public, source)
    settings = settings_of(state, CHECKPOINT_MAPS[source].backbone)
    for part, values in settings.items():
        text = ', '.join(f'{key}={value!r}' for key, value in values.items())
        print(f'  {part}=dict({text})')
    left += filter(CHECKPOINT_MAPS[source].is_left_behind, public)
    return state


def convert_students(
    public: Mapping[str, Tensor], joints: str, network: int | None
) -> dict[str, Tensor]:
    """Convert networks of Semi_Human_Pose, and say what they are.

    Args:
        public: Weights under their public names.
        joints: Whose joints to take.
        network: Number of the network to take; ``None`` takes all.

    Raises:
        ValueError: If it is no such checkpoint, or has no such network.
    """
    networks = convert_semi_human_pose(public, joints)
    kinds = ' and '.join(map(kind_of, networks))
    print(f'  {kinds}, {len(CHANNELS[joints])} joints of {joints} out of {UNION}')
    if network is not None and network >= len(networks):
        raise ValueError(f'--network {network}: the file has one network, number 0')
    if network is not None:
        print(f'  for a TopdownPoseEstimator: network {network}')
        return networks[network]
    kind = 'ConsistencyStudent' if len(networks) == 1 else 'DualStudent'
    print(f'  for a {kind}')
    return students_state(networks)


def warn_of_colours(config: str | None) -> None:
    """Say how the networks of Semi_Human_Pose want their images."""
    print(
        '  trained on BGR images with the statistics of RGB: give '
        '--cfg-options model.data_preprocessor.bgr_to_rgb=False wherever you use it'
    )
    if config is not None:
        preprocessor = Config.fromfile(config).model.get('data_preprocessor') or {}
        if preprocessor.get('bgr_to_rgb', False):
            print(f'  ({config} has bgr_to_rgb=True)')


def main(argv: Sequence[str] | None = None) -> None:
    """Convert, check, write."""
    args = parse_args(argv)
    out = Path(args.out_file)
    public, left = read_public(args.in_file, trust=args.trust_checkpoint)
    print(f'{args.in_file}: {len(public)} tensors')
    meta: dict[str, Any] = {'file': Path(args.in_file).name, 'mmpose_ext': __version__}
    if args.source == STUDENTS:
        state = convert_students(public, args.joints, args.network)
        warn_of_colours(args.config)
        meta['converted_from'] = 'xierc/Semi_Human_Pose'
        meta['data_preprocessor'] = PREPROCESSING
    else:
        state = convert_lifter(public, left, args.source)
        meta['converted_from'] = CHECKPOINT_MAPS[args.source].source
    state = {key: value.detach().cpu().clone() for key, value in state.items()}
    numbers = sum(value.numel() for value in state.values())
    print(f'  {len(state)} tensors, {numbers / 1e6:.3f} M parameters')
    if left:
        print(f'  left behind: {", ".join(left)}')
    if args.config is not None:
        check_config(args.config, state)
        print(f'loads strictly into {args.config}')
    with atomic_path(out) as temporary:
        torch.save({'state_dict': state, 'meta': meta}, temporary)
    print(f'wrote {out} ({out.stat().st_size / 1e6:.1f} MB)')


if __name__ == '__main__':
    main()
