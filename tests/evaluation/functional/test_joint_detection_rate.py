import pytest
import torch

from mmpose_ext.evaluation.functional import joint_detection_rate, pckh

HEAD = torch.tensor([10.0, 20.0])


def moved(*errors):
    """Truth (2, 3, 2) and a prediction with these errors (2, 3) in pixels."""
    truth = torch.arange(12.0).reshape(2, 3, 2)
    shift = torch.tensor(errors)[..., None] * torch.tensor([0.6, -0.8])
    return truth + shift, truth


def test_values():
    pred, truth = moved([4.9, 5.1, 30.0], [9.9, 4.0, 30.0])
    rates = joint_detection_rate(pred, truth, HEAD)
    assert rates.tolist() == [1, 0.5, 0]
    rates = joint_detection_rate(pred, truth, HEAD, threshold=4)
    assert rates.tolist() == [1, 1, 1]
    assert joint_detection_rate(truth, truth, HEAD).tolist() == [1, 1, 1]


def test_error_on_the_threshold_is_no_detection():
    truth = torch.zeros(1, 1, 2)
    pred = torch.tensor([[[5.0, 0.0]]])
    assert joint_detection_rate(pred, truth, HEAD[:1]) == 0
    assert joint_detection_rate(pred, truth, HEAD[:1] + 0.01) == 1


def test_unseen_joints_and_heads():
    pred, truth = moved([0.0, 30.0, 0.0], [30.0, 0.0, 0.0])
    seen = torch.tensor([[True, False, False], [True, True, False]])
    rates = joint_detection_rate(pred, truth, HEAD, seen=seen)
    assert rates[:2].tolist() == [0.5, 1] and rates[2].isnan()
    head = torch.tensor([10.0, torch.nan])
    rates = joint_detection_rate(pred, truth, head, seen=seen)
    assert rates[0] == 1 and rates[1:].isnan().all()


def test_missing_prediction_is_no_detection():
    pred, truth = moved([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    pred[0, 1] = torch.nan
    assert joint_detection_rate(pred, truth, HEAD).tolist() == [1, 0.5, 1]


def test_shapes():
    pred, truth = torch.rand(2, 3, 4, 17, 2)
    rates = joint_detection_rate(pred, truth, torch.rand(3, 4))
    assert rates.shape == (17,)
    torch.testing.assert_close(
        rates * 0 + joint_detection_rate(pred[0, 0], truth[0, 0], torch.tensor(0.7)),
        ((pred - truth)[0, 0].norm(dim=-1) < 0.35).float(),
    )


def test_mean_is_pckh():
    """Over joints, it is PCKh averaged over samples."""
    truth = 100 * torch.rand(50, 17, 2)
    pred = truth + 20 * torch.randn(50, 17, 2)
    head = (truth[:, 9] - truth[:, 10]).norm(dim=-1)
    rates = joint_detection_rate(pred, truth, head)
    torch.testing.assert_close(rates.mean(), pckh(pred, truth).mean())


def test_invalid():
    truth = torch.rand(5, 17, 2)
    with pytest.raises(ValueError, match=r'head_size \(4,\)'):
        joint_detection_rate(truth, truth, torch.rand(4))
    with pytest.raises(ValueError, match=r'pred has shape \(17, 2\)'):
        joint_detection_rate(truth[0], truth, torch.rand(5))
    with pytest.raises(ValueError, match='threshold=0'):
        joint_detection_rate(truth, truth, torch.rand(5), threshold=0)
