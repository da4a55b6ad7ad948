import pytest
import torch

from mmpose_ext.models.losses import SmoothnessLoss, smoothness_loss

# 2 joints in 3 frames: squared steps 9 + 16 + 4, 0 for joint 0; 9, 27 for joint 1.
POSES = torch.tensor(
    [
        [[1.0, 1, 1], [0, 0, 0]],
        [[4, 5, 3], [0, 0, 3]],
        [[4, 5, 3], [3, -3, 0]],
    ]
)[None]


def test_values():
    expected = (29 + 0 + 9 + 27) / 3 / 4
    assert smoothness_loss(POSES).item() == pytest.approx(expected)
    loss = SmoothnessLoss(2.0, joint_weights=False)
    # The label plays no part.
    assert loss(POSES, torch.randn(POSES.shape), None).item() == pytest.approx(
        2 * expected
    )


def test_weights():
    factors = torch.tensor([1.0, 10.0])
    expected = (29 + 10 * (9 + 27)) / 3 / 4
    value = smoothness_loss(POSES, joint_weights=factors).item()
    assert value == pytest.approx(expected)
    weight = torch.ones(1, 3, 2)
    weight[0, 0, 0] = 0
    assert smoothness_loss(POSES, weight).item() == pytest.approx((0 + 36) / 3 / 3)
    # MixSTE's wrists weigh 4, its root 1.
    poses, loss = torch.zeros(1, 2, 17, 3), SmoothnessLoss(1.0)
    for joint, factor in ((0, 1), (13, 4), (16, 4)):
        poses.zero_()[0, 1, joint] = 17**0.5
        assert loss(poses, poses, None).item() == pytest.approx(factor)


def test_one_frame():
    pred = torch.randn(2, 1, 17, 3, requires_grad=True)
    loss = SmoothnessLoss()(pred, pred.detach(), torch.ones(2, 1, 17))
    assert loss.item() == 0
    loss.backward()
    assert not pred.grad.any()
    assert smoothness_loss(pred).item() == 0
