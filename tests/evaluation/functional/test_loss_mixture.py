"""Clean and noisy samples by their losses."""

import numpy as np
import pytest

from mmpose_ext.evaluation.functional.loss_mixture import (
    separate_losses,
    separation_scores,
)


@pytest.fixture
def bimodal():
    rng = np.random.default_rng(0)
    noisy = rng.random(1000) < 0.2
    losses = np.where(noisy, rng.normal(0.30, 0.04, 1000), rng.normal(0.08, 0.02, 1000))
    return losses, noisy


def test_two_heaps_are_told_apart(bimodal):
    losses, noisy = bimodal
    mixture = separate_losses(losses)
    assert mixture.separable
    assert (mixture.clean == ~noisy).mean() > 0.995
    scores = separation_scores(noisy, mixture.clean_probability, mixture.clean)
    assert min(scores.values()) > 0.98
    assert mixture.normalised.min() == 0
    assert mixture.normalised.max() == 1
    assert mixture.means[0] < mixture.means[1]


def test_the_unit_of_the_losses_does_not_matter(bimodal):
    losses, _ = bimodal
    one, other = separate_losses(losses), separate_losses(1000 * losses + 7)
    np.testing.assert_allclose(one.clean_probability, other.clean_probability)


def test_low_losses_are_never_noisy():
    # A narrow heap of low losses under a wide one: the wide Gaussian reaches below.
    rng = np.random.default_rng(1)
    losses = np.concatenate([rng.normal(0.2, 0.005, 500), rng.normal(0.3, 0.2, 300)])
    mixture = separate_losses(losses)
    assert mixture.clean[losses <= np.sort(losses)[5]].all()


def test_equal_losses_are_all_clean():
    for losses in (np.full(50, 0.3), np.zeros(50), np.array([0.1])):
        mixture = separate_losses(losses)
        assert not mixture.separable
        assert mixture.clean.all()


def test_scores_by_hand():
    noisy = np.array([True, True, False, False, False])
    probability = np.array([0.1, 0.9, 0.2, 0.95, 1.0])
    scores = separation_scores(noisy, probability, probability >= 0.5)
    assert scores['precision'] == scores['recall'] == scores['F1'] == 0.5
    # Of the six pairs of a noisy and a clean sample five are ordered rightly.
    assert scores['AUC'] == pytest.approx(5 / 6)
    one_kind = separation_scores(np.zeros(5, bool), probability, probability >= 0.5)
    assert all(np.isnan(value) for value in one_kind.values())


def test_invalid():
    with pytest.raises(ValueError, match='1 of 2 losses are not finite'):
        separate_losses(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match='between 0 and 1'):
        separate_losses(np.array([1.0, 2.0]), threshold=1.0)
