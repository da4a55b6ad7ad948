import pytest
import torch
from mmpose.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmpose_ext.models.backbones import VideoPose3D, VideoPose3DEncoder


def encoder(in_channels=2, embed_dims=16, **options):
    torch.manual_seed(0)
    model = VideoPose3DEncoder(in_channels, embed_dims, **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, 0, 0.5)
    return model


@pytest.mark.parametrize('sizes', [(3, 3, 3), (1, 1, 1), (3, 5), (3, 3, 3, 3)])
def test_values(sizes):
    """What VideoPose3D gives for the frame in the middle."""
    model = encoder(kernel_sizes=sizes).double().eval()
    whole = VideoPose3D(embed_dims=16, kernel_sizes=sizes).double().eval()
    whole.load_state_dict(model.state_dict())
    frames = model.receptive_field
    x = torch.randn(2, frames + 4, 17, 2).double()
    expected = whole(x)
    for start in range(5):
        found = model(x[:, start : start + frames])
        assert found.shape == (2, 16) == (2, model.out_channels)
        assert_close(found, expected[:, start + frames // 2])


def test_shapes():
    model = encoder(3, num_joints=5, kernel_sizes=(3, 5))
    assert model(torch.randn(4, 15, 5, 3)).shape == (4, 16)


def test_parameter_count():
    for sizes, frames, blocks in (((3, 3, 3), 27, 2), ((1, 1, 1), 1, 2)):
        with torch.device('meta'):
            model = MODELS.build(dict(type='VideoPose3DEncoder', kernel_sizes=sizes))
        width = sizes[0]
        convolutions = 34 * 1024 * width + blocks * 1024 * 1024 * (width + 1)
        expected = convolutions + (1 + 2 * blocks) * 2 * 1024
        assert sum(p.numel() for p in model.parameters()) == expected
        assert expected == {27: 8_503_296, 1: 4_239_360}[frames]
        assert model.receptive_field == frames and model.out_channels == 1024


@pytest.mark.parametrize('sizes', [(3, 3, 3), (1, 1, 1)])
def test_batch_of_one(sizes):
    """Where one value a channel is left, the running statistics serve and stay."""
    model = encoder(kernel_sizes=sizes)
    last = model.tcn.tcn_blocks[-1].conv2[0].bn
    before = last.running_mean.clone()
    found = model(torch.randn(1, model.receptive_field, 17, 2))
    found.sum().backward()
    assert found.isfinite().all() and torch.equal(last.running_mean, before)
    assert all(p.grad is not None for p in model.parameters())
    model(torch.randn(2, model.receptive_field, 17, 2))
    assert not torch.equal(last.running_mean, before)


def test_gradient_of_each_sample():
    model = encoder().double().eval()
    x, weights = torch.randn(3, 27, 17, 2).double(), dict(model.named_parameters())

    def loss(weights, window):
        found = torch.func.functional_call(model, weights, (window[None],))
        return found.square().sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)
    for sample in range(3):
        grads = torch.autograd.grad(loss(weights, x[sample]), list(weights.values()))
        assert_close([value[sample] for value in found.values()], list(grads))


def test_compiled():
    torch._dynamo.reset()
    model, x = encoder().eval(), torch.randn(2, 27, 17, 2)
    fast = torch.compile(model, backend='eager', fullgraph=True)
    assert_close(fast(x), model(x))


def test_invalid():
    for sizes in ((3,), (3, 4)):
        with pytest.raises(ValueError, match=r'two odd numbers.*got \(3'):
            encoder(kernel_sizes=sizes)
    with pytest.raises(ValueError, match=r'\(B, 27, 17, 2\), got \(1, 26, 17, 2\)'):
        encoder()(torch.zeros(1, 26, 17, 2))
