"""Which samples to trust, and what to teach on the others: arithmetic.

Co-teaching (Han et al., NeurIPS 2018) and DivideMix (Li et al., ICLR 2020) were made
for classification; the loss of a sample is its mean joint error here.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from mmpose_ext.evaluation.functional.mpjpe import mpjpe


def sample_errors(pred: Tensor, pose: Tensor) -> Tensor:
    """Mean joint error of each sample.

    Args:
        pred: ``(B, K, 3)``, any floating type.
        pose: ``(B, K, 3)``, metres.

    Returns:
        ``(B,)``, float32, metres.
    """
    return mpjpe(pred.float(), pose)


def ramp(epoch: int, num_epochs: int) -> float:
    """Share of the way, from 0 at epoch 0 to 1 from ``num_epochs`` on."""
    return 1.0 if epoch >= num_epochs else epoch / num_epochs


def forget_rate(epoch: int, noise_rate: float, *, ramp_epochs: int) -> float:
    """Share of a batch that is not learnt from (Han et al., Algorithm 1).

    Networks learn clean samples first, so that they may keep all in the beginning.

    Args:
        epoch: Number of the epoch, from 0.
        noise_rate: Share of noisy samples.
        ramp_epochs: Epochs until the rate is that share.
    """
    return noise_rate * ramp(epoch, ramp_epochs)


def num_kept(batch_size: int, rate: float) -> int:
    """How many samples of a batch are learnt from: at least one."""
    # What is whole by arithmetic may lie a rounding error below it.
    return max(math.floor((1 - rate) * batch_size + 1e-9), 1)


def smallest(losses: Tensor, count: int) -> Tensor:
    """Numbers of the samples with the smallest losses.

    Args:
        losses: ``(B,)``; no gradient passes.
        count: How many.

    Returns:
        ``(count,)``, int64, in rising order of the losses.
    """
    return losses.detach().topk(count, largest=False).indices


def refine_labels(
    pose: Tensor, probability: Tensor, clean: Tensor, own: Tensor, both: Tensor
) -> Tensor:
    """Labels of clean samples pulled to predictions, new labels for noisy ones.

    Li et al. average the predictions for variants of an image and sharpen them. Poses
    have nothing to sharpen.

    Args:
        pose: Given labels ``(B, K, 3)``.
        probability: That a sample is clean ``(B,)``.
        clean: Whether it counts as clean ``(B,)``, bool.
        own: Predictions of the network that learns ``(B, K, 3)``.
        both: Mean prediction of both networks ``(B, K, 3)``.

    Returns:
        ``(B, K, 3)``: ``w * pose + (1 - w) * own`` for clean samples, w being their
        probability; ``both`` for noisy ones.
    """
    refined = torch.lerp(own, pose, probability[:, None, None])
    return torch.where(clean[:, None, None], refined, both)


def mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of some values; 0 if there are none.

    Args:
        values: ``(B,)``.
        chosen: ``(B,)``, bool.
    """
    weight = chosen.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=1)


def mix(values: Tensor, partner: Tensor, share: float) -> Tensor:
    """Blend each row with that of its partner (Zhang et al., "mixup", ICLR 2018).

    Args:
        values: ``(B, ...)``.
        partner: Row of the other ``(B,)``, int64.
        share: Of the row itself.
    """
    return share * values + (1 - share) * values[partner]


def draw_mixing(
    batch_size: int, alpha: float, generator: torch.Generator
) -> tuple[Tensor, float]:
    """Partners and the share of a batch's mixture.

    Args:
        batch_size: B.
        alpha: Of the Beta distribution.
        generator: On the CPU.

    Returns:
        Row of each sample's partner ``(B,)``, int64, on the CPU, and the share of the
        sample itself: ``max(l, 1 - l)`` with l from ``Beta(alpha, alpha)``, so that a
        mixture stays nearest to its own sample.
    """
    partner = torch.randperm(batch_size, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return partner, max(share, 1 - share)
