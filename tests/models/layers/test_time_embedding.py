import math

import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.layers import TimeEmbedding
from mmpose_ext.models.layers.time_embedding import sinusoids


def test_shapes():
    assert TimeEmbedding(8)(torch.tensor([0, 999, 3])).shape == (3, 8)
    with torch.device('meta'):
        module = TimeEmbedding(8)
    assert module(torch.zeros(2, dtype=torch.long, device='meta')).shape == (2, 8)


@pytest.mark.parametrize('dtype', [torch.long, torch.float32])
def test_values(dtype):
    steps = torch.tensor([0, 1, 499, 999])
    found = sinusoids(steps.to(dtype), 512)
    for row, step in zip(found, steps.tolist(), strict=True):
        for k in range(256):
            angle = step * math.exp(-k * math.log(10_000) / 255)
            assert row[k].item() == pytest.approx(math.sin(angle), abs=2e-4)
            assert row[256 + k].item() == pytest.approx(math.cos(angle), abs=2e-4)
    # The slowest wave has a period of 2 pi times 10000 steps.
    assert found[3, 255].item() == pytest.approx(math.sin(0.0999), abs=1e-6)


def test_values_of_the_mlp():
    torch.manual_seed(0)
    module, steps = TimeEmbedding(6), torch.tensor([7, 7, 900])
    first, second = module.fc1, module.fc2
    assert first.weight.shape == (12, 6) and second.weight.shape == (6, 12)
    hidden = sinusoids(steps, 6) @ first.weight.T + first.bias
    hidden = 0.5 * hidden * (1 + torch.erf(hidden / math.sqrt(2)))
    assert_close(module(steps), hidden @ second.weight.T + second.bias)
    assert torch.equal(*module(steps)[:2])
    assert sum(p.numel() for p in TimeEmbedding(512).parameters()) == 1_050_112


def test_neighbouring_steps_differ_in_bfloat16():
    module, steps = TimeEmbedding(16), torch.arange(900, 1000)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = module(steps)
    assert found.dtype == torch.bfloat16
    assert (found[1:] != found[:-1]).any(-1).all()
    assert_close(found.float(), module(steps), atol=0.02, rtol=0.02)
    assert module.bfloat16()(steps).dtype == torch.bfloat16


def test_invalid():
    for size in (2, 7):
        with pytest.raises(ValueError, match=f'even number .*embed_dims={size}'):
            TimeEmbedding(size)
    for steps in (torch.tensor(3), torch.zeros(2, 1)):
        with pytest.raises(ValueError, match=r'shape \(N,\), got'):
            TimeEmbedding(8)(steps)
