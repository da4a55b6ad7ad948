import sys

import pytest
import torch
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.layers.low_rank_adaptation import (
    adapter_state_dict,
    add_low_rank_adapters,
    merge_adapters,
)


def make_network(embed_dims=16, **options):
    torch.manual_seed(0)
    config = dict(embed_dims=embed_dims, seq_len=3, num_heads=2, depth=2, **options)
    return MODELS.build(dict(type='MixSTE', drop_path_rate=0.0, **config))


@pytest.fixture
def keypoints():
    return torch.rand(2, 3, 17, 2, generator=torch.Generator().manual_seed(1))


def train_adapters(network):
    """Let B be something."""
    for name, parameter in network.named_parameters():
        if 'lora_B' in name:
            torch.nn.init.normal_(parameter, std=0.1)


def trainable(network):
    return {n: p for n, p in network.named_parameters() if p.requires_grad}


def test_shapes(keypoints):
    network = make_network()
    add_low_rank_adapters(network, 4)
    assert network(keypoints).shape == (2, 3, 17, 16)
    # 4 attentions: qkv (16 -> 48) and proj (16 -> 16), A and B each.
    assert len(trainable(network)) == 4 * 2 * 2
    count = sum(p.numel() for p in trainable(network).values())
    assert count == 4 * 4 * ((16 + 48) + (16 + 16))
    assert all('.attn.' in name and '.lora_' in name for name in trainable(network))


def test_output_is_the_same_at_first(keypoints):
    network = make_network()
    before = network(keypoints)
    add_low_rank_adapters(network, 4)
    assert torch.equal(network(keypoints), before)


def test_start_of_the_adapters():
    network = make_network(embed_dims=256)
    add_low_rank_adapters(network, 8)
    for name, value in trainable(network).items():
        if 'lora_A' in name:
            assert float(value.detach().std()) == pytest.approx(1 / 8, rel=0.1)
        else:
            assert not value.any()


def test_values(keypoints):
    """y = W x + b + B A x, without a factor."""
    network = make_network()
    add_low_rank_adapters(network, 3)
    train_adapters(network)
    layer = network.temporal_layers[1].attn.qkv
    x = torch.randn(5, 16)
    lora_a, lora_b = layer.lora_A['default'].weight, layer.lora_B['default'].weight
    expected = layer.base_layer(x) + x @ lora_a.T @ lora_b.T
    assert_close(layer(x), expected)


def test_merged_is_the_same(keypoints):
    network = make_network()
    add_low_rank_adapters(network, 4)
    train_adapters(network)
    with torch.no_grad():
        before = network.eval()(keypoints)
        merge_adapters(network)
        assert (network(keypoints) - before).abs().max() < 1e-5
    assert network.state_dict().keys() == make_network().state_dict().keys()
    assert not hasattr(network.spatial_layers[0].attn.proj, 'lora_A')


def test_loads_what_was_trained_before(keypoints):
    source = make_network()
    torch.nn.init.normal_(source.frames)
    network = make_network()
    add_low_rank_adapters(network, 4)
    state = source.state_dict()
    before = adapter_state_dict(network)
    network.load_state_dict(state, strict=True)
    assert state.keys() == make_network().state_dict().keys(), 'left as it was'
    after = adapter_state_dict(network)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert torch.equal(network(keypoints), source(keypoints))


def test_resumes(keypoints):
    network = make_network()
    add_low_rank_adapters(network, 4)
    train_adapters(network)
    other = make_network()
    add_low_rank_adapters(other, 4)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(keypoints), network(keypoints))


def test_adapters_alone(keypoints):
    network = make_network()
    add_low_rank_adapters(network, 4)
    train_adapters(network)
    state = adapter_state_dict(network)
    assert state.keys() == trainable(network).keys()
    other = make_network()
    add_low_rank_adapters(other, 4)
    other.load_state_dict(state, strict=False)
    assert torch.equal(other(keypoints), network(keypoints))


def test_other_targets():
    network = make_network()
    add_low_rank_adapters(network, 2, targets='mlp.fc1')
    assert all('.mlp.fc1.' in name for name in trainable(network))
    # 'proj' alone would match the embedding too, 'attn.proj' must not.
    network = make_network()
    add_low_rank_adapters(network, 2)
    assert not hasattr(network.embedding.proj, 'lora_A')


def test_convolutions():
    network = MODELS.build(dict(type='VideoPose3D', embed_dims=8, dropout=0.0))
    keypoints = torch.rand(2, 5, 17, 2)
    before = network.eval()(keypoints)
    add_low_rank_adapters(network, 2, targets=['conv2.0.conv'])
    assert torch.equal(network(keypoints), before)
    assert len(trainable(network)) == 4
    train_adapters(network)
    trained = network(keypoints)
    merge_adapters(network)
    assert_close(network(keypoints), trained)
    with pytest.raises(ValueError, match='tcn_blocks.0.conv1.0.conv, which is dilated'):
        add_low_rank_adapters(network, 2, targets=['conv'])


def test_invalid(monkeypatch):
    with pytest.raises(ValueError, match='rank of LoRA must be at least 1, got 0'):
        add_low_rank_adapters(make_network(), 0)
    with pytest.raises(ValueError, match="'attn.query' matches no layer.*attn.qkv"):
        add_low_rank_adapters(make_network(), 4, targets=('attn.qkv', 'attn.query'))
    monkeypatch.setitem(sys.modules, 'peft', None)
    with pytest.raises(ImportError, match=r'mmpose-ext\[posynda\]'):
        add_low_rank_adapters(make_network(), 4)
