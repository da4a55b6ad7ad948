"""Mixed precision without an accelerator."""

import torch
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn

import mmpose_ext  # noqa: F401


def build(model, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return OPTIM_WRAPPERS.build(
        dict(type='Bf16OptimWrapper', optimizer=optimizer, **options)
    )


def test_values():
    model = nn.Linear(4, 2)
    wrapper = build(model)
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(torch.ones(3, 4))
        assert out.dtype == torch.bfloat16
        loss = out.float().square().mean()
    assert model(torch.ones(3, 4)).dtype == torch.float32
    wrapper.update_params(loss)
    assert model.weight.dtype == torch.float32
    assert not torch.equal(model.weight, before)


def test_accumulation_steps_every_other_time():
    model = nn.Linear(4, 2)
    wrapper = build(model, accumulative_counts=2)
    wrapper.initialize_count_status(model, 0, 10)
    moved = []
    for _ in range(4):
        before = model.weight.detach().clone()
        with wrapper.optim_context(model):
            loss = model(torch.ones(3, 4)).float().square().mean()
        wrapper.update_params(loss)
        moved.append(not torch.equal(model.weight, before))
    assert moved == [False, True, False, True]
