"""What counts as a wait for the device."""

import pytest
import torch

from mmpose_ext.engine.device_waits import device_waits

CPU = torch.device('cpu')


@pytest.mark.parametrize(
    ('work', 'names'),
    [
        (lambda x: x.sum().item(), ['aten._local_scalar_dense.default']),
        (lambda x: [float(v) for v in x[:2]], 2 * ['aten._local_scalar_dense.default']),
        (lambda x: x[x > 0], ['aten.index.Tensor']),
        (lambda x: x.masked_fill_(x > 0, 0), []),
        (lambda x: x[torch.tensor([2, 0])] + x.amax(), []),
        (lambda x: (x > 0).nonzero(), ['aten.nonzero.default']),
    ],
)
def test_values(work, names):
    with device_waits(CPU) as found:
        work(torch.ones(3))
    assert found == names


def test_backward():
    """Operations of the backward pass are seen, too."""

    class Asks(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * gradient.sum().item()

    x = torch.ones(3, requires_grad=True)
    with device_waits(CPU) as found:
        Asks.apply(x).sum().backward()
    assert found == ['aten._local_scalar_dense.default']


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_gpu():
    """CUDA itself reports, and is asked no longer afterwards."""
    x = torch.ones(3, device='cuda')
    with device_waits(x.device) as found:
        for value in x:
            value.item()
        x * 2
    assert len(found) == 3
    assert torch.cuda.get_sync_debug_mode() == 0
