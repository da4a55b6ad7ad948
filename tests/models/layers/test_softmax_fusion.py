import math

import torch
from torch.testing import assert_close

from mmpose_ext.models.layers import SoftmaxFusion


def test_starts_as_exact_average():
    first, second = torch.randn(2, 3, 4, 8), torch.randn(2, 3, 4, 8)
    fusion = SoftmaxFusion(8)
    assert torch.equal(fusion(first, second), 0.5 * first + 0.5 * second)
    torch.nn.init.normal_(fusion.fc.weight)
    assert not torch.allclose(fusion(first, second), 0.5 * (first + second))
    fusion.reset_parameters()
    assert torch.equal(fusion(first, second), 0.5 * first + 0.5 * second)


def test_values():
    fusion = SoftmaxFusion(1)
    # Logits (log 3, 0) of the first token, (0, 0) of the second.
    fusion.fc.weight.data = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    first, second = torch.tensor([[1.0], [0.0]]), torch.tensor([[5.0], [4.0]])
    assert_close(fusion(first, second), torch.tensor([[2.0], [2.0]]))


def test_weights_learn_from_the_start():
    fusion = SoftmaxFusion(4)
    fusion(torch.randn(3, 4), torch.randn(3, 4)).square().sum().backward()
    assert fusion.fc.weight.grad.abs().min() > 0
