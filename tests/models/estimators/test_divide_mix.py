"""DivideMix: dividing, relabelling, mixing."""

from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.testing import assert_close

from mmpose_ext.models.estimators.divide_mix import mix_features
from mmpose_ext.models.sample_selection import draw_mixing, sample_errors
from mmpose_ext.models.step_generator import step_generator
from tests.fixtures.no_waiting import NoWaiting
from tests.fixtures.tiny_multi_modal import tiny_batch, tiny_multi_modal
from tests.fixtures.tiny_network_pair import (
    TinyFrames,
    gradients,
    loader_of,
    numbered_batch,
    tiny_pair,
)

WRONG = (2, 7)
FUSIONS = {
    'concat': dict(type='ConcatFusion'),
    'no_token': dict(
        type='AttentionFusion', embed_dims=8, num_heads=2, absent='no_token'
    ),
}


def divide_mix(**options):
    return tiny_pair('DivideMix', **dict(warmup_epochs=0, ramp_epochs=0) | options)


def test_begin_epoch_divides():
    """The wrong samples are found by both networks, whatever the order of batches."""
    model, frames = divide_mix(), TinyFrames(10, wrong=WRONG)
    state = torch.get_rng_state()
    model.train().begin_epoch(loader_of(frames), 0, 5)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and model.networks[1].training
    noisy = model.clean_probability < 0.5
    assert noisy.nonzero().tolist() == [[0, 2], [0, 7], [1, 2], [1, 7]]


def test_values():
    """Clean labels refined by the other network's split, noisy ones replaced."""
    model, frames = divide_mix(mix_alpha=0, noisy_weight=3.0), TinyFrames(4)
    model.begin_epoch(loader_of(frames), 0, 1)
    model.clean_probability = torch.tensor([[1, 0.75, 0.25, 0], [0.25, 1, 0.5, 0.75]])
    numbers = [3, 0, 2, 1]
    inputs, samples = numbered_batch(frames, numbers, model)
    pose = samples['pose']
    losses = model.loss(inputs, samples)
    preds = [network(inputs).detach() for network in model.networks]
    both = (preds[0] + preds[1]) / 2
    for number, pred in enumerate(preds):
        weight = model.clean_probability[1 - number, numbers]
        clean, noisy = [], []
        for row, w in enumerate(weight.tolist()):
            label = w * pose[row] + (1 - w) * pred[row] if w >= 0.5 else both[row]
            error = (pred[row] - label).norm(dim=-1).mean()
            (clean if w >= 0.5 else noisy).append(error)
        name = f'network{number}'
        assert_close(losses[f'{name}.loss_clean'].detach(), torch.stack(clean).mean())
        assert_close(
            losses[f'{name}.loss_noisy'].detach(), 3 * torch.stack(noisy).mean()
        )
    assert len(losses) == 4


def test_mixes_features_and_labels():
    """With the share and the partners of the step."""
    model, frames = divide_mix(), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    model.clean_probability = torch.ones(2, 6)
    inputs, samples = numbered_batch(frames, list(range(6)), model)
    losses = model.loss(inputs, samples)
    generator = step_generator()
    for number, network in enumerate(model.networks):
        partner, share = draw_mixing(6, 4.0, generator)
        # With the parts of a linear head, mixed features give mixed predictions.
        pred, pose = network(inputs).detach(), samples['pose']
        pred = share * pred + (1 - share) * pred[partner]
        pose = share * pose + (1 - share) * pose[partner]
        assert_close(
            losses[f'network{number}.loss_clean'].detach(),
            sample_errors(pred, pose).mean(),
        )
        assert losses[f'network{number}.loss_noisy'] == 0


@pytest.mark.parametrize('fusion', FUSIONS)
def test_mixing_of_absent_modalities(fusion):
    network = tiny_multi_modal(fusion=FUSIONS[fusion]).eval()
    inputs, _ = tiny_batch(4)
    inputs['valid'][1, 2] = inputs['valid'][3, 2] = False
    features, present = network.encode(inputs), network.present(inputs)
    partner = torch.tensor([1, 0, 2, 3])
    mixed, seen = mix_features(network, features, present, partner, 0.75)
    assert_close(mixed['mmwave'][0], 0.75 * features['mmwave'][0])
    assert_close(mixed['mmwave'][1], 0.25 * features['mmwave'][0])
    assert seen[:, 2].tolist() == [True, True, True, False]
    # Nothing but itself to mix with: as without mixing.
    assert_close(
        network.predict_features(mixed, seen)[2:],
        network.predict_features(features, present)[2:],
    )


def test_warm_up():
    model, frames = divide_mix(warmup_epochs=2), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 1, 3)
    assert model.clean_probability.numel() == 0
    inputs, samples = numbered_batch(frames, [0, 1, 2], model)
    losses = model.loss(inputs, samples)
    assert losses.keys() == {'network0.loss_pose', 'network1.loss_pose'}
    for number, network in enumerate(model.networks):
        expected = network.sample_losses(inputs, samples).mean()
        assert_close(losses[f'network{number}.loss_pose'], expected)


def test_clean_data_are_not_divided():
    model, frames = divide_mix(warmup_epochs=1), TinyFrames(8)
    inputs, samples = numbered_batch(frames, [0, 1, 2], model)
    model.noise_rate = 0.0
    model.begin_epoch(loader_of(frames), 3, 4)
    assert not model.clean_probability.numel()
    assert 'network0.loss_pose' in model.loss(inputs, samples)
    model.noise_rate = 0.2
    model.begin_epoch(loader_of(frames), 3, 4)
    assert model.clean_probability.shape == (2, 8)
    assert 'network0.loss_noisy' in model.loss(inputs, samples)


