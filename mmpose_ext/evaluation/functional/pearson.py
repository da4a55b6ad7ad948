"""How well predictions follow the truth from sample to sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_ROUNDING = 4 * torch.finfo(torch.float32).eps
_MOMENTS = ('mean_pred', 'mean_target', 'spread_pred', 'spread_target', 'cross')


def pearson_profit(pred: Tensor, target: Tensor) -> Tensor:
    """Sum over coordinates of Pearson's correlation over the samples.

    Eq. 2 and 3 of Peng et al. (CVPR 2026). A coordinate that does not vary, predicted
    or true, correlates with nothing: 0. So constant predictions, and a batch of one,
    have a profit of 0.

    Args:
        pred: ``(..., B, D)``.
        target: ``(B, D)``.

    Returns:
        ``(...)`` in ``[-D, D]``, float64.

    Raises:
        ValueError: If the shapes do not fit.
    """
    return PearsonSums().update(pred, target).correlations().sum(-1)


def negative_mse_profit(pred: Tensor, target: Tensor) -> Tensor:
    """Minus the sum over coordinates of the mean squared error.

    What the paper compares Pearson's correlation with: constant predictions near the
    mean do well by it.

    Args:
        pred: ``(..., B, D)``.
        target: ``(B, D)``, the same unit.

    Returns:
        ``(...)``, float64, unit squared.

    Raises:
        ValueError: If the shapes do not fit, or there is no sample.
    """
    sums = PearsonSums().update(pred, target)
    if not sums.count:
        raise ValueError('a mean squared error needs at least one sample, got none')
    return -sums.squared_errors().sum(-1)


class PearsonSums:
    """Statistics of predictions and truths that grow batch by batch.

    Means, and sums of squares and products about them, in float64. Batches are centred
    before they are squared and merged as in Chan et al. (1979), so coordinates of some
    metres keep deviations of micrometres. Nothing waits for the device.

    The first batch settles the shapes: any leading dimensions, such as subsets of
    modalities, and D coordinates.
    """

    def __init__(self) -> None:
        self.count = 0
        self.moments: dict[str, Tensor] = {}

    def update(self, pred: Tensor, target: Tensor) -> PearsonSums:
        """Take in a batch.

        Args:
            pred: ``(..., B, D)``.
            target: ``(B, D)``.

        Returns:
            Itself.

        Raises:
            ValueError: If the shapes do not fit each other, or those before.
        """
        if target.ndim != 2 or pred.shape[-2:] != target.shape:
            raise ValueError(
                f'expected predictions (..., B, D) and truths (B, D), got '
                f'{tuple(pred.shape)} and {tuple(target.shape)}'
            )
        if len(target):
            self._merge(len(target), _moments(pred.double(), target.double()))
        return self

    def merge(self, other: PearsonSums, *, centred: bool = False) -> PearsonSums:
        """Take in the samples of another one.

        Args:
            other: Left as it is.
            centred: Look at its samples about their own means, so that what differs
                between the two means counts neither as variation nor as correlation.

        Returns:
            Itself.

        Raises:
            ValueError: If the shapes differ.
        """
        self._merge(other.count, other.moments, centred=centred)
        return self

    def correlations(self) -> Tensor:
        """Pearson's correlation of each coordinate ``(..., D)``; 0 if one is constant.

        Raises:
            ValueError: If no batch has been taken in.
        """
        moments = self._known()
        varies = _varies(moments['spread_pred'], moments['mean_pred'], self.count)
        varies = varies & _varies(
            moments['spread_target'], moments['mean_target'], self.count
        )
        scale = moments['spread_pred'].sqrt() * moments['spread_target'].sqrt()
        rho = moments['cross'] / scale.where(varies, 1.0)
        return rho.clamp(-1, 1).where(varies, 0.0)

    def squared_errors(self) -> Tensor:
        """Mean squared error of each coordinate ``(..., D)``.

        Raises:
            ValueError: If no batch has been taken in.
        """
        moments = self._known()
        offset = moments['mean_pred'] - moments['mean_target']
        about = moments['spread_pred'] + moments['spread_target'] - 2 * moments['cross']
        return about.clamp(min=0) / max(self.count, 1) + offset.square()

    def deviations(self) -> Tensor:
        """Standard deviation of each predicted coordinate ``(..., D)``.

        Raises:
            ValueError: If no batch has been taken in.
        """
        return (self._known()['spread_pred'] / max(self.count, 1)).sqrt()

    def state_dict(self) -> dict[str, Any]:
        """What another one needs to go on from here."""
        return {'count': self.count, **self.moments}

    def load_state_dict(self, state: Mapping[str, Any]) -> PearsonSums:
        """Go on from a state.

        Returns:
            Itself.
        """
        self.count = int(state['count'])
        self.moments = {name: state[name] for name in _MOMENTS if name in state}
        return self

    def _known(self) -> dict[str, Tensor]:
        if not self.moments:
            raise ValueError('no batch has been taken in yet')
        return self.moments

    def _merge(
        self, count: int, new: Mapping[str, Tensor], *, centred: bool = False
    ) -> None:
        if not count:
            return
        if not self.moments:
            self.count, self.moments = count, dict(new)
            return
        old, total = self.moments, self.count + count
        if old['mean_pred'].shape != new['mean_pred'].shape:
            raise ValueError(
                f'shapes differ: {tuple(old["mean_pred"].shape)} so far, now '
                f'{tuple(new["mean_pred"].shape)}'
            )
        step_pred = new['mean_pred'] - old['mean_pred']
        step_target = new['mean_target'] - old['mean_target']
        share = count / total
        between = 0.0 if centred else self.count * share
        self.moments = {
            'mean_pred': old['mean_pred'] + share * step_pred,
            'mean_target': old['mean_target'] + share * step_target,
            'spread_pred': old['spread_pred']
            + new['spread_pred']
            + between * step_pred.square(),
            'spread_target': old['spread_target']
            + new['spread_target']
            + between * step_target.square(),
            'cross': old['cross'] + new['cross'] + between * step_pred * step_target,
        }
        self.count = total


def _moments(pred: Tensor, target: Tensor) -> dict[str, Tensor]:
    mean_pred, mean_target = pred.mean(-2), target.mean(-2)
    centred, centred_target = pred - mean_pred.unsqueeze(-2), target - mean_target
    return {
        'mean_pred': mean_pred,
        'mean_target': mean_target,
        'spread_pred': centred.square().sum(-2),
        'spread_target': centred_target.square().sum(-2),
        'cross': (centred * centred_target).sum(-2),
    }


def _varies(spread: Tensor, mean: Tensor, count: int) -> Tensor:
    """Whether values differ by more than the rounding of single precision."""
    return spread > count * (_ROUNDING * mean).square()
