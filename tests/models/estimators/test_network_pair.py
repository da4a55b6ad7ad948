"""What Co-teaching and DivideMix share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import get_state_dict, load_state_dict, weights_to_cpu
from torch.testing import assert_close

from tests.fixtures.tiny_multi_modal import tiny_batch, tiny_multi_modal_config
from tests.fixtures.tiny_network_pair import (
    TinyFrames,
    loader_of,
    numbered_batch,
    tiny_pair,
)

KINDS = {
    'CoTeaching': dict(noise_rate=0.5, ramp_epochs=0),
    'DivideMix': dict(warmup_epochs=0),
}


@pytest.fixture(params=KINDS)
def make(request):
    def build(**options):
        return tiny_pair(request.param, **KINDS[request.param] | options)

    return build


def test_shapes(make):
    model = make()
    inputs, _ = tiny_batch()
    assert model(inputs).shape == (6, 17, 3)
    assert len(model.networks) == 2 and isinstance(model.networks, tuple)


def test_initial_weights_differ(make):
    first, second = make().networks
    for (name, one), other in zip(
        first.named_parameters(), second.parameters(), strict=True
    ):
        assert not torch.equal(one, other), name


def test_predictions_are_means(make):
    inputs, samples = tiny_batch()
    poses = {}
    for output in ('mean', 'network0', 'network1'):
        model = make(test_cfg=dict(output=output, subsets=[['rgb']])).eval()
        with torch.no_grad():
            found = model(inputs, dict(samples), mode='predict')
            tensor = model(inputs)
        assert len(found) == 6 and found[2].subsets == [('rgb',)]
        assert found[0].gt_instances.lifting_target.shape == (1, 17, 3)
        poses[output] = np.concatenate([s.pred_instances.keypoints for s in found])
        assert_close(torch.from_numpy(poses[output]), tensor)
        subset = [s.pred_instances.subset_keypoints for s in found]
        poses[output, 'rgb'] = np.concatenate(subset)
    assert not np.allclose(poses['network0'], poses['network1'])
    for kind in (lambda name: name, lambda name: (name, 'rgb')):
        mean = (poses[kind('network0')] + poses[kind('network1')]) / 2
        np.testing.assert_allclose(poses[kind('mean')], mean, rtol=1e-6)


def test_samples_keep_their_names(make):
    model, frames = make().eval(), TinyFrames(4)
    inputs, samples = numbered_batch(frames, [3, 1], model)
    with torch.no_grad():
        found, poses = model(inputs, samples, mode='predict'), model(inputs)
    assert [sample.sample_idx for sample in found] == [3, 1]
    for sample, pose in zip(found, poses, strict=True):
        assert_close(torch.from_numpy(sample.pred_instances.keypoints[0]), pose)


def test_shows_its_first_network(make):
    model = make()
    frames = TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    model.loss(*numbered_batch(frames, [0, 1, 2, 3], model))
    first, second = model.networks
    assert model.modalities == first.modalities
    assert model.encoders is first.encoders
    assert model.last_features is first.last_features
    for network in model.networks:
        assert network.last_features['rgb'].shape == (4, 5)
        assert network.last_present.all()
        assert_close(network.last_pose, frames.pose[:4])
        assert network.last_losses['fused'].requires_grad
    masks = torch.tensor([[True, False, False, True]])
    assert_close(
        model.predict_subsets(first.last_features, masks),
        first.predict_subsets(first.last_features, masks),
    )
    assert not torch.equal(first.last_features['rgb'], second.last_features['rgb'])


def test_running_means_follow_each_network(make):
    model = make(network=dict(absent='mean')).train()
    frames = TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    model.loss(*numbered_batch(frames, [0, 1, 2, 3], model))
    for network in model.networks:
        mean = network.last_features['wifi'].mean(0)
        assert_close(network.mean_wifi, 0.1 * mean)


@pytest.mark.parametrize('what', ['constraint', 'consolidation'])
def test_constraints_of_both(make, what):
    """The constraint is on encoders, consolidation on everything."""
    model = make(network={what: dict(type='WeightConstraintLoss')})
    frames = TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    for strength, network in enumerate(model.networks, 1):
        part = network.encoders if what == 'constraint' else network
        now = {n: p.detach() for n, p in part.named_parameters()}
        moved = {name: p - 1 for name, p in now.items()}
        ones = {name: torch.ones_like(p) for name, p in now.items()}
        getattr(network, what).set(moved, ones, float(strength))
    losses = model.loss(*numbered_batch(frames, [0, 1, 2, 3], model))
    size = sum(p.numel() for p in part.parameters())
    assert_close(losses[f'network0.loss_{what}'].item(), size / 2)
    assert_close(losses[f'network1.loss_{what}'].item(), float(size))


def test_gradients_under_bf16(make):
    """Guesses without gradients before the step take none away from it."""
    model, frames = make().train(), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 0, 1)
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(*numbered_batch(frames, list(range(6)), model))
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_state_round_trip(make):
    """A loaded pair goes on in the middle of an epoch."""
    model, frames = make(), TinyFrames(8, wrong=(1, 5))
    model.begin_epoch(loader_of(frames), 3, 9)
    state = weights_to_cpu(get_state_dict(model))
    again = make(seed=1)
    load_state_dict(again, state, strict=True)
    assert again.epoch_in_task == 3
    batch = numbered_batch(frames, list(range(8)), model)
    assert_close(again.loss(*batch), model.loss(*batch))


def test_safe_checkpoints(make, tmp_path):
    """State is plain enough for a loader that runs no code."""
    model = make()
    model.begin_epoch(loader_of(TinyFrames(8)), 0, 9)
    torch.save(model.state_dict(), tmp_path / 'pair.pth')
    state = torch.load(tmp_path / 'pair.pth', weights_only=True)
    make(seed=1).load_state_dict(state)


def test_invalid(make):
    with pytest.raises(ValueError, match='begin_epoch: train it with'):
        model = make()
        model.loss(*numbered_batch(TinyFrames(4), [0, 1], model))
    with pytest.raises(ValueError, match="one of \\['mean'"):
        make(test_cfg=dict(output='best'))
    with pytest.raises(ValueError, match='leave auxiliary_heads=False'):
        make(network=dict(auxiliary_heads=True))
    with pytest.raises(ValueError, match='mode must be'):
        make()(tiny_batch()[0], mode='train')


def test_two_configs():
    pair = type(tiny_pair('CoTeaching', noise_rate=0.2))
    one = tiny_multi_modal_config()
    with_mlp = dict(one, fusion=dict(type='MLPFusion', hidden_channels=8))
    model = pair([one, with_mlp], noise_rate=0.2)
    assert [type(n.fusion).__name__ for n in model.networks] == [
        'ConcatFusion',
        'MLPFusion',
    ]
    with pytest.raises(ValueError, match='same modalities'):
        pair([one, tiny_multi_modal_config(('rgb',))], noise_rate=0.2)
    with pytest.raises(ValueError, match='got 3'):
        pair([one] * 3, noise_rate=0.2)
