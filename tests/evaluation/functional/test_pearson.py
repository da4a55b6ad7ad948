import numpy as np
import pytest
import torch
from no_waiting import NoWaiting

from mmpose_ext.evaluation.functional import (
    PearsonSums,
    negative_mse_profit,
    pearson_profit,
)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_numpy(pred, target):
    pred, target = pred.double().numpy(), target.double().numpy()
    rho = [np.corrcoef(pred[:, d], target[:, d])[0, 1] for d in range(pred.shape[1])]
    return sum(rho)


def test_values():
    target = draw(12, 51)
    pred = torch.stack([target + draw(12, 51, seed=s) for s in (1, 2)])
    profit = pearson_profit(pred, target)
    assert profit.shape == (2,)
    for row, value in zip(pred, profit, strict=True):
        assert value.item() == pytest.approx(by_numpy(row, target))
    # It does not see scale and offset, only sign.
    assert pearson_profit(3 * target + 5, target).item() == pytest.approx(51)
    assert pearson_profit(-target, target).item() == pytest.approx(-51)


def test_constants_are_worth_nothing():
    target = draw(8, 51) * 0.2 + 3
    constant = draw(51).expand(8, 51) + 2.7
    assert pearson_profit(constant, target).item() == 0
    # Rounding of single precision is no variation.
    shaky = constant * (1 + 1e-7 * draw(8, 51, seed=3).sign())
    assert pearson_profit(shaky, target).item() == 0
    assert pearson_profit(target, constant).item() == 0
    assert pearson_profit(draw(1, 51), target[:1]).item() == 0, 'a batch of one'
    # A tenth of a millimetre at three metres is one, and is measured exactly.
    error = draw(8, 51, seed=4)
    small = (3 + 1e-4 * error.double()).float()
    assert pearson_profit(small, target).item() == pytest.approx(
        by_numpy(error, target), abs=0.1
    )


def test_negative_mse():
    target = draw(6, 4)
    error = torch.tensor([1.0, 2.0, 0.0, -1.0])
    assert negative_mse_profit(target + error, target).item() == pytest.approx(-6)
    constant = torch.zeros(6, 4)
    assert negative_mse_profit(constant, target).item() == pytest.approx(
        -target.double().square().mean(0).sum().item()
    )


@pytest.mark.parametrize('sizes', [(40,), (1,) * 40, (13, 1, 26)])
def test_batches_are_pooled(sizes):
    """The pieces say what the whole says, far from the origin, too."""
    target = draw(40, 5) * 1e-3 + 3.0
    pred = torch.stack([target + 1e-3 * draw(40, 5, seed=1), target * 2 - 1])
    sums = PearsonSums()
    with NoWaiting():
        for p, t in zip(pred.split(sizes, dim=1), target.split(sizes), strict=True):
            sums.update(p, t)
    assert sums.count == 40
    torch.testing.assert_close(
        sums.correlations().sum(-1), pearson_profit(pred, target), rtol=1e-9, atol=0
    )
    torch.testing.assert_close(
        -sums.squared_errors().sum(-1), negative_mse_profit(pred, target)
    )
    expected = pred.double().std(1, correction=0)
    torch.testing.assert_close(sums.deviations(), expected)


def test_merged_in_any_order():
    target, pred = draw(30, 4), draw(3, 30, 4, seed=1)
    parts = [
        PearsonSums().update(pred[:, rows], target[rows])
        for rows in (slice(0, 4), slice(4, 29), slice(29, 30))
    ]
    whole = pearson_profit(pred, target)
    forwards = PearsonSums().merge(PearsonSums())
    for part in parts:
        forwards.merge(part)
    torch.testing.assert_close(forwards.correlations().sum(-1), whole)
    state = parts[2].state_dict()
    again = PearsonSums().load_state_dict(state).merge(parts[0]).merge(parts[1])
    torch.testing.assert_close(again.correlations().sum(-1), whole)
    assert parts[0].count == 4, 'merging leaves the others as they are'


def test_centred():
    """Batches about their own means: what drifts between them does not count."""
    target, pred = draw(3, 10, 4), draw(3, 2, 10, 4, seed=1)
    whole, centred = PearsonSums(), PearsonSums()
    for number in range(3):
        batch = PearsonSums().update(pred[number] + 50 * number, target[number])
        whole.merge(batch)
        centred.merge(batch, centred=True)
    flat = (pred - pred.mean(2, keepdim=True)).transpose(0, 1).flatten(1, 2)
    centre = (target - target.mean(1, keepdim=True)).flatten(0, 1)
    torch.testing.assert_close(
        centred.correlations().sum(-1), pearson_profit(flat, centre), atol=1e-5, rtol=0
    )
    expected = flat.double().std(1, correction=0)
    torch.testing.assert_close(centred.deviations(), expected, atol=1e-5, rtol=0)
    assert whole.deviations().min() > 30


def test_no_batch():
    sums = PearsonSums().update(torch.zeros(2, 0, 3), torch.zeros(0, 3))
    assert sums.count == 0
    with pytest.raises(ValueError, match='no batch'):
        sums.correlations()
    with pytest.raises(ValueError, match='at least one sample'):
        negative_mse_profit(torch.zeros(0, 3), torch.zeros(0, 3))


def test_invalid():
    with pytest.raises(ValueError, match=r'\(5, 2\) and \(4, 2\)'):
        pearson_profit(draw(5, 2), draw(4, 2))
    sums = PearsonSums().update(draw(2, 5, 3), draw(5, 3))
    with pytest.raises(ValueError, match='shapes differ'):
        sums.update(draw(4, 5, 3), draw(5, 3))
