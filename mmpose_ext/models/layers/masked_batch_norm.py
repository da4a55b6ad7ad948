"""Batch norm over the real points of padded clouds."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm of features ``(..., C)`` whose statistics leave padding out.

    Where everything is real, and in evaluation, it is ``nn.BatchNorm1d``. Statistics
    are taken in float32 over the batch of this process; ``SyncBatchNorm``, which knows
    no mask, cannot stand in for it. With fewer than two real rows, which have no
    variance, training goes on with the running statistics and leaves them as they are.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise ``(..., C)``; ``mask`` ``(...)`` tells which rows are real."""
        if not self.training:
            rows = batch_norm(
                x.flatten(0, -2),
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                eps=self.eps,
            )
            return rows.view_as(x)
        if mask is None:
            mask = x.new_ones(x.shape[:-1], dtype=torch.bool)
        mean, var, count = masked_moments(x, mask)
        enough = count > 1
        mean = torch.where(enough, mean, self.running_mean)
        unbiased = var * count / (count - 1).clamp(min=1)
        self._update(mean.detach(), unbiased.detach(), enough)
        scale = (torch.where(enough, var, self.running_var) + self.eps).rsqrt()
        scale = scale * self.weight
        return torch.addcmul(self.bias - mean * scale, x, scale).to(x.dtype)

    @torch.no_grad()
    def _update(self, mean: Tensor, var: Tensor, enough: Tensor) -> None:
        self.num_batches_tracked.add_(enough)
        share = enough.to(mean.dtype)
        if self.momentum is None:  # the mean over all batches
            share = share / self.num_batches_tracked.clamp(min=1)
        else:
            share = share * self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var, share)


def masked_moments(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of rows.

    Args:
        x: ``(..., C)``.
        mask: ``(...)``, the rows that count.

    Returns:
        Mean and biased variance ``(C,)``, float32 or wider, zero if no row counts, and
        the number of rows that count ``()``.
    """
    rows, weight = x.flatten(0, -2), mask.flatten()[:, None]
    rows = rows if rows.dtype == torch.float64 else rows.float()
    count = weight.sum().to(rows.dtype)
    total = count.clamp(min=1)
    mean = torch.where(weight, rows, 0).sum(0) / total
    var = torch.where(weight, rows - mean, 0).square().sum(0) / total
    return mean, var, count
