"""Find the noisy modality of a task and the samples that it spoils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmpose_ext.evaluation.functional.loss_mixture import LossMixture, separate_losses
from mmpose_ext.evaluation.functional.two_means import two_means

_FEW = 0.01
"""Share of noisy samples below which a separation is worth a remark."""


@dataclass(frozen=True)
class NoiseSeparation:
    """Noise identification and separation (Peng et al., section 3.3).

    The paper leaves the epochs of fitting, what becomes of the fitted weights, from
    where scores drop and how drops are compared to the reader; the defaults are ours.

    Args:
        fit_epochs: Epochs gamma of fitting on all samples of a new task.
        gradient_stop: Keep the encoders of the superior modalities as they are while
            fitting, so that the others cannot hide behind them.
        filter: Leave noisy samples out of the training. ``False`` finds the modality
            alone, for the constraint of its branch.
        threshold: Least probability of a clean sample (Eq. 6).
        min_clean: Least share of the samples that stays; of fewer the likeliest stay.
        restore: Go on from the weights before the fitting.
        reference: From where scores drop: the ``'mean'`` over the tasks learnt so far,
            since scores change with the actions too, or the ``'last'`` task.
        relative: Compare drops of scores relative to the scores before.

    Raises:
        ValueError: If a number is out of range.
    """

    fit_epochs: int = 5
    gradient_stop: bool = True
    filter: bool = True
    threshold: float = 0.5
    min_clean: float = 0.25
    restore: bool = True
    reference: Literal['mean', 'last'] = 'mean'
    relative: bool = False

    def __post_init__(self) -> None:
        if self.fit_epochs < 0 or not 0 < self.threshold < 1:
            raise ValueError(
                f'separation: fit_epochs={self.fit_epochs} must not be negative, '
                f'threshold={self.threshold} lie between 0 and 1'
            )
        if not 0 <= self.min_clean <= 1:
            raise ValueError(
                f'separation: min_clean={self.min_clean} must lie in [0, 1]'
            )
        if self.reference not in ('mean', 'last'):
            raise ValueError(
                f"separation: reference must be 'mean' or 'last', got "
                f'{self.reference!r}'
            )

    def scores_before(self, history: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Scores before a task, from those after each task learnt so far."""
        taken = history if self.reference == 'mean' else history[-1:]
        return {
            name: float(np.mean([scores[name] for scores in taken]))
            for name in history[-1]
        }

    def superior(self, scores: Mapping[str, float]) -> list[str]:
        """Modalities whose encoders stay as they are while fitting."""
        if not self.gradient_stop or len(scores) < 2:
            return []
        upper = two_means(list(scores.values())).tolist()
        chosen = [name for name, up in zip(scores, upper, strict=True) if up]
        # All alike: stopping every encoder would leave nothing but the head to fit.
        return chosen if len(chosen) < len(scores) else []

    def identify(self, before: Mapping[str, float], now: Mapping[str, float]) -> str:
        """The modality whose score drops most.

        Args:
            before: Scores before the task, see :meth:`scores_before`.
            now: Scores on the new task.
        """
        drops = {name: before[name] - now[name] for name in now}
        if self.relative:
            drops = {n: d / max(abs(before[n]), 1e-6) for n, d in drops.items()}
        return max(drops, key=drops.__getitem__)

    def separate(self, losses: np.ndarray, *, seed: int) -> LossMixture:
        """Clean and noisy samples by their losses ``(N,)``; at least ``min_clean``."""
        mixture = separate_losses(losses, threshold=self.threshold, seed=seed)
        least = int(self.min_clean * len(mixture.clean))
        if mixture.clean.sum() >= least:
            return mixture
        clean = mixture.clean.copy()
        clean[mixture.normalised.argsort(kind='stable')[:least]] = True
        return replace(mixture, clean=clean)

    def remarks(self, mixture: LossMixture) -> list[str]:
        """What people should know about a separation, a sentence each."""
        if not mixture.separable:
            return [
                'losses of clean and noisy samples cannot be told apart; all samples '
                'count as clean'
            ]
        size, kept = len(mixture.clean), int(mixture.clean.sum())
        likely = int((mixture.clean_probability >= self.threshold).sum())
        if kept > likely:
            return [
                f'{likely} of {size} samples are likely clean, less than the share '
                f'min_clean={self.min_clean}; the {kept} of least loss count as clean'
            ]
        if size - kept < _FEW * size:
            return [
                f'only {size - kept} of {size} samples count as noisy: their losses '
                'are far above the others, among which noise may hide'
            ]
        return []
