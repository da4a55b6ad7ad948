"""The mean of modalities' scores over the batches of a step."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


class ScoreTally:
    """Adds up scores of accumulated batches and of all processes.

    A correlation is thus averaged over batches, not taken over all their samples.
    """

    def __init__(self) -> None:
        self._sums: Tensor | None = None

    def add(self, scores: Tensor) -> None:
        """Count scores of a batch ``(M,)``; NaN, an unknown score, does not count."""
        sums = sum_and_count(scores)
        self._sums = sums if self._sums is None else self._sums + sums

    def take(self, num_modalities: int, device: torch.device) -> Tensor:
        """Mean scores ``(M,)`` since the last time, NaN where there were none."""
        sums = self._sums
        if sums is None:
            sums = torch.zeros(2, num_modalities, device=device)
        self._sums = None
        if get_world_size() > 1:
            all_reduce(sums)
        return sums[0] / sums[1]


def sum_and_count(values: Tensor) -> Tensor:
    """Values ``(M,)`` as sums and counts ``(2, M)``; 0 and 0 where one is NaN."""
    known = ~values.isnan()
    return torch.stack([torch.where(known, values, 0.0), known.to(values.dtype)])
