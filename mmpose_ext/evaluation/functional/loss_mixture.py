"""Tell clean from noisy samples by their losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.mixture import GaussianMixture

_FLAT = 1e-6
_EXTREME = 1.0
"""Per cent of the losses at either end that do not decide on the scale."""


class GaussianPair(NamedTuple):
    """Two Gaussians, the one with the lower mean first; each field ``(2,)``."""

    weights: np.ndarray
    means: np.ndarray
    stds: np.ndarray

    def to_dict(self) -> dict[str, list[float]]:
        """For JSON."""
        return {name: row.tolist() for name, row in self._asdict().items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> GaussianPair:
        """What :meth:`to_dict` gave.

        Raises:
            KeyError: If a field is missing.
            ValueError: If one has not two numbers, or a deviation is not positive.
        """
        pair = cls(*(np.array(values[name], dtype=np.float64) for name in cls._fields))
        if any(row.shape != (2,) for row in pair) or not (pair.stds > 0).all():
            raise ValueError(f'expected weights, means and stds of two, got {values}')
        return pair


@dataclass(frozen=True, eq=False)
class LossMixture:
    """Two kinds of samples by their losses.

    Attributes:
        clean_probability: Of the Gaussian with the lower mean ``(N,)``.
        clean: Whether it is at least the threshold ``(N,)``, bool.
        normalised: The losses, scaled to [0, 1] ``(N,)``.
        gaussians: That were fitted to the normalised losses; ``None`` if there is but
            one kind: then all samples are clean.
    """

    clean_probability: np.ndarray
    clean: np.ndarray
    normalised: np.ndarray
    gaussians: GaussianPair | None

    @property
    def separable(self) -> bool:
        """Whether there are two kinds."""
        return self.gaussians is not None


def separate_losses(
    losses: np.ndarray,
    *,
    threshold: float = 0.5,
    max_iter: int = 10,
    tol: float = 1e-2,
    reg_covar: float = 5e-4,
    seed: int = 0,
) -> LossMixture:
    """Fit two Gaussians to losses; low losses are clean (Peng et al., Eq. 5 and 6).

    The settings of the mixture are those of DivideMix (Li et al., ICLR 2020), which
    scales losses to [0, 1] by their extremes. Here the first and the last percentile
    are 0 and 1, and what lies beyond is cut off, so that a single wild loss does not
    push all others together.

    Two Gaussians cut any heap in two, so they count only if they explain the losses
    better than a single one by the Bayesian information criterion. Otherwise, or if
    losses are all alike, everything is clean. A skewed heap of one kind is cut all the
    same: to ask for a valley between the Gaussians would prevent that, and would miss
    most of real noise, whose losses overlap with those of clean samples.

    Args:
        losses: Of the samples ``(N,)``.
        threshold: Least probability of a clean sample.
        max_iter: Most rounds of expectation maximisation.
        tol: Gain at which it stops.
        reg_covar: Least variance of a component, normalised losses.
        seed: Of its start.

    Raises:
        ValueError: If a loss is not finite or the threshold not in (0, 1).
    """
    losses = np.asarray(losses, dtype=np.float64)
    if not np.isfinite(losses).all():
        raise ValueError(
            f'{int((~np.isfinite(losses)).sum())} of {losses.size} losses are not '
            'finite: training has diverged; lower the learning rate'
        )
    if not 0 < threshold < 1:
        raise ValueError(f'threshold={threshold} must lie between 0 and 1')
    if losses.size < 2:
        return _all_clean(np.zeros_like(losses))
    low, high = np.percentile(losses, (_EXTREME, 100 - _EXTREME))
    if high - low <= _FLAT * max(np.abs(losses).max(), 1e-12):
        return _all_clean(np.zeros_like(losses))
    normalised = np.clip((losses - low) / (high - low), 0, 1)
    column = normalised[:, None]
    mixture = GaussianMixture(
        2, max_iter=max_iter, tol=tol, reg_covar=reg_covar, random_state=seed
    ).fit(column)
    order = mixture.means_[:, 0].argsort()
    pair = GaussianPair(
        mixture.weights_[order],
        mixture.means_[order, 0],
        np.sqrt(mixture.covariances_[order, 0, 0]),
    )
    single = GaussianMixture(1, reg_covar=reg_covar).fit(column)
    if mixture.bic(column) >= single.bic(column):
        return _all_clean(normalised)
    probability = mixture.predict_proba(column)[:, order[0]]
    # A wide first component also covers losses below the narrow one's.
    probability = np.where(normalised <= pair.means[0], 1.0, probability)
    return LossMixture(probability, probability >= threshold, normalised, pair)


def separation_scores(
    noisy: np.ndarray, clean_probability: np.ndarray, clean: np.ndarray
) -> dict[str, float]:
    """How well noisy samples were found, given the truth.

    Args:
        noisy: The truth ``(N,)``, bool.
        clean_probability: ``(N,)``.
        clean: The decision ``(N,)``, bool.

    Returns:
        ``precision``, ``recall`` and ``F1`` of "noisy", and ``AUC`` of the probability;
        NaN where the truth has one kind alone.
    """
    noisy = np.asarray(noisy, dtype=bool)
    if noisy.all() or not noisy.any():
        return dict.fromkeys(('precision', 'recall', 'F1', 'AUC'), float('nan'))
    precision, recall, f1, _ = precision_recall_fscore_support(
        noisy, ~np.asarray(clean, bool), average='binary', zero_division=0
    )
    auc = roc_auc_score(noisy, 1 - np.asarray(clean_probability))
    values = zip(
        ('precision', 'recall', 'F1', 'AUC'), (precision, recall, f1, auc), strict=True
    )
    return {name: float(value) for name, value in values}


def _all_clean(normalised: np.ndarray) -> LossMixture:
    ones = np.ones(normalised.shape)
    return LossMixture(ones, ones.astype(bool), normalised, None)
