import pytest
import torch
from mmpose.registry import MODELS
from no_waiting import NoWaiting
from torch import nn
from torch.testing import assert_close

from mmpose_ext.models.backbones import PointTransformer
from mmpose_ext.models.layers.masked_batch_norm import MaskedBatchNorm

RADAR = dict(in_channels=5, stage_points=(6, None))


def encoder(in_channels=3, transformer_dim=8, *, stage_points=(8, 3, 1), **options):
    """A small encoder whose batch norms are no identities."""
    torch.manual_seed(0)
    model = PointTransformer(
        in_channels,
        transformer_dim,
        num_neighbors=options.pop('num_neighbors', 4),
        embed_dims=4,
        stage_points=stage_points,
        **options,
    )
    for module in model.modules():
        if isinstance(module, MaskedBatchNorm):
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias, 0, 0.5)
    return model


def clouds(batch=3, number=20, channels=3, *, share=0.7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(batch, number, channels, generator=generator) * 0.4
    points[..., 2] += 3
    mask = torch.rand(batch, number, generator=generator) < share
    points[~mask] = 0
    return points, mask


def padded(points, mask, *, extra, seed=1):
    """The same clouds among more padding, at other places."""
    batch, number, channels = points.shape
    wide = points.new_zeros(batch, number + extra, channels)
    real = mask.new_zeros(batch, number + extra)
    generator = torch.Generator().manual_seed(seed)
    for cloud in range(batch):
        places = torch.randperm(number + extra, generator=generator)[:number]
        places = places.sort().values
        wide[cloud, places], real[cloud, places] = points[cloud], mask[cloud]
    return wide, real


@pytest.mark.parametrize('options', [dict(), RADAR])
@pytest.mark.parametrize('number', [1, 2, 5, 20, 60])
def test_shapes(options, number):
    model = encoder(**options)
    points, mask = clouds(2, number, model.in_channels)
    for batch in (2, 1):
        found = model(points[:batch], mask[:batch])
        assert found.shape == (batch, model.out_channels) and found.isfinite().all()
    assert model(points).shape == (2, model.out_channels)
    assert model.out_channels == 4 * 2 ** len(model.stage_points)


def count(channels, dim, k_stages, in_channels):
    """Parameters of the published network, layer by layer."""

    def linear(a, b, bias=True):
        return a * b + b * bias

    def attention(c):
        return (
            linear(c, dim)
            + 3 * linear(dim, dim, bias=False)
            + linear(3, dim)
            + linear(dim, dim)
            + 2 * linear(dim, dim)
            + linear(dim, c)
        )

    def transition(c, grouped):
        return linear(c // 2 + 3 * grouped, c) + linear(c, c) + 2 * 2 * c

    return (
        linear(in_channels, 32)
        + linear(32, 32)
        + sum(attention(c) for c in channels)
        + sum(
            transition(c, grouped)
            for c, grouped in zip(channels[1:], k_stages, strict=True)
        )
    )


def test_parameter_count():
    lidar = [32, 64, 128, 256, 512, 1024]
    for options, channels, grouped, expected in (
        (dict(transformer_dim=512), lidar, [1] * 5, 13_642_304),
        (dict(), lidar, [1] * 5, 2_524_736),
        (
            dict(
                in_channels=5, transformer_dim=128, stage_points=(32, None, None, None)
            ),
            lidar[:5],
            [1, 0, 0, 0],
            1_281_024,
        ),
    ):
        with torch.device('meta'):
            model = MODELS.build(dict(type='PointTransformer', **options))
        found = sum(p.numel() for p in model.parameters())
        dim = options.get('transformer_dim', 64)
        assert found == count(channels, dim, grouped, model.in_channels) == expected
        assert model.out_channels == channels[-1] and model.num_neighbors == 16
    head = sum(a * b + b for a, b in ((1024, 256), (256, 64), (64, 51)))
    assert 13_642_304 + head == 13_924_467


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('options', [dict(), RADAR, dict(stage_points=(None, 40, 2))])
@pytest.mark.parametrize('number', [2, 14])
def test_padding_changes_nothing(number, options, training):
    """Features, gradients and running statistics know only the real points."""
    one, two = (encoder(**options).double().train(training) for _ in range(2))
    # Two points a cloud, fewer than neighbours, have no padding on one of the sides.
    share = 1 if number == 2 else 0.7
    points, mask = clouds(4, number, one.in_channels, share=share)
    mask[3] = number == 2
    more = padded(points.double(), mask, extra=9)
    results = []
    for model, (cloud, real) in ((one, (points.double(), mask)), (two, more)):
        found = model(cloud, real)
        (found * torch.arange(found.numel()).view_as(found)).sum().backward()
        results.append([found, [p.grad for p in model.parameters()]])
    assert_close(results[0], results[1])
    assert_close(one.state_dict(), two.state_dict())


def test_padding_is_never_read():
    model = encoder().double().eval()
    points, mask = clouds()
    spoilt = torch.where(mask[..., None], points, torch.nan)
    assert_close(model(spoilt.double(), mask), model(points.double(), mask))


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('options', [dict(), RADAR])
def test_order_of_points(options, training):
    model = encoder(**options).double().train(training)
    points, mask = clouds(4, 30, model.in_channels)
    points = points.double()
    found = model(points, mask)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(2))
    assert_close(model(points[:, order], mask[:, order]), found)
    assert found.std(0).max() > 1e-3


def test_clouds_do_not_mix():
    model = encoder().double().eval()
    points, mask = clouds(3, 25)
    points = points.double()
    alone = [model(points[i : i + 1], mask[i : i + 1]) for i in range(3)]
    assert_close(model(points, mask), torch.cat(alone))


@pytest.mark.parametrize('options', [dict(), RADAR])
def test_without_points(options):
    """An empty cloud is zero, disturbs no other and has no gradient."""
    model = encoder(**options).double()
    points, mask = clouds(3, 10, model.in_channels)
    points = points.double()
    mask[1] = False
    found = model(points, mask)
    assert not found[1].any() and found[[0, 2]].any(dim=1).all()
    found[1].sum().backward()
    assert not any(p.grad.any() for p in model.parameters())
    for nothing in (points[:, :0], points[:1, :0]):
        found = model(nothing, mask[: len(nothing), :0])
        assert found.shape == (len(nothing), model.out_channels) and not found.any()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert not model(points, torch.zeros_like(mask)).any()
    assert_close(model.state_dict(), before)


def test_evaluation_is_plain_batch_norm():
    model = encoder().double().eval()
    points, mask = clouds(3, 25)
    found = model(points.double(), mask)
    for transition in model.transitions:
        for name in ('norm1', 'norm2'):
            ours, plain = getattr(transition, name), _PlainNorm()
            plain.norm = nn.BatchNorm1d(ours.num_features).double()
            plain.norm.load_state_dict(ours.state_dict())
            setattr(transition, name, plain.eval())
    assert_close(model(points.double(), mask), found)


class _PlainNorm(nn.Module):
    def forward(self, x, mask):
        return self.norm(x.flatten(0, -2)).view_as(x)


def test_all_parameters_receive_gradient():
    model = encoder()
    points, mask = clouds(4, 30)
    model(points, mask).square().sum().backward()
    no_choice = 'blocks.3.'  # the last stage has one point, which looks at itself
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert name.startswith(no_choice) or parameter.grad.any(), name


def test_recomputed_attention():
    results = []
    for with_cp in (False, True):
        model = encoder(with_cp=with_cp)
        points, mask = clouds()
        found = model(points, mask)
        found.square().sum().backward()
        results.append([found, [p.grad for p in model.parameters()]])
    assert_close(results[0], results[1])


def test_half_precision():
    points, mask = clouds(3, 25)
    exact = encoder()(points, mask)
    model = encoder()
    with torch.autocast('cpu', torch.bfloat16):
        found = model(points, mask)
    found.float().sum().backward()
    assert (found.float() - exact).abs().max() < 0.05 * exact.abs().max()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_no_waiting():
    model = encoder()
    points, mask = clouds()
    with NoWaiting():
        model(points, mask).sum().backward()


def test_compiled():
    """One graph: nothing in it depends on values."""
    torch._dynamo.reset()
    model = encoder(stage_points=(3,)).eval()
    points, mask = clouds()
    fast = torch.compile(model, backend='eager', fullgraph=True)
    assert_close(fast(points, mask), model(points, mask))


@pytest.mark.parametrize('options', [dict(), RADAR])
def test_gradient_of_each_sample(options):
    """`torch.func` takes gradients of all samples at once."""
    model = encoder(**options).double().eval()
    points, mask = clouds(3, 12, model.in_channels)
    points, weights = points.double(), dict(model.named_parameters())

    def loss(weights, cloud, real):
        inputs = cloud[None], real[None]
        return torch.func.functional_call(model, weights, inputs).square().sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(weights, points, mask)
    for sample in range(3):
        grads = torch.autograd.grad(
            loss(weights, points[sample], mask[sample]), list(weights.values())
        )
        assert_close([value[sample] for value in found.values()], list(grads))


def test_invalid():
    with pytest.raises(ValueError, match='in_channels=2'):
        encoder(in_channels=2)
    with pytest.raises(ValueError, match=r'stage_points=\(8, 0\)'):
        encoder(stage_points=(8, 0))
    model, (points, mask) = encoder(), clouds()
    with pytest.raises(ValueError, match=r'\(B, N, 3\), got \(3, 20, 2\)'):
        model(points[..., :2], mask)
    for bad in (mask[:, :5], mask.float()):
        with pytest.raises(ValueError, match=r'bool mask of shape \(3, 20\), got'):
            model(points, bad)
