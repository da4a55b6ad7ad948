"""The arithmetic of balancing: scores, factors of OGM, AGM and MMPareto."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mmpose_ext.models.gradient_modulation import (
    agm_coefficients,
    agm_ratios,
    modality_scores,
    ogm_coefficients,
    pareto_factors,
)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def poses(generator, *lead):
    noise = 0.01 * torch.randn(*lead, 17, 3, generator=generator)
    return torch.tensor([0.1, -0.4, 3.0]) + noise


@pytest.mark.parametrize('kind', ['pearson', 'inverse_mpjpe', 'negative_mpjpe'])
def test_scores(generator, kind):
    """Against NumPy; only samples that have the modality count."""
    pose, pred = poses(generator, 8), poses(generator, 3, 8)
    pred[0] = pose + 0.5 * (pred[0] - pred[0].mean(0))
    present = torch.ones(8, 3, dtype=torch.bool)
    present[2:5, 1] = False
    scores = modality_scores(pred, pose, present, kind=kind)
    for m, score in enumerate(scores.tolist()):
        x = pred[m, present[:, m]].double().numpy()
        y = pose[present[:, m]].double().numpy()
        expected = -np.linalg.norm(x - y, axis=-1).mean()
        if kind == 'inverse_mpjpe':
            expected = -1 / expected
        elif kind == 'pearson':
            columns = zip(x.reshape(-1, 51).T, y.reshape(-1, 51).T, strict=True)
            expected = np.mean([np.corrcoef(*pair)[0, 1] for pair in columns])
        assert score == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert scores[0] > scores[1:].max()


def test_scores_of_degenerate_batches(generator):
    pose = poses(generator, 6)
    constant = torch.full_like(pose, 2.7)[None]
    assert modality_scores(constant, pose, kind='pearson').tolist() == [0]
    offset = pose[None] + 1.5
    score = modality_scores(offset, pose, kind='pearson')
    assert score.item() == pytest.approx(1, abs=1e-3), 'an offset changes nothing'
    one = modality_scores(pose[None, :1], pose[:1], kind='pearson')
    assert one.isnan().all(), 'one sample does not correlate'
    assert modality_scores(offset[:, :1], pose[:1], kind='negative_mpjpe').isfinite()
    nobody = torch.zeros(6, 1, dtype=torch.bool)
    for kind in ('pearson', 'inverse_mpjpe'):
        assert modality_scores(offset, pose, nobody, kind=kind).isnan().all()


def test_ogm_values():
    scores = torch.tensor([0.8, 0.4, 0.2])
    ratios = [0.8 / 0.3, 0.4 / 0.5, 0.2 / 0.6]
    found = ogm_coefficients(scores, alpha=0.3)
    expected = [1 - math.tanh(0.3 * ratios[0]), 1.0, 1.0]
    torch.testing.assert_close(found, torch.tensor(expected))
    found = ogm_coefficients(scores, alpha=0.3, reference='min')
    expected = [1 - math.tanh(0.3 * 4), 1 - math.tanh(0.3 * 2), 1.0]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_ogm_of_two_modalities_is_the_paper():
    found = ogm_coefficients(torch.tensor([3.0, 2.0]), alpha=0.5)
    torch.testing.assert_close(found, torch.tensor([1 - math.tanh(0.75), 1.0]))


def test_ogm_degenerate():
    equal = ogm_coefficients(torch.full((4,), 0.3), alpha=1.0)
    assert equal.tolist() == [1] * 4
    nan = torch.nan
    found = ogm_coefficients(torch.tensor([0.6, nan, 0.3]), alpha=1.0)
    torch.testing.assert_close(found, torch.tensor([1 - math.tanh(2), 1.0, 1.0]))
    for reference in ('mean', 'min'):
        alone = torch.tensor([0.6, nan, nan])
        found = ogm_coefficients(alone, alpha=1.0, reference=reference)
        assert found.tolist() == [1, 1, 1]
        below = ogm_coefficients(
            torch.tensor([-0.5, 0.5]), alpha=0.1, reference=reference
        )
        expected = [1.0, 1 - math.tanh(0.1 * 50)]
        torch.testing.assert_close(below, torch.tensor(expected))


def test_agm_values():
    pair = agm_ratios(torch.tensor([0.7, 0.4]))
    torch.testing.assert_close(pair, torch.tensor([0.3, -0.3]).exp())
    scores = torch.tensor([0.9, 0.3, 0.0])
    expected = (1.5 * (scores - 0.4)).exp()
    torch.testing.assert_close(agm_ratios(scores), expected)
    partly = agm_ratios(torch.tensor([0.7, torch.nan, 0.4]))
    torch.testing.assert_close(partly[[0, 2]], pair)
    assert partly[1].isnan()
    assert agm_ratios(torch.tensor([0.7, torch.nan]))[0] == 1

    ratios, targets = torch.tensor([1.5, 0.8, 1.0]), torch.tensor([1.2, 1.0, 30.0])
    found = agm_coefficients(ratios, targets, alpha=0.5, cap=10.0)
    expected = torch.tensor([-0.15, 0.1, 5.0]).exp()
    torch.testing.assert_close(found, expected)
    unknown = torch.tensor([torch.nan])
    assert agm_coefficients(unknown, unknown, alpha=0.5).tolist() == [1]


def inner(left, right):
    return [(left * left).sum(), (left * right).sum(), (right * right).sum()]


def test_pareto_adds_gradients_that_agree(generator):
    left, right = torch.tensor([1.0, 2.0]), torch.tensor([2.0, -0.5])
    assert [x.item() for x in pareto_factors(*inner(left, right))] == [1, 1]
    assert [x.item() for x in pareto_factors(*inner(left, right), gain=1.5)] == [
        1.5,
        1.5,
    ]


def test_pareto_of_conflicting_gradients(generator):
    """The shortest combination, as long as the sum; both losses fall along it."""
    for _ in range(20):
        left = torch.randn(5, generator=generator)
        right = 3 * torch.randn(5, generator=generator)
        if left @ right >= 0:
            right = -right
        a, b = pareto_factors(*inner(left, right), gain=1.5)
        edited = a * left + b * right
        share = torch.linspace(0, 1, 10_001)[:, None]
        lengths = (share * left + (1 - share) * right).norm(dim=1)
        best = share[lengths.argmin()] * left + (1 - share[lengths.argmin()]) * right
        cosine = torch.nn.functional.cosine_similarity(edited, best, dim=0)
        assert cosine > 0.999
        assert float(edited.norm()) == pytest.approx(
            1.5 * float((left + right).norm()), rel=1e-3
        )
        assert edited @ left > 0 and edited @ right > 0


def test_pareto_degenerate():
    left, zero = torch.tensor([1.0, 2.0]), torch.zeros(2)
    for pair in ((left, zero), (zero, left), (zero, zero), (left, -left)):
        assert [x.item() for x in pareto_factors(*inner(*pair))] == [1, 1]
