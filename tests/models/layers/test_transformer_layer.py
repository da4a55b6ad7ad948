import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmpose_ext.models.layers import (
    CrossTransformerLayer,
    Mlp,
    TransformerLayer,
    init_transformer_weights,
)

AXES = ('temporal', 'spatial', 'joint')
# Tokens (b, t, k) that see token (0, 1, 2) of a batch (2, 3, 4).
SEEN_BY = {
    'temporal': {(0, t, 2) for t in range(3)},
    'spatial': {(0, 1, k) for k in range(4)},
    'joint': {(0, t, k) for t in range(3) for k in range(4)},
}


def changed_tokens(before, after):
    return {tuple(i) for i in (before != after).any(-1).nonzero().tolist()}


@pytest.mark.parametrize('axis', AXES)
def test_what_attends_to_what(axis):
    torch.manual_seed(0)
    layer = TransformerLayer(8, 2, axis=axis).double()
    x = torch.randn(2, 3, 4, 8, dtype=torch.float64)
    other = x.clone()
    other[0, 1, 2] += torch.randn(8)
    assert layer(x).shape == x.shape
    assert changed_tokens(layer(x), layer(other)) == SEEN_BY[axis]


@pytest.mark.parametrize('axis', AXES)
def test_what_attends_to_which_context(axis):
    torch.manual_seed(0)
    layer = CrossTransformerLayer(8, 2, context_dims=6, axis=axis).double()
    x = torch.randn(2, 3, 4, 8, dtype=torch.float64)
    context = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    other = context.clone()
    other[0, 1, 2] += torch.randn(6)
    assert layer(x, context).shape == x.shape
    assert changed_tokens(layer(x, context), layer(x, other)) == SEEN_BY[axis]
    # The query itself only moves its own token.
    other = x.clone()
    other[0, 1, 2] += torch.randn(8)
    moved = changed_tokens(layer(x, context), layer(other, context))
    assert moved == {(0, 1, 2)}


def test_values():
    torch.manual_seed(0)
    layer = TransformerLayer(8, 2, axis='spatial', mlp_ratio=1.5)
    x = torch.randn(1, 1, 4, 8)
    tokens = x[0]
    tokens = tokens + layer.attn(nn.functional.layer_norm(tokens, (8,), eps=1e-6))
    hidden = layer.mlp.fc1(nn.functional.layer_norm(tokens, (8,), eps=1e-6))
    tokens = tokens + layer.mlp.fc2(nn.functional.gelu(hidden))
    assert_close(layer(x)[0], tokens)
    assert hidden.shape[-1] == 12


def test_layer_scale():
    x = torch.randn(2, 3, 4, 8)
    silent = TransformerLayer(8, 2, axis='joint', layer_scale_init=0.0)
    assert torch.equal(silent(x), x)
    names = dict(silent.named_parameters())
    assert names['scale1.gamma'].shape == names['scale2.gamma'].shape == (8,)
    plain = TransformerLayer(8, 2, axis='joint')
    added = len(names) - len(list(plain.parameters()))
    assert added == 2
    scaled = TransformerLayer(8, 2, axis='joint', layer_scale_init=0.5)
    scaled.load_state_dict(plain.state_dict(), strict=False)
    plain.mlp.fc2.weight.data.zero_(), plain.mlp.fc2.bias.data.zero_()
    scaled.mlp.load_state_dict(plain.mlp.state_dict())
    assert_close(scaled(x) - x, 0.5 * (plain(x) - x))


def test_drop_path():
    torch.manual_seed(0)
    layer = TransformerLayer(8, 2, axis='temporal', drop_path=0.5)
    layer.mlp.fc2.weight.data.zero_(), layer.mlp.fc2.bias.data.zero_()
    x = torch.randn(4, 3, 4, 8)
    residual = layer.eval()(x) - x
    dropped = layer.train()(x) - x
    # Whole rows (a joint of a window) are dropped or doubled.
    ratio = (dropped / residual).transpose(1, 2).flatten(2).mean(-1)
    doubled = (ratio - 2).abs() < 1e-2
    assert (doubled | (ratio.abs() < 1e-2)).all()
    assert 0 < doubled.sum() < 16


def test_start_of_weights():
    torch.manual_seed(0)
    mlp = nn.Sequential(Mlp(64, 128), nn.LayerNorm(64))
    mlp.apply(init_transformer_weights)
    weight = mlp[0].fc1.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    assert not mlp[0].fc1.bias.any() and not mlp[1].bias.any()
    assert (mlp[1].weight == 1).all()


def test_invalid():
    with pytest.raises(ValueError, match="axis must be .* got 'time'"):
        TransformerLayer(8, 2, axis='time')
    with pytest.raises(ValueError, match="axis must be .* got 'time'"):
        CrossTransformerLayer(8, 2, context_dims=8, axis='time')
