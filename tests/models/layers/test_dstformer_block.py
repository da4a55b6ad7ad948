import torch
from torch.testing import assert_close

from mmpose_ext.models.layers import DSTFormerBlock


def test_starts_as_average_of_both_orders():
    torch.manual_seed(0)
    block, x = DSTFormerBlock(8, 2), torch.randn(2, 3, 4, 8)
    space_time, time_space = block.stream_st, block.stream_ts
    assert [layer.axis for layer in space_time] == ['spatial', 'temporal']
    assert [layer.axis for layer in time_space] == ['temporal', 'spatial']
    first = space_time[1](space_time[0](x))
    second = time_space[1](time_space[0](x))
    assert_close(block(x), 0.5 * (first + second))
    assert not torch.allclose(first, second, atol=1e-3)


def test_options_reach_every_layer():
    block = DSTFormerBlock(8, 2, mlp_ratio=3, qkv_bias=True, layer_scale_init=0.0)
    x = torch.randn(2, 3, 4, 8)
    assert_close(block(x), x)
    for layer in (*block.stream_st, *block.stream_ts):
        assert layer.attn.qkv.bias is not None
        assert layer.mlp.fc1.out_features == 24
