"""The counter of parameters and operations."""

from __future__ import annotations

import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

import mmpose_ext.codecs
import mmpose_ext.models  # noqa: F401
from mmpose_ext.engine.cost import (
    Cost,
    count_cost,
    known_layers,
    layer_macs,
    network_parameters,
    token_linears,
)
from mmpose_ext.models.layers import TimeEmbedding

JOINTS = 17


def prml(frames=243, size=128, pairs=(13, 13), temporal=False, mi=True, heads=8):
    return dict(
        type='SequenceLifter',
        backbone=dict(
            type='PrMLBackbone',
            embed_dims=size,
            seq_len=frames,
            num_heads=heads,
            depth_2d=pairs[0],
            depth_d=pairs[1],
            temporal_embedding=temporal,
        ),
        neck=dict(
            type='TaskAwareDecoder', embed_dims=size, seq_len=frames, num_heads=heads
        ),
        head=dict(
            type='PrMLHead',
            in_channels=size,
            losses=dict(pose=dict(type='DecoupledPoseLoss')),
            loss_mi=dict(type='BarberAgakovLoss') if mi else None,
        ),
    )


def count(model, frames, *, inference=False, device='meta', channels=3) -> Cost:
    with torch.device(device):
        network = MODELS.build(model)
        x = torch.zeros(1, frames, JOINTS, channels)
    head = network.head
    train = getattr(head, 'forward_train', head.forward)
    run = head.forward if inference else train
    return count_cost(
        network, lambda: run(network.extract_feat(x)), inference=inference
    )


# The table of the paper's parts, written out from the dimensions alone.


def prml_parameters(frames, size, pairs, temporal=False):
    layer = 3 * size**2 + size**2 + size + 8 * size**2 + 5 * size + 4 * size
    embeddings = 4 * size + 3 * JOINTS * size + temporal * frames * size
    bottom = 4 * layer + 4 * size + 2
    branches = sum(2 * n * layer + (2 * size if n else 0) for n in pairs)
    cross = (1 + 4 + 1) * size**2 + size + 8 * size**2 + 5 * size + 8 * size
    decoder = 4 * size + 2 + 2 * frames * JOINTS * size + 2 * cross

    def heads(width):
        return 2 * 512 * (width + 1) + 512 * 3 + 3

    return embeddings + bottom + branches + decoder + heads(size) + heads(2 * size)


def prml_macs(frames, size, pairs, mi=True):
    layer = 12 * size**2 + 2 * 4 * size
    bottom = 4 * layer + 4 * size
    branches = sum(2 * n * layer + (4 * size if n else 0) for n in pairs)
    cross = 14 * size**2 + 4 * (size + 2 * size + size)
    heads = sum(2 * 512 * w + 512 * 3 for w in ((size, 2 * size) if mi else (size,)))
    token = 3 * size + bottom + branches + 4 * size + 2 * cross + heads
    return frames * JOINTS * token


# T, C, and what the paper's dossier lists: millions of parameters, thop's G.
SIZES = [
    (243, 128, 13.0085, 49.2785),
    (81, 128, 12.30, 16.43),
    (27, 128, 12.07, 5.48),
    (9, 128, 11.99, 1.83),
    (243, 96, 7.61, 28.08),
    (243, 64, 3.64, 12.80),
]


@pytest.mark.parametrize(('frames', 'size', 'millions', 'giga'), SIZES)
def test_values_of_prml(frames, size, millions, giga):
    cost = count(prml(frames, size), frames)
    assert cost.parameters == prml_parameters(frames, size, (13, 13))
    assert cost.macs_thop == prml_macs(frames, size, (13, 13))
    assert cost.parameters / 1e6 == pytest.approx(millions, abs=0.006)
    assert cost.macs_thop / 1e9 == pytest.approx(giga, abs=0.006)


def test_values_of_the_default():
    assert prml_parameters(243, 128, (13, 13)) == 13_008_522
    assert prml_parameters(243, 128, (13, 13), temporal=True) == 13_039_626
    assert prml_macs(243, 128, (13, 13)) / 1e9 == pytest.approx(49.2785, abs=5e-5)
    assert prml_macs(243, 128, (13, 13), mi=False) / 1e9 == pytest.approx(
        48.19, abs=5e-3
    )


def test_values_of_one_pair_more():
    one, two = (count(prml(pairs=(n, n)), 243) for n in (1, 2))
    assert (two.parameters - one.parameters) / 1e6 == pytest.approx(0.792, abs=5e-4)
    assert (two.macs_thop - one.macs_thop) / 1e9 == pytest.approx(3.266, abs=5e-4)


def test_values_of_one_branch_off():
    one = count(prml(pairs=(13, 0)), 243)
    fewer = prml_parameters(243, 128, (13, 13)) - one.parameters
    cheaper = prml_macs(243, 128, (13, 13)) - one.macs_thop
    assert fewer / 1e6 == pytest.approx(5.145, abs=5e-4)
    assert cheaper / 1e9 == pytest.approx(21.23, abs=5e-3)
    assert 'backbone.branch_2d' in one.parts
    assert 'backbone.branch_d' not in one.parts


