"""Which modalities dominate, and how much."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from mmpose_ext.evaluation.functional.two_means import two_means

Dominant = Literal['top', 'superior']


def dominance(
    scores: Tensor, *, dominant: Dominant = 'top'
) -> tuple[tuple[int, ...], float]:
    """The dominant modalities and their lead.

    Args:
        scores: Contribution of each modality ``(M,)``; negative ones count as 0.
        dominant: ``'top'``, the one with the highest score, or ``'superior'``, the
            upper group of :func:`two_means`.

    Returns:
        Their numbers; and the mean of their shares of all contributions minus that of
        the others, in [0, 1]. Nobody and 0 if all scores are equal, none is positive,
        or there is a single modality.

    Raises:
        ValueError: If a score is not finite, or ``dominant`` is unknown.
    """
    if dominant not in ('top', 'superior'):
        raise ValueError(f"dominant must be 'top' or 'superior', got {dominant!r}")
    share = torch.as_tensor(scores, dtype=torch.float64).cpu().clamp(min=0)
    upper = two_means(share)
    if upper.all():
        return (), 0.0
    if dominant == 'top':
        upper = torch.arange(len(share)) == share.argmax()
    share = share / share.sum()
    lead = share[upper].mean() - share[~upper].mean()
    return tuple(upper.nonzero().flatten().tolist()), float(lead)
