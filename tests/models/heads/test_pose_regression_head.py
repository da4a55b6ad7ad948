import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmpose_ext.models.heads import PoseRegressionHead


def head(**options):
    torch.manual_seed(0)
    return PoseRegressionHead(8, losses={}, **options)


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize('options', [{}, dict(hidden_dims=5), dict(norm=True)])
def test_shapes(options):
    assert head(**options)(torch.randn(2, 4, 17, 8)).shape == (2, 4, 17, 3)


def test_values():
    x = torch.randn(2, 4, 17, 8)
    plain, motionbert, mixste = head(), head(hidden_dims=5), head(norm=True)
    assert_close(plain(x), x @ plain.regression.weight.T + plain.regression.bias)
    hidden = torch.tanh(motionbert.hidden[0](x))
    assert_close(motionbert(x), motionbert.regression(hidden))
    normed = nn.functional.layer_norm(x, (8,))
    assert_close(mixste(x), mixste.regression(normed))
    assert count(plain) == 27
    assert count(motionbert) == 8 * 5 + 5 + 5 * 3 + 3
    assert count(mixste) == 27 + 16


def test_no_losses():
    label, weight = torch.zeros(1, 2, 17, 3), torch.ones(1, 2, 17)
    assert head().loss_by_labels(torch.randn(1, 2, 17, 8), label, weight) == {}
