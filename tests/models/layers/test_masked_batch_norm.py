import pytest
import torch
from no_waiting import NoWaiting
from torch import nn
from torch.testing import assert_close

from mmpose_ext.models.layers.masked_batch_norm import MaskedBatchNorm, masked_moments


def pair(**options):
    """Ours and PyTorch's, same weights."""
    ours, theirs = MaskedBatchNorm(5, **options), nn.BatchNorm1d(5, **options)
    nn.init.uniform_(ours.weight, 0.5, 2)
    nn.init.normal_(ours.bias)
    theirs.load_state_dict(ours.state_dict())
    return ours.double(), theirs.double()


def rows(seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 6, 3, 5, generator=generator).double() * 2 + 3
    return x, torch.rand(4, 6, 3, generator=generator) < 0.6


@pytest.mark.parametrize('momentum', [0.1, None])
def test_values(momentum):
    """The real rows get what batch norm gives for them alone."""
    ours, theirs = pair(momentum=momentum)
    for seed in range(3):
        x, mask = rows(seed)
        assert_close(ours(x, mask)[mask], theirs(x[mask]))
        assert_close(ours(x), ours(x, torch.ones_like(mask)))
        theirs(x.flatten(0, -2)), theirs(x.flatten(0, -2))
        assert_close(ours.state_dict(), theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    ours.eval(), theirs.eval()
    assert torch.equal(ours(x, mask).flatten(0, -2), theirs(x.flatten(0, -2)))


def test_gradient():
    ours, theirs = pair()
    x, mask = rows()
    x.requires_grad_()
    weight = torch.randn(int(mask.sum()), 5).double()
    losses = (ours(x, mask)[mask] * weight).sum(), (theirs(x[mask]) * weight).sum()
    one = torch.autograd.grad(losses[0], [x, *ours.parameters()])
    two = torch.autograd.grad(losses[1], [x, *theirs.parameters()])
    assert_close(one, two)
    assert not one[0][~mask].any()


def test_padding_may_be_anything():
    ours, _ = pair()
    x, mask = rows()
    mean, var, count = masked_moments(x, mask)
    x[~mask] = torch.nan
    assert_close(masked_moments(x, mask), (mean, var, count))
    assert count == mask.sum()
    assert ours(x, mask)[mask].isfinite().all()


@pytest.mark.parametrize('number', [0, 1])
def test_too_few_rows(number):
    """No variance: the running statistics serve, and stay."""
    ours, _ = pair()
    x, mask = rows()
    ours(x, mask)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    few = torch.zeros_like(mask)
    few.view(-1)[:number] = True
    x.requires_grad_()
    found = ours(x, few)
    found.sum().backward()
    assert x.grad.isfinite().all()
    assert_close(ours.state_dict(), before)
    assert_close(found, ours.eval()(x, few))


def test_half_precision():
    ours = MaskedBatchNorm(5)
    x, mask = rows()
    half = ours(x.to(torch.bfloat16), mask)
    assert half.dtype == torch.bfloat16 and ours.running_mean.dtype == torch.float32
    exact = MaskedBatchNorm(5)(x.float(), mask)
    assert (half.float() - exact)[mask].abs().max() < 0.05


def test_no_waiting():
    ours = MaskedBatchNorm(5, momentum=None).double()
    x, mask = rows()
    with NoWaiting():
        ours(x.requires_grad_(), mask).sum().backward()
