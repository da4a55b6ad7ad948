import pytest
import torch

from mmpose_ext.evaluation.functional import pckh


def skeleton():
    """Five joints; 3 and 4 are 10 pixels apart, 2 and 4 are 20."""
    return torch.tensor([[0.0, 0], [50, 0], [0, -80], [0, -90], [0, -100]])


def moved(*errors):
    """The skeleton with each joint moved by so many pixels, in different directions."""
    shift = torch.tensor(errors)[:, None] * torch.tensor([[0.6, -0.8]])
    return skeleton() + shift


HEAD = dict(head=(3, 4))


def test_values():
    pred = moved(0.0, 4.9, 5.1, 3.0, 60.0)
    assert pckh(pred, skeleton(), **HEAD) == pytest.approx(3 / 5)
    assert pckh(pred, skeleton(), head=(2, 4)) == pytest.approx(4 / 5)
    assert pckh(pred, skeleton(), ratio=1.0, **HEAD) == pytest.approx(4 / 5)
    assert pckh(pred, skeleton(), joints=[1, 2], **HEAD) == pytest.approx(1 / 2)
    assert pckh(skeleton(), skeleton(), **HEAD) == 1


def test_threshold_counts_as_correct():
    on_it = skeleton() + torch.tensor([5.0, 0.0])
    assert pckh(on_it, skeleton(), **HEAD) == 1
    assert pckh(on_it + torch.tensor([0.01, 0.0]), skeleton(), **HEAD) == 0


def test_each_frame_has_its_own_head():
    truth = torch.stack([skeleton(), 2 * skeleton()])
    pred = truth + torch.tensor([8.0, 0.0])
    assert pckh(pred, truth, **HEAD).tolist() == [0, 1]


def test_unseen_joints():
    pred = moved(0.0, 4.9, 5.1, 3.0, 60.0)
    seen = torch.tensor([True, True, False, True, True])
    assert pckh(pred, skeleton(), seen=seen, **HEAD) == pytest.approx(3 / 4)
    seen[4] = False
    assert pckh(pred, skeleton(), seen=seen, **HEAD).isnan(), 'no head to measure by'


def test_shapes():
    truth = torch.rand(2, 3, 17, 2)
    assert pckh(truth, truth).shape == (2, 3)


def test_scale():
    """Pixels of a larger image give the same share."""
    pred, truth = torch.rand(20, 17, 2), torch.rand(20, 17, 2)
    shares = pckh(pred, truth)
    assert 0 < shares.mean() < 1
    torch.testing.assert_close(pckh(8 * pred, 8 * truth), shares)


def test_invalid():
    truth = torch.rand(4, 17, 2)
    with pytest.raises(ValueError, match=r'\(4, 17, 2\) and \(17, 2\)|\(17, 2\) and'):
        pckh(truth[0], truth)
    with pytest.raises(ValueError, match='from 0 to 16'):
        pckh(truth, truth, head=(9, 17))
    with pytest.raises(ValueError, match='two joints'):
        pckh(truth, truth, head=(9, 9))
    with pytest.raises(ValueError, match=r'joints=\[\]'):
        pckh(truth, truth, joints=[])
    with pytest.raises(ValueError, match='ratio=0'):
        pckh(truth, truth, ratio=0)
