import torch
from torch.testing import assert_close

from mmpose_ext.models.layers import ParallelLayer


def test_shapes_and_values():
    torch.manual_seed(0)
    layer, x = ParallelLayer(8, 2, mlp_ratio=2), torch.randn(2, 4, 5, 8)
    assert_close(layer(x), (layer.temporal(x) + layer.spatial(x)) / 2)
    torch.nn.init.normal_(layer.fusion.fc.weight)
    assert layer(x).shape == x.shape
    assert not torch.allclose(layer(x), (layer.temporal(x) + layer.spatial(x)) / 2)


def test_both_read_the_input():
    torch.manual_seed(0)
    layer = ParallelLayer(8, 2).double()
    x = torch.randn(1, 4, 5, 8, dtype=torch.float64)
    other = x.clone()
    other[0, 1, 2] += torch.randn(8)
    changed = (layer(x) != layer(other)).any(-1)[0]
    expected = torch.zeros(4, 5, dtype=torch.bool)
    expected[1], expected[:, 2] = True, True
    assert torch.equal(changed, expected), 'its row and its column, nothing else'
