import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.losses import JointErrorLoss, joint_error_loss

# Errors of 2 joints in 3 frames, norms 13, 5, 0, 1, 3, 2.
ERROR = torch.tensor(
    [
        [[3.0, 4, 12], [0, 3, -4]],
        [[0, 0, 0], [0, -1, 0]],
        [[1, 2, -2], [0, 0, 2]],
    ]
)[None]


def pair():
    label = torch.arange(18.0).reshape(1, 3, 2, 3)
    return label + ERROR, label


def test_values():
    pred, label = pair()
    assert joint_error_loss(pred, label).item() == pytest.approx(24 / 6)
    assert JointErrorLoss(2.0)(pred, label, None).item() == pytest.approx(8)
    weight = torch.tensor([[[0.0, 1], [1, 1], [1, 0]]])
    assert joint_error_loss(pred, label, weight).item() == pytest.approx(9 / 4)


def test_joint_weights():
    pred, label = pair()
    # Joint 0: 13 + 0 + 3, joint 1: 5 + 1 + 2.
    expected = (2 * 16 + 0.5 * 8) / 6
    loss = JointErrorLoss(joint_weights=[2.0, 0.5])
    assert loss(pred, label, None).item() == pytest.approx(expected)
    assert not loss.state_dict(), 'factors are configuration, not weights'
    mixste = JointErrorLoss(joint_weights='mixste')
    zero, one = torch.zeros(1, 1, 17, 3), torch.zeros(1, 1, 17, 3)
    for joint, factor in ((0, 1), (3, 2.5), (6, 2.5), (10, 1.5), (13, 4), (16, 4)):
        one.zero_()[0, 0, joint, 1] = 17
        assert mixste(one, zero, None).item() == pytest.approx(factor)


def test_scale_is_the_optimum_of_each_frame():
    generator = torch.Generator().manual_seed(0)
    label = torch.randn((2, 3, 5, 3), generator=generator)
    scales = torch.tensor([0.2, 1, 30]).reshape(3, 1, 1)
    perfect = joint_error_loss(scales * label, label, scale_normalized=True)
    assert perfect.item() == pytest.approx(0, abs=1e-5)
    pred = label + 0.3 * torch.randn(label.shape, generator=generator)
    errors = []
    for p, y in zip(pred.flatten(0, 1), label.flatten(0, 1), strict=True):
        column = p.reshape(-1, 1).numpy()
        (scale,), *_ = np.linalg.lstsq(column, y.flatten().numpy(), rcond=None)
        errors.append((float(scale) * p - y).norm(dim=-1).mean())
    loss = JointErrorLoss(scale_normalized=True)
    assert_close(loss(pred, label, None), torch.stack(errors).mean())
    assert_close(loss(7 * pred, label, None), loss(pred, label, None))


def test_scale_looks_at_what_counts_only():
    pred = torch.randn(2, 3, 5, 3)
    label, weight = 2 * pred, torch.ones(2, 3, 5)
    weight[0, 1, 3] = 0
    label[0, 1, 3] += 1000
    loss = joint_error_loss(pred, label, weight, scale_normalized=True)
    assert loss.item() == pytest.approx(0, abs=1e-5)


def test_gradients():
    pred, label = pair()
    pred.requires_grad_()
    joint_error_loss(pred, label).backward()
    assert_close(pred.grad[0, 0, 0], ERROR[0, 0, 0] / 13 / 6)
    assert not pred.grad[0, 1, 0].any()
    collapsed = torch.zeros_like(label, requires_grad=True)
    joint_error_loss(collapsed, label, scale_normalized=True).backward()
    assert collapsed.grad.isfinite().all()


def test_invalid():
    with pytest.raises(ValueError, match="must be 'mixste'.* got 'nobody'"):
        JointErrorLoss(joint_weights='nobody')
