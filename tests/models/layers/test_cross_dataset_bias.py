import pytest
import torch

from mmpose_ext.geometry import H36M17
from mmpose_ext.models.layers.cross_dataset_bias import CrossDatasetBias


@pytest.mark.parametrize(
    ('joints', 'count'), [('pck', 42), ('all', 51), (['left_knee', 'head'], 6)]
)
def test_shapes(joints, count):
    layer = CrossDatasetBias(joints)
    assert sum(p.numel() for p in layer.parameters()) == count
    pose = torch.randn(2, 4, 17, 3)
    assert torch.equal(layer(pose), pose), 'starts at zero'
    assert list(layer.state_dict()) == ['bias']


def test_values():
    layer = CrossDatasetBias(['left_knee', 'head'])
    layer.bias.data = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    pose = torch.randn(2, 4, 17, 3)
    moved = layer(pose) - pose
    expected = torch.zeros(17, 3)
    expected[H36M17.joint_names.index('left_knee')] = torch.tensor([1.0, 2, 3])
    expected[H36M17.joint_names.index('head')] = torch.tensor([4.0, 5, 6])
    torch.testing.assert_close(moved, expected.expand(2, 4, 17, 3))


def test_the_root_stays_without_bias():
    layer = CrossDatasetBias('pck')
    layer.bias.data += 1
    still = (layer(torch.zeros(17, 3)) == 0).all(-1)
    names = [H36M17.joint_names[j] for j in still.nonzero().flatten().tolist()]
    assert names == ['root', 'spine', 'neck_base']


def test_gradient():
    layer = CrossDatasetBias('pck')
    layer(torch.zeros(5, 2, 17, 3)).sum().backward()
    assert torch.equal(layer.bias.grad, torch.full((14, 3), 10.0))


def test_a_millimetre_survives_bfloat16():
    layer = CrossDatasetBias('all')
    layer.bias.data += 1e-3
    pose = torch.full((17, 3), 0.7).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        moved = layer(pose)
    torch.testing.assert_close(moved - pose.float(), torch.full((17, 3), 1e-3))


def test_invalid():
    with pytest.raises(ValueError, match="'pck', 'all'.*'most'"):
        CrossDatasetBias('most')
    with pytest.raises(ValueError, match='tail'):
        CrossDatasetBias(['tail'])
