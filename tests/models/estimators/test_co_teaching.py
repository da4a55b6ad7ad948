"""Co-teaching: who learns from what."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.sample_selection import sample_errors
from tests.fixtures.no_waiting import NoWaiting
from tests.fixtures.tiny_network_pair import (
    TinyFrames,
    gradients,
    loader_of,
    numbered_batch,
    tiny_pair,
)


def errors_of(model, inputs, pose):
    return [sample_errors(network(inputs), pose).detach() for network in model.networks]


@pytest.mark.parametrize(('epoch', 'kept'), [(0, 8), (5, 6), (10, 4), (20, 4)])
def test_values(epoch, kept):
    """The mean over what the other network finds easy; fewer and fewer of it."""
    model, frames = tiny_pair('CoTeaching', noise_rate=0.5), TinyFrames(8)
    model.begin_epoch(loader_of(frames), epoch, 30)
    inputs, samples = numbered_batch(frames, list(range(8)), model)
    losses = model.loss(inputs, samples)
    first, second = errors_of(model, inputs, samples['pose'])
    assert_close(
        losses['network0.loss_pose'].detach(), first[second.argsort()[:kept]].mean()
    )
    assert_close(
        losses['network1.loss_pose'].detach(), second[first.argsort()[:kept]].mean()
    )
    assert losses.keys() == {'network0.loss_pose', 'network1.loss_pose'}


def test_wrong_samples_are_left_out():
    frames = TinyFrames(8, wrong=(2, 7))
    model = tiny_pair('CoTeaching', noise_rate=0.25, ramp_epochs=0)
    model.begin_epoch(loader_of(frames), 0, 1)
    inputs, samples = numbered_batch(frames, list(range(8)), model)
    losses = model.loss(inputs, samples)
    clean = [0, 1, 3, 4, 5, 6]
    for number, errors in enumerate(errors_of(model, inputs, samples['pose'])):
        loss = losses[f'network{number}.loss_pose'].detach()
        assert_close(loss, errors[clean].mean())


def test_gradients_stay_with_their_network():
    model, frames = tiny_pair('CoTeaching', noise_rate=0.5), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 10, 30)
    losses = model.loss(*numbered_batch(frames, list(range(6)), model))
    losses['network1.loss_pose'].backward()
    first, second = model.networks
    assert not gradients(first)
    assert len(gradients(second)) == len(list(second.parameters()))


def test_left_out_samples_have_no_gradient():
    frames = TinyFrames(6, wrong=(4,))
    model = tiny_pair('CoTeaching', noise_rate=0.2, ramp_epochs=0)
    model.begin_epoch(loader_of(frames), 0, 1)
    inputs, samples = numbered_batch(frames, list(range(6)), model)
    inputs['wifi'].requires_grad_()
    sum(model.loss(inputs, samples).values()).backward()
    moved = inputs['wifi'].grad.flatten(1).abs().sum(1) > 0
    assert moved.tolist() == [True, True, True, True, False, True]


def test_no_host_synchronisation():
    model, frames = tiny_pair('CoTeaching', noise_rate=0.5), TinyFrames(6)
    model.begin_epoch(loader_of(frames), 10, 30)
    batch = numbered_batch(frames, list(range(6)), model)
    with NoWaiting():
        losses = model.loss(*batch)
        sum(losses.values()).backward()


def test_a_batch_of_one():
    model, frames = tiny_pair('CoTeaching', noise_rate=0.9, ramp_epochs=0), TinyFrames()
    model.begin_epoch(loader_of(frames), 0, 1)
    losses = model.loss(*numbered_batch(frames, [4], model))
    assert all(torch.isfinite(loss) and loss > 0 for loss in losses.values())


def test_invalid():
    with pytest.raises(ValueError, match=r'noise_rate in \[0, 1\)'):
        tiny_pair('CoTeaching', noise_rate=1.0)
    with pytest.raises(ValueError, match='ramp_epochs of at least 0'):
        tiny_pair('CoTeaching', noise_rate=0.2, ramp_epochs=-1)
