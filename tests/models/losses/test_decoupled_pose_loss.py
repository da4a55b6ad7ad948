import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.losses import DecoupledPoseLoss, decoupled_pose_loss

# Errors of 2 joints in 3 frames: 2D norms 5, 0, 0, 10, 13, 1; depths 2, 1, 0, 0, 3, 4.
ERROR = torch.tensor(
    [
        [[3.0, 4, 2], [0, 0, -1]],
        [[0, 0, 0], [-6, 8, 0]],
        [[5, 12, -3], [0, -1, 4]],
    ]
)[None]


def pair():
    label = torch.arange(18.0).reshape(1, 3, 2, 3)
    return label + ERROR, label


def test_values():
    """Eq. 8: the norm, not its square, and no norm over all three channels."""
    pred, label = pair()
    assert decoupled_pose_loss(pred, label).item() == pytest.approx((29 + 10) / 6)
    assert DecoupledPoseLoss(0.5)(pred, label, None).item() == pytest.approx(39 / 12)


def test_weights():
    pred, label = pair()
    weight = torch.ones(1, 3, 2)
    weight[0, 2, 0] = 0
    expected = (39 - 16) / 5
    assert decoupled_pose_loss(pred, label, weight).item() == pytest.approx(expected)
    weight[0, 0, 0] = 3
    expected = (39 - 16 + 2 * 7) / 7
    assert decoupled_pose_loss(pred, label, weight).item() == pytest.approx(expected)
    nothing = decoupled_pose_loss(pred, label, torch.zeros(1, 3, 2))
    assert nothing.item() == 0


def test_gradients():
    pred, label = pair()
    pred.requires_grad_()
    decoupled_pose_loss(pred, label).backward()
    assert_close(pred.grad[0, 0, 0], torch.tensor([0.6, 0.8, 1.0]) / 6)
    assert not pred.grad[0, 1, 0].any(), 'a perfect joint pulls nowhere, not to NaN'