def test_the_weight_of_noisy_samples_rises():
    model, frames = divide_mix(warmup_epochs=2, ramp_epochs=4), TinyFrames(6)
    found = []
    for epoch in (2, 3, 6, 9):
        model.begin_epoch(loader_of(frames), epoch, 20)
        model.clean_probability = torch.zeros(2, 6)
        losses = model.loss(*numbered_batch(frames, list(range(6)), model))
        found.append(losses['network0.loss_noisy'].item())
    assert found == pytest.approx([0, found[3] / 4, found[3], found[3]])
    assert found[3] > 0 and losses['network0.loss_clean'] == 0


def test_samples_that_are_all_alike_are_clean():
    frames = TinyFrames(6)
    one = frames[0]
    alike = [dict(one, data_samples=frames[n]['data_samples']) for n in range(6)]
    model = divide_mix()
    model.begin_epoch(loader_of(alike), 0, 1)
    assert (model.clean_probability == 1).all()


def test_gradients_stay_with_their_network():
    """Guesses are labels: nothing flows back through them."""
    model, frames = divide_mix(), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    model.clean_probability = torch.tensor([[0.9, 0.1] * 3] * 2)
    losses = model.loss(*numbered_batch(frames, list(range(6)), model))
    (losses['network1.loss_clean'] + losses['network1.loss_noisy']).backward()
    first, second = model.networks
    assert not gradients(first)
    assert len(gradients(second)) == len(list(second.parameters()))


def test_same_step_same_draws():
    """What a step draws does not depend on what was drawn before."""
    model, frames = divide_mix(), TinyFrames(6, wrong=WRONG[:1])
    model.begin_epoch(loader_of(frames), 0, 1)
    batch = numbered_batch(frames, list(range(6)), model)
    first = model.loss(*batch)
    torch.rand(5)
    assert_close(model.loss(*batch), first)


def test_no_host_synchronisation():
    model, frames = divide_mix(), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    inputs, samples = numbered_batch(frames, list(range(6)), model)
    # Draws and numbers of samples are made on the host, not asked of the device.
    with pytest.MonkeyPatch.context() as patch:
        draws = draw_mixing(6, 4.0, torch.Generator())
        module = 'mmpose_ext.models.estimators.divide_mix'
        patch.setattr(f'{module}.draw_mixing', lambda *_: draws)
        with NoWaiting():
            sum(model.loss(inputs, samples).values()).backward()


def test_invalid():
    with pytest.raises(ValueError, match='must not be negative'):
        divide_mix(mix_alpha=-1)
    with pytest.raises(ValueError, match='threshold=1.0 must lie'):
        divide_mix(threshold=1.0)
    model, frames = divide_mix(warmup_epochs=3), TinyFrames(6)
    with pytest.raises(ValueError, match='none of the 3 epochs'):
        model.begin_epoch(loader_of(frames), 0, 3)
    model = divide_mix()
    model.begin_epoch(loader_of(frames), 0, 1)
    inputs, samples = numbered_batch(frames, [0, 1], model)
    with pytest.raises(ValueError, match='no sample_idx'):
        model.loss(inputs, dict(pose=samples['pose']))
    model.networks[0].head.regression.bias.data.fill_(torch.nan)
    with pytest.raises(ValueError, match='diverged'):
        model.begin_epoch(loader_of(frames), 0, 1)


class TellEpoch(Hook):
    """What the loop over tasks does."""

    def before_train_epoch(self, runner):
        runner.model.begin_epoch(runner.train_dataloader, runner.epoch, 9)


def run(work_dir, kind, epochs, **options):
    """Train an epoch of two steps after the other, from the last checkpoint on."""
    model = tiny_pair(kind, **options)
    runner = Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader=dict(
            dataset=TinyFrames(8, wrong=WRONG),
            batch_size=4,
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='multi_modal_collate'),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01)),
        custom_hooks=[TellEpoch(), dict(type='StepSeedHook')],
        default_scope='mmpose',
        # Of its own: runs of one name in one second share their state.
        experiment_name=f'{kind}_{work_dir.name}_{epochs}',
        log_level='WARNING',
        randomness=dict(seed=0),
        resume=(work_dir / 'last_checkpoint').is_file(),
    )
    runner.train()
    return runner.model


@pytest.mark.parametrize(
    ('kind', 'options'),
    [
        ('CoTeaching', dict(noise_rate=0.25, ramp_epochs=1)),
        ('DivideMix', dict(warmup_epochs=1, ramp_epochs=1)),
    ],
)
def test_in_runner(tmp_path, kind, options):
    """A resumed run ends with the weights and the division of one in one go."""
    whole = run(tmp_path / 'whole', kind, 3, **options)
    run(tmp_path / 'parts', kind, 2, **options)
    parts = run(tmp_path / 'parts', kind, 3, **options, seed=1)
    assert whole.epoch_in_task == parts.epoch_in_task == 2
    assert_close(parts.state_dict(), whole.state_dict(), rtol=0, atol=0)
    fresh = tiny_pair(kind, **options)
    assert not torch.equal(fresh.head.regression.bias, whole.head.regression.bias)
