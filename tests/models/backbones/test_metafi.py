import pytest
import torch
from mmpose.registry import MODELS
from no_waiting import NoWaiting
from torch import nn
from torch.nn.functional import interpolate
from torch.testing import assert_close

from mmpose_ext.models.backbones import MetaFi
from mmpose_ext.models.backbones.metafi import ChannelTransformer


def encoder(depth=18, base_channels=4, **options):
    torch.manual_seed(0)
    model = MetaFi(depth, base_channels, **options)
    nn.init.normal_(model.transformer.places)  # else no place differs from another
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model


def channel_state(batch=2, seed=0):
    return torch.rand(batch, 3, 114, 10, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('batch', [1, 2])
def test_shapes(batch):
    model = encoder()
    assert (
        model(channel_state(batch)).shape == (batch, 32) == (batch, model.out_channels)
    )
    model = encoder(pose_decoder=True)
    poses = model(channel_state(batch))
    assert poses.shape == (batch, 17, 3) and model.out_channels == 3
    poses.square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_smaller_images():
    model = encoder(input_size=(56, 8))
    assert model._antenna_maps(channel_state(2)).shape == (2, 32, 7, 3)
    assert model(channel_state(2)).shape == (2, 32)


def test_values():
    """One antenna after another, as the published network does it."""
    model = encoder().double().eval()
    x = channel_state().double()
    maps = []
    for antenna in range(3):
        image = interpolate(x[:, antenna, None], (136, 32), mode='bilinear')
        trunk = model.trunk
        y = trunk.norm1(trunk.conv1(image)).relu()
        for layer in (trunk.layer1, trunk.layer2, trunk.layer3, trunk.layer4):
            y = layer(y)
        assert y.shape == (2, 32, 17, 4)
        maps.append(y)
    expected = model.transformer(model.norm(torch.cat(maps, dim=3)))
    assert expected.shape == (2, 32, 17, 12)
    assert_close(model(x), expected.mean(3).mean(2))


def test_channel_attention():
    """Head by head, with PyTorch's own instance norm."""
    layer = ChannelTransformer(6, 10, num_heads=3, dropout=0.0).double()
    tokens = torch.randn(2, 10, 6).double()
    query, key, value = layer.qkv(tokens).split(18, dim=-1)
    heads = []
    for q, k, v in zip(*(x.split(6, -1) for x in (query, key, value)), strict=True):
        score = q.transpose(1, 2) @ k / 6**0.5
        share = nn.InstanceNorm2d(1)(score[:, None])[:, 0].softmax(-1)
        heads.append(v @ share.transpose(1, 2))
    assert_close(layer._attend(tokens), torch.stack(heads).mean(0))


def test_parameter_count():
    residual = sum(
        2 * blocks * 9 * c * c
        + blocks * 4 * c
        - (9 * c * c // 2 - c * c // 2 - 2 * c) * (c > 64)
        for c, blocks in zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True)
    )
    stem = 9 * 64 + 2 * 64
    attention = 512 * 512 * (3 * 3 + 1)
    mlp = 2 * 4 * 512 * 512 + 4 * 512 + 512
    transformer = 512 * 512 + 512 + 204 * 512 + attention + mlp + 3 * 2 * 512
    decoder = 9 * 512 * 32 + 2 * 32 + 32 * 3 + 2 * 3 + 2 * 3
    assert residual == 21_275_136 and transformer == 5_091_328 and decoder == 147_628
    total = stem + residual + 2 * 512 + transformer
    for options, expected in (
        (dict(), total),
        (dict(pose_decoder=True), total + decoder),
    ):
        with torch.device('meta'):
            model = MODELS.build(dict(type='MetaFi', **options))
        assert sum(p.numel() for p in model.parameters()) == expected
    assert (total, expected) == (26_368_192, 26_515_820)


def test_start():
    """No residual starts at zero, and no weights are read from anywhere."""
    model = encoder()
    model.init_weights()
    assert all(block.norm2.weight.all() for block in model.trunk.layer1)
    found = model(channel_state())
    found.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.any(), name


def test_dropout():
    model, x = encoder(), channel_state()
    for part in (model.trunk, model.norm):
        part.eval()
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_half_precision():
    model, x = encoder().eval(), channel_state()
    with torch.autocast('cpu', torch.bfloat16):
        found = model(x)
    exact = model(x)
    assert (found.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_no_waiting():
    with NoWaiting():
        encoder()(channel_state()).sum().backward()


def test_compiled():
    torch._dynamo.reset()
    model, x = encoder().eval(), channel_state()
    fast = torch.compile(model, backend='eager', fullgraph=True)
    assert_close(fast(x), model(x), atol=1e-5, rtol=1e-4)


def test_gradient_of_each_sample():
    model, x = encoder().double().eval(), channel_state().double()
    weights = dict(model.named_parameters())

    def loss(weights, frame):
        found = torch.func.functional_call(model, weights, (frame[None],))
        return found.square().sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)
    for sample in range(2):
        grads = torch.autograd.grad(loss(weights, x[sample]), list(weights.values()))
        assert_close([value[sample] for value in found.values()], list(grads))


def test_invalid():
    with pytest.raises(ValueError, match='18 or 34, got 50'):
        encoder(depth=50)
    for size in ((100, 32), (0, 8)):
        with pytest.raises(ValueError, match='multiples of 8'):
            encoder(input_size=size)
    with pytest.raises(ValueError, match='first one 136'):
        encoder(input_size=(56, 8), pose_decoder=True)
    with pytest.raises(ValueError, match=r'got \(2, 2, 114, 10\)'):
        encoder()(channel_state()[:, :2])
