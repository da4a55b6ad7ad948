"""How strongly each modality may learn: the arithmetic of balancing methods.

All of it was made for classification; readings for regression are ours and said where
they are.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Score = Literal['pearson', 'inverse_mpjpe', 'negative_mpjpe']
Reference = Literal['mean', 'min']

_FLAT_M = 1e-6
"""A standard deviation below one micrometre is rounding, not a prediction."""


def modality_scores(
    pred: Tensor, pose: Tensor, present: Tensor | None = None, *, kind: Score
) -> Tensor:
    """How well each modality predicts poses of a batch on its own.

    Classification takes the probability of the true class. Here ``'pearson'`` is the
    mean over coordinates of the correlation with the true pose across the batch, which
    no constant offset of an absolute pose changes; the other two turn the mean joint
    error round.

    Args:
        pred: What each modality predicts ``(M, B, K, 3)``, metres.
        pose: The truth ``(B, K, 3)``, metres.
        present: Which modalities each sample has ``(B, M)``; only those count.
        kind: ``'pearson'`` (-1 to 1; 0 where a coordinate does not vary),
            ``'inverse_mpjpe'`` (1/m) or ``'negative_mpjpe'`` (m).

    Returns:
        ``(M,)``, higher is better; NaN for a modality with too few samples to tell
        (two for the correlation, one for the errors).
    """
    shape = pred.shape[:2]
    weight = pred.new_ones(shape) if present is None else present.T.to(pred.dtype)
    count = weight.sum(dim=1)
    if kind == 'pearson':
        score, needed = _mean_correlation(pred.flatten(2), pose.flatten(1), weight), 2
    else:
        error = torch.linalg.vector_norm(pred - pose, dim=-1).mean(dim=-1)
        error = (error * weight).sum(dim=1) / count.clamp(min=1)
        inverse = kind == 'inverse_mpjpe'
        score, needed = 1 / error.clamp(min=_FLAT_M) if inverse else -error, 1
    return torch.where(count >= needed, score, torch.nan)


def _mean_correlation(pred: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Pearson correlation of ``(M, B, D)`` with ``(B, D)``, mean over D.

    Not that of ``evaluation.functional.pearson``, which scores epochs: here each
    modality has samples of its own and a number is needed in every step, so it is
    single precision, with a fixed bound for what varies.
    """
    share = (weight / weight.sum(dim=1, keepdim=True).clamp(min=1))[..., None]
    x = pred - (share * pred).sum(dim=1, keepdim=True)
    y = target - (share * target).sum(dim=1, keepdim=True)
    std_x, std_y = ((share * z * z).sum(dim=1).sqrt() for z in (x, y))
    varies = (std_x > _FLAT_M) & (std_y > _FLAT_M)
    norm = torch.where(varies, std_x * std_y, 1.0)
    covariance = (share * x * y).sum(dim=1)
    return torch.where(varies, covariance / norm, 0.0).mean(dim=-1)


def ogm_coefficients(
    scores: Tensor,
    *,
    alpha: float,
    reference: Reference = 'mean',
    floor: float = 1e-2,
) -> Tensor:
    """Factors that slow dominant modalities down (Peng et al., OGM-GE, CVPR 2022).

    A modality's ratio is its score over the mean (or the smallest) score of the others;
    with a ratio above 1 its factor is ``1 - tanh(alpha * ratio)``, else 1.

    Args:
        scores: ``(M,)``, NaN where unknown.
        alpha: Degree of modulation.
        reference: What of the other modalities' scores the ratio divides by.
        floor: Lowest score, since a correlation may be negative.

    Returns:
        ``(M,)`` in (0, 1]; 1 where a score, or all others, are unknown.
    """
    others = scores.clamp(min=floor).expand(len(scores), -1).clone()
    others.fill_diagonal_(torch.nan)
    if reference == 'min':
        divisor = torch.where(others.isnan(), torch.inf, others).amin(dim=1)
    else:
        divisor = others.nanmean(dim=1)
    ratio = scores.clamp(min=floor) / divisor
    dominant = (ratio > 1) & divisor.isfinite()
    return torch.where(dominant, 1 - torch.tanh(alpha * ratio), 1.0)


def agm_ratios(scores: Tensor) -> Tensor:
    """How far each modality is ahead of the others (Li et al., AGM, ICCV 2023).

    Args:
        scores: ``(M,)``, NaN where unknown.

    Returns:
        ``exp(M / (M - 1) * (score - mean))``, ``(M,)``: with two modalities the
        exponential of the difference of their scores. NaN stays NaN; M counts those
        that are known, and a modality without others has the ratio 1.
    """
    known = (~scores.isnan()).sum()
    factor = known / (known - 1).clamp(min=1)
    return torch.exp(factor * (scores - scores.nanmean()))


def agm_coefficients(
    ratios: Tensor, targets: Tensor, *, alpha: float, cap: float = 10.0
) -> Tensor:
    """Factors that bring the modalities' ratios back to where they usually are.

    Args:
        ratios: Of this step ``(M,)``, NaN where unknown.
        targets: Running means of the ratios ``(M,)``.
        alpha: Degree of modulation.
        cap: Largest difference of target and ratio that counts.

    Returns:
        ``exp(alpha * min(target - ratio, cap))``, ``(M,)``; 1 where unknown.
    """
    factor = torch.exp(alpha * (targets - ratios).clamp(max=cap))
    return torch.where(factor.isnan(), 1.0, factor)


def pareto_factors(
    fused_fused: Tensor, fused_uni: Tensor, uni_uni: Tensor, *, gain: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Factors of two gradients that do not hurt each other (Wei and Hu, MMPareto).

    Gradients that agree are added. If they point apart, their shortest convex
    combination takes the place of the sum, with the length of the sum: a direction in
    which both losses fall. Where there is none, because one gradient is zero or they
    cancel, the sum remains.

    Args:
        fused_fused: Inner product of the fused loss's gradient with itself.
        fused_uni: Inner product of the two gradients.
        uni_uni: Inner product of the uni-modal loss's gradient with itself.
        gain: Further factor of both (the paper enlarges the step by 1.5).

    Returns:
        Factors of the fused and of the uni-modal loss's gradient.
    """
    apart = fused_fused - 2 * fused_uni + uni_uni
    share = ((uni_uni - fused_uni) / apart.clamp(min=1e-30)).clamp(0, 1)
    shortest = (
        share**2 * fused_fused
        + 2 * share * (1 - share) * fused_uni
        + (1 - share) ** 2 * uni_uni
    ).clamp(min=0)
    total = (fused_fused + 2 * fused_uni + uni_uni).clamp(min=0)
    largest = torch.maximum(fused_fused, uni_uni)
    in_conflict = (fused_uni < 0) & (shortest > 1e-10 * largest)
    length = (total / torch.where(in_conflict, shortest, 1.0)).sqrt()
    return (
        gain * torch.where(in_conflict, share * length, 1.0),
        gain * torch.where(in_conflict, (1 - share) * length, 1.0),
    )
