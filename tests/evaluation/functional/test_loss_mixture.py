"""Clean and noisy samples by their losses."""

import numpy as np
import pytest

from mmpose_ext.evaluation.functional.loss_mixture import (
    GaussianPair,
    separate_losses,
    separation_scores,
)

SINGLE = {
    'normal': lambda rng: rng.normal(0.1, 0.01, 1000),
    'nearly normal': lambda rng: rng.gamma(200, 0.001, 1000),
}
"""Losses of one kind, alike on both sides."""

SKEWED = {
    'gamma': lambda rng: rng.gamma(8, 0.01, 1000),
    'lognormal': lambda rng: rng.lognormal(-2, 0.3, 1000),
}
"""Losses of one kind with a long tail."""

SHAPES = {
    'normal': (
        lambda rng: rng.normal(0.1, 0.02, 1000),
        lambda rng: rng.normal(0.2, 0.04, 1000),
    ),
    'gamma': (
        lambda rng: rng.gamma(8, 0.01, 1000),
        lambda rng: rng.gamma(8, 0.01, 1000) + 0.15,
    ),
    'wider gamma': (
        lambda rng: rng.gamma(8, 0.01, 1000),
        lambda rng: rng.gamma(8, 0.04, 1000),
    ),
}
"""Losses of clean and of noisy samples."""


@pytest.fixture
def bimodal():
    rng = np.random.default_rng(0)
    noisy = rng.random(1000) < 0.2
    losses = np.where(noisy, rng.normal(0.30, 0.04, 1000), rng.normal(0.08, 0.02, 1000))
    return losses, noisy


def f1(mixture, noisy):
    return separation_scores(noisy, mixture.clean_probability, mixture.clean)['F1']


def test_two_heaps_are_told_apart(bimodal):
    losses, noisy = bimodal
    mixture = separate_losses(losses)
    assert mixture.separable
    assert (mixture.clean == ~noisy).mean() > 0.995
    scores = separation_scores(noisy, mixture.clean_probability, mixture.clean)
    assert min(scores.values()) > 0.98
    assert mixture.normalised.min() == 0
    assert mixture.normalised.max() == 1
    weights, means, stds = mixture.gaussians
    np.testing.assert_allclose(weights, [0.8, 0.2], atol=0.03)
    for kind, mean, std in zip((~noisy, noisy), means, stds, strict=True):
        assert mean == pytest.approx(mixture.normalised[kind].mean(), abs=0.01)
        assert std == pytest.approx(mixture.normalised[kind].std(), abs=0.02)


@pytest.mark.parametrize('ratio', [0.2, 0.4])
@pytest.mark.parametrize('shape', SHAPES)
def test_noise_is_found(shape, ratio):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        noisy = rng.random(1000) < ratio
        clean_losses, noisy_losses = (draw(rng) for draw in SHAPES[shape])
        mixture = separate_losses(np.where(noisy, noisy_losses, clean_losses))
        assert mixture.separable
        assert f1(mixture, noisy) > 0.85


@pytest.mark.parametrize('shape', SINGLE)
def test_losses_of_one_kind_are_all_clean(shape):
    for seed in range(5):
        mixture = separate_losses(SINGLE[shape](np.random.default_rng(seed)))
        assert not mixture.separable
        assert mixture.clean.all()
        assert (mixture.clean_probability == 1).all()


@pytest.mark.parametrize('shape', SKEWED)
def test_of_a_skewed_heap_the_tail_goes(shape):
    for seed in range(5):
        losses = SKEWED[shape](np.random.default_rng(seed))
        mixture = separate_losses(losses)
        assert mixture.clean.mean() > 0.5
        assert mixture.clean[losses <= np.median(losses)].all()


def test_overlapping_noise_is_found():
    # Two kinds without a valley between them, as losses of real noise are.
    rng = np.random.default_rng(0)
    noisy = np.arange(1000) >= 800
    losses = np.where(noisy, rng.normal(0.6, 0.15, 1000), rng.normal(0.25, 0.12, 1000))
    assert f1(separate_losses(losses), noisy) > 0.7


def test_a_wild_loss_does_not_hide_the_noise():
    rng = np.random.default_rng(0)
    kinds = rng.normal(0.1, 0.01, 800), rng.normal(0.2, 0.02, 200)
    losses = np.concatenate([*kinds, [5.0]])
    noisy = np.arange(1001) >= 800
    assert f1(separate_losses(losses), noisy) > 0.95
    assert f1(separate_losses(np.append(losses, -5.0)), np.append(noisy, False)) > 0.95


def test_the_unit_of_the_losses_does_not_matter(bimodal):
    losses, _ = bimodal
    one, other = separate_losses(losses), separate_losses(1000 * losses + 7)
    np.testing.assert_allclose(one.clean_probability, other.clean_probability)


def test_low_losses_are_never_noisy():
    # A narrow heap of low losses under a wide one: the wide Gaussian reaches below.
    rng = np.random.default_rng(1)
    losses = np.concatenate([rng.normal(0.2, 0.005, 500), rng.normal(0.4, 0.1, 300)])
    mixture = separate_losses(losses)
    assert mixture.separable
    assert mixture.clean[losses <= np.sort(losses)[5]].all()


def test_equal_losses_are_all_clean():
    for losses in (np.full(50, 0.3), np.zeros(50), np.array([0.1]), np.array([])):
        mixture = separate_losses(losses)
        assert not mixture.separable
        assert mixture.clean.all()


def test_gaussians_as_json(bimodal):
    pair = separate_losses(bimodal[0]).gaussians
    again = GaussianPair.from_dict(pair.to_dict())
    for one, other in zip(pair, again, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(KeyError):
        GaussianPair.from_dict({'weights': [0.5, 0.5]})
    for wrong in ({'stds': [1, 0]}, {'means': [1]}):
        with pytest.raises(ValueError, match='of two'):
            GaussianPair.from_dict(pair.to_dict() | wrong)


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
