"""Tell clean from noisy samples by their losses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.mixture import GaussianMixture

_FLAT = 1e-6


@dataclass(frozen=True, eq=False)
class LossMixture:
    """Two kinds of samples by their losses.

    Attributes:
        clean_probability: Of the component with the lower mean ``(N,)``.
        clean: Whether it is at least the threshold ``(N,)``, bool.
        normalised: The losses, scaled to [0, 1] ``(N,)``.
        separable: Whether there were two kinds; if not, all samples are clean.
        means: Of the two components, normalised losses ``(2,)``, the lower one first.
    """

    clean_probability: np.ndarray
    clean: np.ndarray
    normalised: np.ndarray
    separable: bool
    means: np.ndarray


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

    Losses are scaled to [0, 1] by their extremes first, as in DivideMix (Li et al.,
    ICLR 2020), whose settings of the mixture are the defaults. Losses that are all
    alike, or a mixture whose components coincide, tell nothing: everything is clean.

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
    spread = np.ptp(losses) if losses.size else 0.0
    if losses.size < 2 or spread <= _FLAT * max(np.abs(losses).max(), 1e-12):
        return _all_clean(np.zeros_like(losses))
    normalised = (losses - losses.min()) / spread
    mixture = GaussianMixture(
        2, max_iter=max_iter, tol=tol, reg_covar=reg_covar, random_state=seed
    ).fit(normalised[:, None])
    means = mixture.means_[:, 0]
    if abs(means[0] - means[1]) < _FLAT:
        return _all_clean(normalised)
    probability = mixture.predict_proba(normalised[:, None])[:, means.argmin()]
    # A wide first component also covers losses below the narrow one's.
    probability = np.where(normalised <= means.min(), 1.0, probability)
    clean = probability >= threshold
    if not clean.any():
        return _all_clean(normalised)
    return LossMixture(probability, clean, normalised, True, np.sort(means))


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
    mean = normalised.mean() if normalised.size else 0.0
    return LossMixture(
        ones, ones.astype(bool), normalised, False, np.array([mean, mean])
    )
