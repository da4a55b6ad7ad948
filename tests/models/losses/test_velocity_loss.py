import pytest
import torch

from mmpose_ext.models.losses import VelocityLoss, velocity_loss

# Errors of 2 joints in 3 frames; their differences have the norms 5, 13, 7, 3 (2D parts
# 5, 5, 0, 3; depths 0, 12, 7, 0) for joint 0 and 1 of frame 1, then of frame 2.
ERROR = torch.tensor(
    [
        [[1.0, 1, 1], [0, 0, 0]],
        [[4, 5, 1], [3, 4, 12]],
        [[4, 5, 8], [3, 1, 12]],
    ]
)[None]


def pair():
    label = torch.arange(18.0).reshape(1, 3, 2, 3).square()
    return label + ERROR, label


def test_values():
    pred, label = pair()
    assert velocity_loss(pred, label).item() == pytest.approx((5 + 13 + 7 + 3) / 4)
    apart = velocity_loss(pred, label, form='decoupled')
    assert apart.item() == pytest.approx((5 + 5 + 0 + 3 + 0 + 12 + 7 + 0) / 4)
    assert VelocityLoss()(pred, label, None).item() == pytest.approx(20 * 7)
    assert VelocityLoss(1, 'decoupled')(pred, label, None).item() == pytest.approx(8)


def test_a_constant_offset_is_free():
    pred, label = pair()
    assert velocity_loss(label + torch.randn(1, 1, 2, 3), label).item() < 1e-4


@pytest.mark.parametrize('form', ['joint', 'decoupled'])
def test_weights(form):
    pred, label = pair()
    weight = torch.ones(1, 3, 2)
    # Joint 0 is unknown in frame 0, joint 1 in frame 2: two differences count.
    weight[0, 0, 0] = weight[0, 2, 1] = 0
    expected = {'joint': (13 + 7) / 2, 'decoupled': (5 + 12 + 0 + 7) / 2}[form]
    assert velocity_loss(pred, label, weight, form).item() == pytest.approx(expected)
    # In the middle frame it takes both differences of the joint with it.
    weight = torch.ones(1, 3, 2)
    weight[0, 1, 1] = 0
    expected = {'joint': (5 + 7) / 2, 'decoupled': (5 + 0 + 0 + 7) / 2}[form]
    assert velocity_loss(pred, label, weight, form).item() == pytest.approx(expected)


@pytest.mark.parametrize('form', ['joint', 'decoupled'])
def test_one_frame(form):
    pred = torch.randn(2, 1, 17, 3, requires_grad=True)
    loss = VelocityLoss(form=form)(pred, torch.randn(2, 1, 17, 3), torch.ones(2, 1, 17))
    assert loss.item() == 0
    loss.backward()
    assert not pred.grad.any()
    assert VelocityLoss(form=form)(pred, torch.randn(2, 1, 17, 3), None).item() == 0


def test_invalid():
    with pytest.raises(ValueError, match="'joint' or 'decoupled', got 'both'"):
        VelocityLoss(form='both')