@pytest.mark.parametrize('device', ['meta', 'cpu'])
def test_values_of_attention(device):
    """`flops`: linear layers, and two products of each attention, on any device."""
    frames, size, pairs = 6, 32, 2
    cost = count(prml(frames, size, (pairs, pairs), heads=4), frames, device=device)
    norms = 4 * size * (2 * (4 + 4 * pairs) + 2 + 2 * (1 + 2 + 1))
    tokens = frames * JOINTS
    assert cost.flops_linear == 2 * (cost.macs_thop - tokens * norms)
    temporal, spatial = 2 + 2 * pairs + 2, 2 + 2 * pairs
    attention = tokens * 2 * size * (temporal * frames + spatial * JOINTS)
    assert cost.flops == cost.flops_linear + 2 * attention


def test_values_of_inference():
    training = count(prml(9, 32, (1, 1), temporal=True), 9)
    inference = count(prml(9, 32, (1, 1), temporal=True), 9, inference=True)
    plain = count(prml(9, 32, (1, 1), temporal=True, mi=False), 9)
    assert inference == plain
    heads = 2 * 512 * 65 + 512 * 3 + 3
    assert training.parameters - inference.parameters == heads
    assert training.parameters_thop - inference.parameters_thop == heads
    assert {'head.mi_head_2d', 'head.mi_head_d'} == (
        training.parts.keys() - inference.parts.keys()
    )


def test_frozen_parameters_count():
    with torch.device('meta'):
        network = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
        x = torch.zeros(2, 4)
    network.requires_grad_(False)
    cost = count_cost(network, lambda: network(x), inference=True)
    assert cost.parameters == cost.parameters_thop == 20 + 8
    assert (cost.macs_thop, cost.flops) == (2 * 16 + 4 * 8, 2 * 2 * 16)


def test_shapes():
    """The rules, layer by layer."""
    cases = [
        (nn.Linear(3, 5), (2, 7, 3), 2 * 7 * 5 * 3),
        (nn.LayerNorm(6), (2, 6), 4 * 12),
        (nn.LayerNorm(6, elementwise_affine=False), (2, 6), 2 * 12),
        (nn.BatchNorm2d(4), (1, 4, 3, 3), 4 * 36),
        (nn.InstanceNorm1d(4), (1, 4, 3), 2 * 12),
        (nn.Conv1d(4, 6, 3), (1, 4, 9), 6 * 7 * 4 * 3),
        (nn.Conv2d(4, 6, 3, groups=2, padding=1), (1, 4, 5, 5), 6 * 25 * 2 * 9),
        (nn.ConvTranspose1d(4, 6, 2, stride=2), (1, 4, 5), 6 * 10 * 4 * 2),
    ]
    for layer, shape, macs in cases:
        layer = layer.to('meta')
        x = torch.zeros(shape, device='meta')
        cost = count_cost(layer, lambda layer=layer, x=x: layer(x))
        assert cost.macs_thop == macs, layer
        assert layer_macs(layer, x.shape, layer(x).shape) == macs


def test_layer_that_runs_twice():
    with torch.device('meta'):
        layer, x = nn.Linear(4, 4), torch.zeros(3, 4)
    cost = count_cost(layer, lambda: layer(layer(x)))
    assert cost.macs_thop == 2 * 3 * 16
    assert cost.parameters == cost.parameters_thop == 20


def test_time_embedding_sees_no_tokens():
    """Its layers are in every figure but `flops_linear`."""
    with torch.device('meta'):
        network = nn.ModuleDict({'time': TimeEmbedding(8), 'tokens': nn.Linear(8, 8)})
        steps, tokens = torch.zeros(3), torch.zeros(3, 5, 8)
    cost = count_cost(
        network,
        lambda: network['tokens'](tokens) + network['time'](steps)[:, None],
    )
    of_time, of_tokens = 3 * 2 * 8 * 16, 3 * 5 * 8 * 8
    assert cost.flops_linear == 2 * of_tokens
    assert cost.flops == 2 * cost.macs_thop == 2 * (of_tokens + of_time)
    assert cost.parts['time.fc1'].macs_thop == of_time // 2
    alone = count_cost(network['time'], lambda: network['time'](steps))
    assert (alone.flops_linear, alone.macs_thop) == (0, of_time)


def test_network_is_left_as_it_was():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout())
    network[2].eval()
    state = {k: v.clone() for k, v in network.state_dict().items()}
    count_cost(network, lambda: network(torch.ones(1, 2)))
    assert [m.training for m in network] == [True, True, False]
    assert all(torch.equal(state[k], v) for k, v in network.state_dict().items())
    assert not any(m._forward_hooks for m in network)


def test_losses_are_not_the_network():
    network = nn.ModuleDict(
        {
            'head': nn.ModuleDict(
                {
                    'loss_mi': nn.Linear(1, 1),
                    'losses': nn.ModuleDict({'pose': nn.Linear(1, 1)}),
                    'lossless': nn.Linear(1, 1),
                    'gloss': nn.Linear(1, 1),
                }
            )
        }
    )
    names = [name for name, _ in network_parameters(network)]
    assert names == ['head.gloss.weight', 'head.gloss.bias']
    assert len(list(known_layers(network))) == 4
    assert list(token_linears(network)) == [name for name, _ in known_layers(network)]


def test_invalid():
    with pytest.raises(ValueError, match='no rule for GELU'):
        layer_macs(nn.GELU(), (1,), (1,))
