import pytest
import torch
from mmpose.registry import MODELS


def test_values():
    loss = MODELS.build(dict(type='PoseSquaredErrorLoss', loss_weight=2.0))
    pred, label = torch.zeros(1, 2, 17, 3), torch.zeros(1, 2, 17, 3)
    pred[0, 0, 3] = torch.tensor([1.0, 2.0, 3.0])
    assert float(loss(pred, label, None)) == pytest.approx(2 * 14 / (2 * 17 * 3))
    weight = torch.zeros(1, 2, 17)
    weight[0, 0, 3] = 1
    assert float(loss(pred, label, weight)) == pytest.approx(2 * 14 / 3)
    assert float(loss(pred, label, 1 - weight)) == 0
