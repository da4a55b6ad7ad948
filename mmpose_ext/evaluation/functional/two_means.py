"""Superior and inferior ones among a few scores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

Groups = Literal['two_means', 'continuous']
GROUPS = ('two_means', 'continuous')


def two_means(values: Tensor | Sequence[float]) -> Tensor:
    """Which values belong to the upper of two clusters.

    K-Means with two clusters in one dimension, solved exactly: sorted values are cut
    where the sum of squared distances to the two means is least, so nothing depends on
    a start. Of cuts that are equally good the lowest counts; where all values are
    equal, there is no cut and all are superior.

    Args:
        values: ``(M,)``.

    Returns:
        ``(M,)``, bool; true for the superior.

    Raises:
        ValueError: If there is no value, or one is not finite.
    """
    values = torch.as_tensor(values, dtype=torch.float64).cpu()
    if values.ndim != 1 or not len(values) or not values.isfinite().all():
        raise ValueError(
            'expected one or more finite values in one dimension, got '
            f'{values.tolist()}'
        )
    ordered = values.sort().values
    if ordered[0] == ordered[-1]:
        return torch.ones(len(values), dtype=torch.bool)
    lower = torch.arange(1, len(values), dtype=torch.float64)
    upper = len(values) - lower
    below = ordered.cumsum(0)[:-1]
    # The sum of squares is least where the clusters' means are farthest apart.
    apart = (ordered.sum() - below) / upper - below / lower
    between = (lower * upper * apart.square()).where(ordered.diff() > 0, -torch.inf)
    equal = between >= between.max() * (1 - 1e-9)
    return values > ordered[int(equal.nonzero()[0])]


def strengths_by_score(
    scores: Mapping[str, float],
    superior: float,
    inferior: float,
    groups: Groups = 'two_means',
) -> dict[str, float]:
    """A strength for each modality, by its score.

    Args:
        scores: Contribution of each modality.
        superior: Strength for those that contribute most.
        inferior: Strength for those that contribute least.
        groups: ``'two_means'``: one of the two strengths, see :func:`two_means`;
            ``'continuous'``: in between, linearly in the score. Equal scores are
            superior in both.

    Returns:
        Strengths by modality.

    Raises:
        ValueError: If ``groups`` is unknown or a score is not finite.
    """
    check_groups(groups)
    upper = two_means(list(scores.values())).tolist()
    if groups == 'two_means':
        return {
            name: superior if up else inferior
            for name, up in zip(scores, upper, strict=True)
        }
    low, high = min(scores.values()), max(scores.values())
    if math.isclose(low, high, abs_tol=1e-12):
        return dict.fromkeys(scores, superior)
    return {
        name: inferior + (superior - inferior) * (score - low) / (high - low)
        for name, score in scores.items()
    }


def check_groups(groups: str) -> None:
    """Refuse an unknown way to group.

    Raises:
        ValueError: If there is no such way.
    """
    if groups not in GROUPS:
        raise ValueError(f'groups={groups!r}; expected one of {GROUPS}')
