"""AGM: factors by Shapley shares of the output, running ratios."""

from __future__ import annotations

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper

import mmpose_ext  # noqa: F401
from tests.fixtures.tiny_multi_modal import MODALITIES, tiny_batch, tiny_multi_modal
from tests.fixtures.tiny_sensor_run import (
    train_step,
    training_info,
    wrapper_config,
)

ATTENTION = dict(type='AttentionFusion', embed_dims=8, num_heads=2)


@pytest.fixture(autouse=True)
def first_epoch():
    with training_info(epoch=0):
        yield


def build(model, kind='AGMOptimWrapper', **options):
    return build_optim_wrapper(
        model, wrapper_config(f'mmpose.{kind}', log_interval=1, **options)
    )


def logged():
    scalars = MessageHub.get_current_instance().log_scalars
    values = [scalars[f'train/coefficient/{m}'].current() for m in MODALITIES]
    return torch.tensor(values).float()


def run(batches, fusion=None, kind='AGMOptimWrapper', **options):
    torch.manual_seed(0)
    model = tiny_multi_modal(fusion=fusion)
    wrapper = build(model, kind, **options)
    for batch in batches:
        train_step(model, wrapper, batch)
    return model, wrapper


def test_the_first_step_is_an_ordinary_one():
    model, wrapper = run([tiny_batch()])
    plain, _ = run([tiny_batch()], kind='ModalityOptimWrapper')
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)
    torch.testing.assert_close(logged(), torch.ones(4))


def additive_scores(model, inputs, samples):
    """Minus the error of each modality's part of the linear head, plus the bias."""
    features = model.encode(inputs)
    layer = model.head.regression
    parts = model.fusion.parts(features, layer.weight) + layer.bias
    error = parts.unflatten(-1, (17, 3)) - samples['pose']
    return -error.norm(dim=-1).mean(dim=(1, 2)).detach()


def test_values():
    """Two steps by hand: the second one is scaled by how ratios have changed."""
    first, second = tiny_batch(seed=0), tiny_batch(seed=1)
    model, wrapper = run([first], score='negative_mpjpe', alpha=2.0)
    start, _ = run([])
    ratios = []
    for state, batch in ((start, first), (model, second)):
        scores = additive_scores(state, *batch)
        ratios.append((4 / 3 * (scores - scores.mean())).exp())
    expected = (2.0 * (sum(ratios) / 2 - ratios[1])).exp()
    assert (expected - 1).abs().max() > 1e-3

    before = {k: v.clone() for k, v in model.state_dict().items()}
    plain = tiny_multi_modal()
    plain.load_state_dict(before)
    train_step(plain, build(plain, 'ModalityOptimWrapper'), second)
    train_step(model, wrapper, second)
    torch.testing.assert_close(logged(), expected, atol=1e-5, rtol=1e-4)
    for name, value in plain.state_dict().items():
        factor = 1.0
        if name.startswith('encoders'):
            factor = expected[MODALITIES.index(name.split('.')[1])]
        change = factor * (value - before[name])
        found = model.state_dict()[name] - before[name]
        torch.testing.assert_close(found, change, atol=1e-6, rtol=1e-3)


@pytest.mark.parametrize('score', ['pearson', 'negative_mpjpe'])
@pytest.mark.parametrize('fusion', [None, dict(type='MLPFusion'), ATTENTION])
def test_any_fusion(fusion, score):
    model, _ = run([tiny_batch(seed=s) for s in range(3)], fusion, score=score)
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert (logged() != 1).any()


def test_batch_of_one_and_absent_modality():
    inputs, samples = tiny_batch(seed=1)
    inputs['valid'][:, 1] = False
    batches = [tiny_batch(1), (inputs, samples), tiny_batch(seed=2)]
    model, _ = run(batches)
    assert all(value.isfinite().all() for value in model.state_dict().values())
    assert logged().isfinite().all()


def test_resumed_run_goes_on_with_the_ratios():
    batches = [tiny_batch(seed=s) for s in range(4)]
    whole, _ = run(batches)
    model, wrapper = run(batches[:2])
    resumed = build(model)
    resumed.load_state_dict(wrapper.state_dict())
    for batch in batches[2:]:
        train_step(model, resumed, batch)
    for name, value in whole.state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(alpha=-1), 'alpha of at least 0'),
        (dict(cap=0), 'positive cap'),
        (dict(score='inverse_mpjpe'), "score must be 'pearson' or 'negative_mpjpe'"),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        build(tiny_multi_modal(), **options)
    with pytest.raises(ValueError, match='Use OptimWrapper with one modality'):
        build(tiny_multi_modal(('wifi',)))
