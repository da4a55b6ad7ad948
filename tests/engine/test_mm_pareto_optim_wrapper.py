"""MMPareto: two gradients an encoder."""

from __future__ import annotations

import pytest
import torch
from mmengine.optim import build_optim_wrapper

import mmpose_ext  # noqa: F401
from mmpose_ext.models.gradient_modulation import pareto_factors
from tests.fixtures.tiny_multi_modal import MODALITIES, tiny_batch, tiny_multi_modal
from tests.fixtures.tiny_sensor_run import (
    train_step,
    training_info,
    wrapper_config,
)


@pytest.fixture(autouse=True)
def first_epoch():
    with training_info(epoch=0):
        yield


def build(model, kind='MMParetoOptimWrapper', **options):
    return build_optim_wrapper(model, wrapper_config(f'mmpose.{kind}', **options))


def start(**options):
    """A model whose two losses of the WiFi and LiDAR encoders pull apart."""
    torch.manual_seed(0)
    model = tiny_multi_modal(auxiliary_heads=True, **options)
    with torch.no_grad():
        for name in ('wifi', 'lidar'):
            model.auxiliary_heads[name].regression.weight *= -1
            own = model.head.regression.weight[:, -6:]
            if name == 'wifi':
                model.auxiliary_heads[name].regression.weight.copy_(-2 * own)
    return model


def change(batches, kind='MMParetoOptimWrapper', **options):
    model = start()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapper = build(model, kind, **options)
    for batch in batches:
        train_step(model, wrapper, batch)
    return {
        name: (value - before[name]).detach()
        for name, value in model.state_dict().items()
    }


def flat(gradients):
    return torch.cat([gradient.flatten() for gradient in gradients])


def expected_steps(batches, gain):
    """Each encoder's step from separate backward passes."""
    model = start()
    steps, conflicts = {}, 0
    for name in MODALITIES:
        parameters = list(model.encoders[name].parameters())
        sums = [0, 0]
        for batch in batches:
            model.loss(*batch)
            for number, loss in enumerate(('fused', name)):
                gradients = torch.autograd.grad(
                    model.last_losses[loss], parameters, retain_graph=True
                )
                sums[number] = sums[number] + flat(gradients) / len(batches)
        fused, uni = sums
        conflicts += int(fused @ uni < 0)
        a, b = pareto_factors(fused @ fused, fused @ uni, uni @ uni, gain=gain)
        steps[name] = -0.1 * (a * fused + b * uni)
    assert 0 < conflicts < 4, 'the test has both cases'
    return steps


@pytest.mark.parametrize('num_batches', [1, 3])
def test_values(num_batches):
    batches = [tiny_batch(seed=seed) for seed in range(num_batches)]
    counts = dict(accumulative_counts=num_batches)
    found = change(batches, gain=1.5, **counts)
    plain = change(batches, 'ModalityOptimWrapper', **counts)
    for name, expected in expected_steps(batches, 1.5).items():
        prefix = f'encoders.{name}.linear'
        step_of = flat([found[f'{prefix}.weight'], found[f'{prefix}.bias']])
        torch.testing.assert_close(step_of, expected, atol=1e-6, rtol=1e-3)
    for name, value in plain.items():
        if not name.startswith('encoders'):
            torch.testing.assert_close(found[name], value, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_mixed_precision(dtype):
    exact = change([tiny_batch()])
    found = change([tiny_batch()], dtype=dtype)
    scale = max(float(value.abs().max()) for value in exact.values())
    for name, value in exact.items():
        torch.testing.assert_close(found[name], value, atol=0.05 * scale, rtol=0)


def test_weights_of_losses_count():
    """Without its auxiliary loss an encoder takes an ordinary step, times the gain."""
    model = start()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.loss_weights |= dict.fromkeys(MODALITIES, 0.0)
    train_step(model, build(model, gain=2.0), tiny_batch())
    other = start()
    other.loss_weights |= dict.fromkeys(MODALITIES, 0.0)
    train_step(other, build(other, 'ModalityOptimWrapper'), tiny_batch())
    for name, value in other.state_dict().items():
        factor = 2.0 if name.startswith('encoders') else 1.0
        expected = factor * (value - before[name])
        found = model.state_dict()[name] - before[name]
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-3)


def test_overflow_of_the_fused_gradient_leaves_the_sum(monkeypatch):
    """As float16 can bring about; the step of the optimiser is then skipped or not."""
    model = start()
    wrapper = build(model, gain=2.0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    add_fused = wrapper._add_fused

    def overflow():
        add_fused()
        wrapper._fused['wifi'][0][0, 0] = torch.inf

    monkeypatch.setattr(wrapper, '_add_fused', overflow)
    train_step(model, wrapper, tiny_batch())
    plain = change([tiny_batch()], 'ModalityOptimWrapper')
    name = 'encoders.wifi.linear.weight'
    found = model.state_dict()[name] - before[name]
    torch.testing.assert_close(found, 2 * plain[name], atol=1e-6, rtol=1e-3)


def test_stopped_encoders():
    model = start()
    model.stop_gradients(['rgb'])
    model.train()
    before = model.encoders['rgb'].linear.weight.clone()
    train_step(model, build(model), tiny_batch())
    assert torch.equal(model.encoders['rgb'].linear.weight, before)
    assert all(value.isfinite().all() for value in model.state_dict().values())


def test_invalid():
    with pytest.raises(ValueError, match='gain must be positive, got 0'):
        build(start(), gain=0)
    with pytest.raises(ValueError, match='model.auxiliary_heads=True'):
        build(tiny_multi_modal())
    for name in ('constraint', 'consolidation'):
        model = start(**{name: dict(type='WeightConstraintLoss')})
        with pytest.raises(ValueError, match=f'set model.{name}=None'):
            build(model)
