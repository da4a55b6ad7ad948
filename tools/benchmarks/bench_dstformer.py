"""Time and memory of our MotionBERT backbone against MMPose's DSTFormer.

    python tools/benchmarks/bench_dstformer.py                  # MotionBERT's size
    python tools/benchmarks/bench_dstformer.py --embed-dims 256 --mlp-ratio 4   # lite
    python tools/benchmarks/bench_dstformer.py --repeats 5 --out dstformer.json

One forward and backward pass of the same weights on the same input, each in a fresh
process; two_sides.py beside this file says how it is measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from two_sides import Comparison, add_arguments, compare


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--embed-dims', type=int, default=512, help='default 512')
    parser.add_argument('--depth', type=int, default=5, help='default 5')
    parser.add_argument('--num-heads', type=int, default=8, help='default 8')
    parser.add_argument('--mlp-ratio', type=float, default=2, help='default 2')
    parser.add_argument('--seq-len', type=int, default=243, help='default 243')
    parser.add_argument('--batch-size', type=int, default=2, help='default 2')
    add_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = parse_args(argv)
    title = (
        f'C={args.embed_dims}, depth {args.depth}, {args.num_heads} heads, '
        f'ratio {args.mlp_ratio:g}, B={args.batch_size}, T={args.seq_len}'
    )
    comparison = Comparison(
        script=__file__,
        title=title,
        prepare=prepare,
        build=build,
        step=step,
        # The embedding of keypoints.
        first_weight={
            'mmpose': 'joints_embed.weight',
            'ours': 'embedding.proj.weight',
        },
    )
    compare(comparison, args)


def step(network: Any, inputs: list[Any]) -> Any:
    """One forward and backward pass; returns the output."""
    output = network(*inputs)
    # Half of the channels: the squares of all of them are constant after a LayerNorm.
    output[..., ::2].square().mean().backward()
    return output.detach()


def build(side: str, args: argparse.Namespace) -> Any:
    """MMPose's or our backbone."""
    if side == 'mmpose':
        from mmpose.models.backbones.dstformer import DSTFormer

        return DSTFormer(
            3,
            feat_size=args.embed_dims,
            depth=args.depth,
            num_heads=args.num_heads,
            mlp_ratio=args.mlp_ratio,
            seq_len=args.seq_len,
        )
    from mmpose_ext.models.backbones import MotionBERT

    return MotionBERT(
        3,
        args.embed_dims,
        depth=args.depth,
        num_heads=args.num_heads,
        mlp_ratio=args.mlp_ratio,
        seq_len=args.seq_len,
    )


def prepare(args: argparse.Namespace) -> tuple[dict[str, dict], list[Any]]:
    """Draw weights and input."""
    import torch

    from mmpose_ext.models.checkpoint_maps import convert_state_dict

    network = build('mmpose', args)
    network.init_weights()
    for fusion in network.attn_regress:  # zero at the start of a training
        torch.nn.init.normal_(fusion.weight, std=0.02)
    theirs = network.state_dict()
    ours = convert_state_dict(
        {f'backbone.{key}': value for key, value in theirs.items()},
        'mmpose',
        prefix='backbone.',
    )
    ours = {key.removeprefix('backbone.'): value for key, value in ours.items()}
    x = torch.randn(args.batch_size, args.seq_len, 17, 3)
    return {'mmpose': theirs, 'ours': ours}, [x]


if __name__ == '__main__':
    main()
