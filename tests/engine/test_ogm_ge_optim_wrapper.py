"""OGM-GE: factors by uni-modal predictions, noise, what it refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper

import mmpose_ext  # noqa: F401
from mmpose_ext.models.gradient_modulation import modality_scores, ogm_coefficients
from tests.fixtures.tiny_multi_modal import MODALITIES, tiny_batch, tiny_multi_modal
from tests.fixtures.tiny_sensor_run import (
    train_step,
    training_info,
    wrapper_config,
)

BIASED = dict(alpha=0.5, score='inverse_mpjpe')


@pytest.fixture(autouse=True)
def first_step():
    with training_info(epoch=0, iter=0):
        yield


def build(model, kind='OGMGEOptimWrapper', **options):
    return build_optim_wrapper(model, wrapper_config(f'mmpose.{kind}', **options))


def change(batches, model_options=None, **options):
    torch.manual_seed(0)
    model = tiny_multi_modal(**(model_options or {}))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrapper = build(model, **options)
    for batch in batches:
        train_step(model, wrapper, batch)
    return {
        name: (value - before[name]).detach()
        for name, value in model.state_dict().items()
    }


def batch_for_rgb(seed):
    """Poses that the untrained model's RGB part predicts well, the others badly."""
    inputs, samples = tiny_batch(seed=seed)
    torch.manual_seed(0)
    model = tiny_multi_modal().eval()
    features = model.encode(inputs)
    alone = inputs['valid'] & torch.tensor([True, False, False, False])
    pred = model.predict_features(features, alone).detach()
    return inputs, {'pose': pred + 0.02 * samples['pose']}


def expected_coefficients(batches, score, model_options=None, **options):
    """From predictions of the untrained model with all but one modality left out."""
    torch.manual_seed(0)
    model = tiny_multi_modal(**(model_options or {})).eval()
    scores = []
    for inputs, samples in batches:
        features = model.encode(inputs)
        alone = [
            model.predict_features(features, inputs['valid'] & (torch.arange(4) == m))
            for m in range(4)
        ]
        pred = torch.stack(alone).detach()
        scores.append(modality_scores(pred, samples['pose'], kind=score))
    return ogm_coefficients(torch.stack(scores).mean(0), **options)


@pytest.mark.parametrize('score', ['pearson', 'inverse_mpjpe'])
@pytest.mark.parametrize('num_batches', [1, 3])
def test_values(score, num_batches):
    """Weights of dominant encoders move less, their biases and the head do not."""
    batches = [batch_for_rgb(seed) for seed in range(num_batches)]
    counts = dict(accumulative_counts=num_batches)
    plain = change(batches, kind='ModalityOptimWrapper', **counts)
    edited = change(batches, noise=False, alpha=0.5, score=score, **counts)
    coefficients = expected_coefficients(batches, score, alpha=0.5)
    assert coefficients.argmin() == 0 and coefficients.max() == 1 > coefficients[0]
    factors = {
        f'encoders.{name}.linear.weight': factor
        for name, factor in zip(MODALITIES, coefficients, strict=True)
    }
    for name, value in plain.items():
        expected = value * factors.get(name, 1.0)
        torch.testing.assert_close(edited[name], expected, atol=1e-7, rtol=1e-3)


def test_other_fusions():
    """A modality's own prediction goes through the whole fusion."""
    batches, mlp = [tiny_batch()], dict(fusion=dict(type='MLPFusion'))
    plain = change(batches, mlp, kind='ModalityOptimWrapper')
    edited = change(batches, mlp, noise=False, **BIASED)
    coefficients = expected_coefficients(batches, 'inverse_mpjpe', mlp, alpha=0.5)
    assert coefficients.max() == 1 > coefficients.min()
    for name, coefficient in zip(MODALITIES, coefficients, strict=True):
        weight = f'encoders.{name}.linear.weight'
        torch.testing.assert_close(
            edited[weight], coefficient * plain[weight], atol=1e-7, rtol=1e-3
        )
    torch.testing.assert_close(
        edited['fusion.hidden.weight'], plain['fusion.hidden.weight']
    )


def test_noise_has_the_spread_of_the_gradient():
    quiet = change([tiny_batch()], noise=False, **BIASED)
    plain = change([tiny_batch()], kind='ModalityOptimWrapper')
    noisy = change([tiny_batch()], **BIASED)
    for name, value in quiet.items():
        noise = noisy[name] - value
        if name.startswith('encoders') and name.endswith('weight'):
            spread, expected = noise.std() / 0.1, plain[name].std() / 0.1
            assert float(spread) == pytest.approx(float(expected), rel=0.5)
        else:
            torch.testing.assert_close(noise, torch.zeros_like(noise))


def test_noise_belongs_to_the_step():
    """Not to torch's generator; another step has other noise."""
    first = change([tiny_batch()], **BIASED)
    torch.randn(7)
    again = change([tiny_batch()], **BIASED)
    MessageHub.get_current_instance().update_info('iter', 1)
    other = change([tiny_batch()], **BIASED)
    name = 'encoders.rgb.linear.weight'
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_absent_modalities_do_not_count():
    """A sensor that no sample has neither slows the others down nor is slowed."""
    inputs, samples = tiny_batch()
    inputs['valid'][:, 2] = False
    plain = change([(inputs, samples)], kind='ModalityOptimWrapper')
    edited = change([(inputs, samples)], noise=False, **BIASED)
    assert (edited['encoders.mmwave.linear.weight'] == 0).all()
    ratio = [
        edited[f'encoders.{name}.linear.weight'].norm()
        / plain[f'encoders.{name}.linear.weight'].norm()
        for name in ('rgb', 'lidar', 'wifi')
    ]
    assert max(ratio) > 0.999, 'the weakest of the others keeps its gradient'


@pytest.mark.parametrize('score', ['pearson', 'inverse_mpjpe'])
def test_batch_of_one(score):
    found = change([tiny_batch(1)], score=score)
    assert all(value.isfinite().all() for value in found.values())


def test_coefficients_are_logged():
    change([tiny_batch()], **BIASED)
    scalars = MessageHub.get_current_instance().log_scalars
    logged = [scalars[f'train/coefficient/{m}'].current() for m in MODALITIES]
    expected = expected_coefficients([tiny_batch()], 'inverse_mpjpe', alpha=0.5)
    torch.testing.assert_close(
        torch.tensor(logged).float(), expected, atol=1e-3, rtol=0
    )


def test_coefficients_are_logged_at_intervals():
    """Reading them waits for the device."""
    change([tiny_batch()], **BIASED)
    logged = MessageHub.get_current_instance().log_scalars['train/coefficient/rgb']
    counts = [len(logged.data[0])]
    for steps in (1, 3, 4):
        change([tiny_batch()] * steps, log_interval=3, **BIASED)
        counts.append(len(logged.data[0]))
    assert [after - before for before, after in pairwise(counts)] == [1, 1, 2]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(log_interval=0), 'log_interval must be positive, got 0'),
        (dict(alpha=-1), 'alpha must not be negative'),
        (dict(score='negative_mpjpe'), "score must be 'pearson' or 'inverse_mpjpe'"),
        (dict(reference='max'), "reference must be 'mean' or 'min', got 'max'"),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        build(tiny_multi_modal(), **options)


def test_invalid_models():
    attention = dict(type='AttentionFusion', embed_dims=8, num_heads=2)
    with pytest.raises(ValueError, match='AttentionFusion has no such parts.*AGM'):
        build(tiny_multi_modal(fusion=attention))
    with pytest.raises(ValueError, match=r"only \['rgb'\]"):
        build(tiny_multi_modal(('rgb',)))
