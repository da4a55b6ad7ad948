"""Time and memory of an adaptation step of PoSynDA against the naive way to do it.

    python tools/benchmarks/bench_posynda.py                    # T = 243, H = 3, B = 1
    python tools/benchmarks/bench_posynda.py --hypotheses 5 --out posynda.json

Our step draws the teacher's hypotheses in one pass without gradient and trains the
student with one. The other side is what the released code of the paper does: gradients
flow through all hypotheses, and attention is written out (MMPose's). Both sides have
the same weights, windows and noise and so the same loss; their gradients differ, as the
naive one also runs through the pseudo-labels. B counts pairs of a source and a target
window. Each measurement is a fresh process; two_sides.py beside this file says how.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from bench_prml import use_naive_attention
from two_sides import SIDES, Comparison, add_arguments, compare

CONFIG = 'configs/posynda/posynda_h36m_s1_243.py'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--config', default=CONFIG, help=f'default {CONFIG}')
    parser.add_argument('--batch-size', type=int, default=1, help='pairs, default 1')
    parser.add_argument('--hypotheses', type=int, default=3, help='H, default 3')
    add_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = parse_args(argv)
    title = f'adaptation step of {args.config}, B={args.batch_size}, '
    comparison = Comparison(
        script=__file__,
        title=title + f'H={args.hypotheses}',
        prepare=prepare,
        build=build,
        step=step,
        first_weight=dict.fromkeys(
            SIDES, 'backbone.spatial_layers.0.attn.qkv.lora_A.default.weight'
        ),
        same_gradient=False,
    )
    compare(comparison, args)


def build(side: str, args: argparse.Namespace) -> Any:
    """The lifter, as it is or naive."""
    from mmengine.config import Config
    from mmpose.registry import MODELS

    import mmpose_ext  # noqa: F401

    cfg = Config.fromfile(args.config).model
    cfg.train_cfg.update(num_hypotheses=args.hypotheses, flip_prob=0.0)
    cfg.backbone.drop_path_rate = 0.0  # both sides would draw their own
    lora = cfg.pop('lora')
    lifter = MODELS.build({**cfg, 'lora': None})
    if side == 'mmpose':
        use_naive_attention(lifter)
    adapt(lifter, **lora)
    lifter.train()
    if side == 'mmpose':
        let_gradients_through(lifter)
    return lifter


def adapt(lifter: Any, **lora: Any) -> None:
    """Low-rank adapters, put in after the attention has been exchanged."""
    from mmpose_ext.models.layers.low_rank_adaptation import add_low_rank_adapters

    bias = lifter.bias
    lifter.requires_grad_(False)
    bias.requires_grad_(True)
    add_low_rank_adapters(lifter.backbone, **lora)


def let_gradients_through(lifter: Any) -> None:
    """Draw pseudo-labels with their graph."""
    draw = type(lifter).pseudo_label.__wrapped__
    lifter.pseudo_label = lambda *args: draw(lifter, *args)


def step(lifter: Any, inputs: list[Any]) -> Any:
    """One step of Algorithm 1 and its gradients; returns the loss."""
    pairs, label = inputs
    keypoints = pairs.transpose(1, 2).flatten(0, 1)
    samples = [sample_of(label[i // 2], i % 2 == 0) for i in range(len(keypoints))]
    losses = lifter.loss(keypoints, samples)
    losses['loss_pose'].backward()
    return losses['loss_pose'].detach()[None]


def sample_of(label: Any, labelled: bool) -> Any:
    """A data sample of the source or the target, seen by a usual camera."""
    from mmengine.structures import InstanceData
    from mmpose.structures import PoseDataSample

    camera = dict(w=1000, h=1000, f=[1145.0, 1145.0], c=[500.0, 500.0])
    sample = PoseDataSample(metainfo=dict(camera_param=camera, sample_name='window'))
    sample.gt_instance_labels = InstanceData()
    if labelled:
        sample.gt_instance_labels.lifting_target_label = label
    sample.gt_instance_labels.lifting_target_weight = label.new_ones(label.shape[:2])
    return sample


def prepare(args: argparse.Namespace) -> tuple[dict[str, dict], list[Any]]:
    """Draw weights, pairs ``(B, T, 2, 17, 2)`` and labels ``(B, T, 17, 3)``."""
    import torch

    lifter = build('ours', args)
    frames = lifter.backbone.frames.shape[1]
    pairs = torch.rand(args.batch_size, frames, 2, 17, 2) * 0.4 - 0.2
    label = torch.randn(args.batch_size, frames, 17, 3) * 0.3
    weights = lifter.state_dict()
    return dict.fromkeys(SIDES, weights), [pairs, label - label[:, :, :1]]


if __name__ == '__main__':
    main()
