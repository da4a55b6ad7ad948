"""Time and memory of a PrML training step against the same network on naive attention.

    python tools/benchmarks/bench_prml.py                       # T = 243, B = 4
    python tools/benchmarks/bench_prml.py --batch-size 1 --out prml.json

The other side is PrML with MMPose's own attention (that of its DSTFormer) in every
layer and the same formula in the decoder's cross-attention. The same weights, the same
batch, all losses, each measurement in a fresh process; two_sides.py beside this file
says how it is measured. B = 4 at T = 243 takes 15 GB on the naive side.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from two_sides import SIDES, Comparison, add_arguments, compare


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        '--config',
        default='configs/prml/prml_h36m_243.py',
        help='default configs/prml/prml_h36m_243.py',
    )
    parser.add_argument('--batch-size', type=int, default=4, help='default 4')
    add_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = parse_args(argv)
    comparison = Comparison(
        script=__file__,
        title=f'training step of {args.config}, B={args.batch_size}',
        prepare=prepare,
        build=build,
        step=step,
        first_weight=dict.fromkeys(SIDES, 'backbone.embedding.proj.weight'),
    )
    compare(comparison, args)


def step(network: Any, inputs: list[Any]) -> Any:
    """All losses of a batch and their gradients; returns their values."""
    import torch

    keypoints, label, weight = inputs
    feats = network.extract_feat(keypoints)
    losses = network.head.loss_by_labels(feats, label, weight)
    network.parse_losses(losses)[0].backward()
    return torch.stack([losses[name].detach() for name in sorted(losses)])


def build(side: str, args: argparse.Namespace) -> Any:
    """PrML, on MMPose's attention or on ours."""
    from mmengine.config import Config
    from mmpose.registry import MODELS

    import mmpose_ext  # noqa: F401

    network = MODELS.build(Config.fromfile(args.config).model)
    if side == 'mmpose':
        use_naive_attention(network)
    return network


def use_naive_attention(network: Any) -> None:
    """Put MMPose's attention in place of ours; parameters keep their names."""
    from mmpose.models.backbones.dstformer import Attention

    from mmpose_ext.models.layers import attention

    def attend(query: Any, key: Any, value: Any) -> Any:
        """MMPose's formula, for the cross-attention, which MMPose does not have."""
        weight = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
        return weight.softmax(dim=-1) @ value

    attention.attend = attend
    for layer in list(network.modules()):
        ours = getattr(layer, 'attn', None)
        if isinstance(ours, attention.SelfAttention):
            bias = ours.qkv.bias is not None
            channels, heads = ours.proj.in_features, ours.num_heads
            layer.attn = Attention(channels, heads, qkv_bias=bias, mode='spatial')


def prepare(args: argparse.Namespace) -> tuple[dict[str, dict], list[Any]]:
    """Draw weights and a batch."""
    import torch

    network = build('ours', args)
    backbone = network.backbone.embedding
    frames, channels = backbone.frames.shape[1], backbone.in_channels
    keypoints = torch.rand(args.batch_size, frames, 17, channels) * 2 - 1
    label = torch.randn(args.batch_size, frames, 17, 3) * 0.3
    weights = network.state_dict()
    inputs = [keypoints, label - label[:, :, :1], torch.ones(label.shape[:3])]
    return dict.fromkeys(SIDES, weights), inputs


if __name__ == '__main__':
    main()
