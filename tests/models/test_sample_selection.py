"""Arithmetic of Co-teaching and DivideMix by hand."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from mmpose_ext.models.sample_selection import (
    draw_mixing,
    forget_rate,
    mean_where,
    mix,
    num_kept,
    ramp,
    refine_labels,
    sample_errors,
    smallest,
)
from tests.fixtures.no_waiting import NoWaiting


def test_sample_errors():
    pose = torch.zeros(2, 2, 3)
    pred = torch.tensor([[[3.0, 4, 0], [0, 0, 1]], [[0, 0, 0], [2, 0, 0]]])
    assert_close(sample_errors(pred, pose), torch.tensor([3.0, 1.0]))
    assert sample_errors(pred.bfloat16(), pose).dtype == torch.float32


def test_ramps():
    assert [ramp(epoch, 4) for epoch in (0, 1, 4, 9)] == [0, 0.25, 1, 1]
    assert ramp(0, 0) == 1
    rates = [forget_rate(epoch, 0.4, ramp_epochs=10) for epoch in (0, 5, 10, 30)]
    assert rates == pytest.approx([0, 0.2, 0.4, 0.4])


def test_num_kept():
    assert num_kept(10, 0.0) == 10
    assert num_kept(10, 0.2) == 8
    assert num_kept(10, 0.25) == 7
    # 1 - 0.8 is a little less than a fifth.
    assert num_kept(10, 0.8) == 2
    assert num_kept(3, 0.9) == 1


def test_smallest():
    losses = torch.tensor([0.4, 0.1, 0.3, 0.2], requires_grad=True)
    assert smallest(losses, 2).tolist() == [1, 3]


def test_refined_labels():
    pose, own, both = (torch.full((3, 2, 3), x) for x in (1.0, 3.0, 7.0))
    probability = torch.tensor([1.0, 0.75, 0.25])
    target = refine_labels(pose, probability, probability >= 0.5, own, both)
    assert target[:, 0, 0].tolist() == [1.0, 1.5, 7.0]


def test_mean_where():
    values = torch.tensor([1.0, 2.0, 6.0])
    assert mean_where(values, torch.tensor([True, False, True])) == 3.5
    assert mean_where(values, torch.zeros(3, dtype=torch.bool)) == 0


def test_mix():
    values = torch.tensor([[0.0], [4.0], [8.0]])
    mixed = mix(values, torch.tensor([2, 1, 0]), 0.75)
    assert mixed[:, 0].tolist() == [2.0, 4.0, 6.0]


def test_mixing_follows_the_beta_distribution():
    generator = torch.Generator().manual_seed(0)
    draws = [draw_mixing(5, 4.0, generator) for _ in range(2000)]
    assert all(sorted(partner.tolist()) == [*range(5)] for partner, _ in draws)
    shares = torch.tensor([share for _, share in draws])
    assert shares.min() >= 0.5 and shares.max() <= 1
    expected = stats.beta(4, 4).expect(lambda x: max(x, 1 - x))
    assert_close(shares.mean().item(), expected, atol=0.01, rtol=0)


def test_draws_are_the_generators_alone():
    draws = []
    for _ in range(2):
        torch.rand(3)
        draws.append(draw_mixing(6, 4.0, torch.Generator().manual_seed(1)))
    assert_close(draws[0], draws[1])


def test_no_host_synchronisation():
    losses, flags = torch.rand(6), torch.rand(6) > 0.5
    pose = torch.rand(6, 2, 3)
    with NoWaiting():
        losses[smallest(losses, 3)].mean()
        mean_where(losses, flags)
        refine_labels(pose, losses, flags, pose, pose)
