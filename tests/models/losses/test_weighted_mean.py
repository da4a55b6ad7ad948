import torch

from mmpose_ext.models.losses.weighted_mean import weighted_mean

VALUES = torch.tensor([[1.0, 2.0], [3.0, 6.0]])


def test_values():
    assert weighted_mean(VALUES, None) == 3
    assert weighted_mean(VALUES, torch.ones(2, 2)) == 3
    assert weighted_mean(VALUES, torch.tensor([[1.0, 0], [0, 1]])) == 3.5
    assert weighted_mean(VALUES, torch.tensor([[3.0, 0], [0, 1]])) == 9 / 4
    # Weights of less than 1 in all, too.
    assert weighted_mean(VALUES, torch.tensor([[0.25, 0], [0, 0.25]])) == 3.5


def test_nothing_counts():
    values = VALUES.clone().requires_grad_()
    loss = weighted_mean(values, torch.zeros(2, 2))
    assert loss == 0
    loss.backward()
    assert not values.grad.any()
