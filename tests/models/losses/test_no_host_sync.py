"""Losses of a step never wait for the device to tell them a number."""

import pytest
import torch
from mmpose.registry import MODELS
from no_waiting import NoWaiting


def test_the_guard_works():
    for wait in (
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: bool(x[0] > 0),
    ):
        with pytest.raises(AssertionError, match='waits'), NoWaiting():
            wait(torch.ones(3))


@pytest.mark.parametrize('loss_mi', ['BarberAgakovLoss', 'InfoNCEBoundLoss'])
@pytest.mark.parametrize('kind', ['prml', 'motionbert', 'mixste'])
def test_training_step(kind, loss_mi, make_config, make_batch):
    config = make_config(kind, train_cfg=dict(flip_prob=0.5))
    if kind == 'prml':
        config['head']['loss_mi'] = dict(type=loss_mi)
        if loss_mi == 'InfoNCEBoundLoss':
            config['head']['loss_mi']['support_channels'] = 16
    losses = config['head']['losses']
    losses['scale'] = dict(type='JointErrorLoss', scale_normalized=True)
    losses['smoothness'] = dict(type='SmoothnessLoss')
    model, (inputs, samples) = MODELS.build(config), make_batch()
    with NoWaiting():
        found = model.loss(inputs, samples)
        total = sum(value for name, value in found.items() if 'loss' in name)
        total.backward()
    assert total.isfinite()
