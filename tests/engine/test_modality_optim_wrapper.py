"""What wrappers that edit gradients share: when they do it, precision, state."""

from __future__ import annotations

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn

import mmpose_ext  # noqa: F401
from mmpose_ext.engine.optim_wrappers import ModalityOptimWrapper
from tests.fixtures.tiny_multi_modal import tiny_batch, tiny_multi_modal
from tests.fixtures.tiny_sensor_run import (
    train_step,
    training_info,
    wrapper_config,
)


@OPTIM_WRAPPERS.register_module()
class HalvingOptimWrapper(ModalityOptimWrapper):
    """Halves the gradients of the WiFi encoder."""

    observed = edited = 0

    def observe(self):
        assert not torch.is_grad_enabled()
        self.observed += 1

    def edit_gradients(self):
        assert not torch.is_grad_enabled()
        self.edited += 1
        self.seen = [gradient.clone() for gradient in self.gradients('wifi')]
        for gradient in self.gradients('wifi'):
            gradient.mul_(0.5)


@pytest.fixture(autouse=True)
def first_epoch():
    with training_info(epoch=0):
        yield


def build(model, kind='HalvingOptimWrapper', **options):
    return build_optim_wrapper(model, wrapper_config(f'mmpose.{kind}', **options))


def moved(model, before):
    return {
        name: (value - before[name]).detach()
        for name, value in model.state_dict().items()
    }


def change(batches, **options):
    """What some batches change in a model of a fixed start."""
    torch.manual_seed(0)
    model = tiny_multi_modal()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapper = build(model, **options)
    for batch in batches:
        train_step(model, wrapper, batch)
    return moved(model, before), wrapper


def test_values():
    """One edit, on the gradients that the step takes."""
    batch = tiny_batch()
    plain, _ = change([batch], kind='ModalityOptimWrapper')
    edited, wrapper = change([batch])
    for name, value in plain.items():
        factor = 0.5 if name.startswith('encoders.wifi') else 1.0
        torch.testing.assert_close(edited[name], factor * value, atol=1e-7, rtol=1e-3)
    assert wrapper.observed == wrapper.edited == 1


def test_accumulation_edits_once_a_step():
    batches = [tiny_batch(seed=seed) for seed in range(4)]
    plain, _ = change(batches, kind='ModalityOptimWrapper', accumulative_counts=4)
    edited, wrapper = change(batches, accumulative_counts=4)
    assert (wrapper.observed, wrapper.edited) == (4, 1)
    for name, value in plain.items():
        factor = 0.5 if name.startswith('encoders.wifi') else 1.0
        torch.testing.assert_close(edited[name], factor * value, atol=1e-7, rtol=1e-3)


def test_edited_before_clipping():
    change_of, wrapper = change([tiny_batch()], clip_grad=dict(max_norm=1e-3))
    norm = torch.cat([x.flatten() for x in change_of.values()]).norm() / 0.1
    assert float(norm) == pytest.approx(1e-3, rel=1e-2)
    assert 'train/grad_norm' in wrapper.message_hub.log_scalars


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_mixed_precision(dtype):
    """Gradients are unscaled when they are edited; the step is nearly the same."""
    batch = tiny_batch()
    exact, reference = change([batch])
    found, wrapper = change([batch], dtype=dtype)
    for seen, expected in zip(wrapper.seen, reference.seen, strict=True):
        torch.testing.assert_close(seen, expected, atol=1e-2, rtol=0.1)
    for name, value in exact.items():
        torch.testing.assert_close(found[name], value, atol=1e-3, rtol=0.1)
    assert (wrapper.loss_scaler is not None) == (dtype == 'float16')


def test_autocast_is_on():
    model = tiny_multi_modal()
    wrapper = build(model, dtype='bfloat16')
    with wrapper.optim_context(model):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.bfloat16
    assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32


def test_overflow_skips_the_step():
    batch = tiny_batch()
    batch[1]['pose'][:] = torch.inf
    found, wrapper = change([batch], dtype='float16', loss_scale=dict(init_scale=8.0))
    assert all((value == 0).all() for value in found.values())
    assert wrapper.loss_scaler.get_scale() == 4


@pytest.mark.parametrize(
    ('epoch', 'expected'), [(0, False), (1, True), (2, True), (3, False)]
)
def test_window(epoch, expected):
    MessageHub.get_current_instance().update_info('epoch', epoch)
    _, wrapper = change([tiny_batch()], begin=1, end=3)
    assert wrapper.active == expected
    assert wrapper.edited == wrapper.observed == int(expected)


def test_state():
    _, first = change([tiny_batch()], dtype='float16', loss_scale=dict(init_scale=32.0))
    state = first.state_dict()
    _, second = change([tiny_batch()], dtype='float16')
    second.load_state_dict(state)
    assert second.loss_scaler.get_scale() == 32
    assert {'modulation', 'loss_scaler'} <= set(state), 'the state is left whole'
    model = tiny_multi_modal()
    plain = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=0.1)))
    build(model).load_state_dict(plain.state_dict())
    plain.load_state_dict(first.state_dict())


def test_invalid():
    with pytest.raises(ValueError, match="dtype must be 'float16'.*'half'"):
        build(tiny_multi_modal(), dtype='half')
    with pytest.raises(ValueError, match='0 <= begin <= end, got 3 and 2'):
        build(tiny_multi_modal(), begin=3, end=2)
    with pytest.raises(TypeError, match=r"Linear has no \['encoders'"):
        build(nn.Linear(2, 2))
    with pytest.raises(TypeError, match='OptimWrapper needs no constructor'):
        build(tiny_multi_modal(), kind='Bf16OptimWrapper')
    unbound = ModalityOptimWrapper(torch.optim.SGD(tiny_multi_modal().parameters()))
    with pytest.raises(RuntimeError, match='ModalityOptimWrapperConstructor'):
        unbound.update_params(torch.ones((), requires_grad=True))
