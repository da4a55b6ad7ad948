"""Which modalities dominate, and how much."""

import pytest
import torch

from mmpose_ext.evaluation.functional.dominance import dominance


def test_values():
    drop, lead = dominance(torch.tensor([6.0, 3.0, 1.0, 0.0]))
    assert drop == (0,) and lead == pytest.approx(0.6 - 0.4 / 3)
    drop, lead = dominance(torch.tensor([5.0, 4.0, 1.0, 0.0]), dominant='superior')
    assert drop == (0, 1) and lead == pytest.approx(0.45 - 0.05)


def test_range():
    assert dominance(torch.tensor([0.0, 2.0])) == ((1,), 1.0)
    drop, lead = dominance(torch.tensor([-5.0, 0.5, 0.5]))
    assert drop in ((1,), (2,)) and lead == pytest.approx(0.25)


@pytest.mark.parametrize('dominant', ['top', 'superior'])
@pytest.mark.parametrize('scores', [[1.0, 1.0], [-1.0, -2.0], [0.3]])
def test_nobody(scores, dominant):
    assert dominance(torch.tensor(scores), dominant=dominant) == ((), 0.0)


def test_invalid():
    with pytest.raises(ValueError, match="'top' or 'superior', got 'all'"):
        dominance(torch.ones(2), dominant='all')
    with pytest.raises(ValueError, match='finite'):
        dominance(torch.tensor([1.0, torch.nan]))
