"""Encoders that are moved back towards their beginnings."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmpose_ext.engine.hooks import ModalityRelearningHook
from mmpose_ext.engine.hooks.modality_relearning_hook import (
    blend_with,
    forget_moments,
    recalibrate_batch_norm,
)
from mmpose_ext.evaluation.functional import strengths_by_score
from mmpose_ext.models.layers.masked_batch_norm import MaskedBatchNorm
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, made_run, run_config

SHAPLEY = dict(type='ShapleyContributionHook')


class Watch(Hook):
    """Weights before the training and around the re-learning of each epoch."""

    def __init__(self, priority):
        self.priority = priority
        self.seen = []

    def before_train(self, runner):
        self.seen.append(weights(runner))

    def after_train_epoch(self, runner):
        self.seen.append(weights(runner))


def weights(runner):
    return {k: v.detach().clone() for k, v in runner.model.state_dict().items()}


def trained(work_dir, hook=None, *, extra=(), epochs=3, **options):
    hooks = [SHAPLEY, dict(type='ModalityRelearningHook', epoch=1, **(hook or {}))]
    options = {**CHECKPOINTS, **options}
    return made_run(work_dir, hooks, epochs=epochs, extra=extra, **options)


def test_in_runner(tmp_path):
    """theta = alpha theta_0 + (1 - alpha) theta after epoch 1, and never again."""
    before, after = Watch(72), Watch(78)
    runner = trained(tmp_path, extra=[before, after])
    scores = {n: v[1] for n, v in _history(runner)['scores'].items()}
    alphas = strengths_by_score(scores, 0.5, 0.7)
    assert set(alphas.values()) == {0.5, 0.7}
    first = before.seen[0]
    for epoch in range(3):
        for name, value in before.seen[1 + epoch].items():
            found = after.seen[1 + epoch][name]
            if epoch == 1 and name.startswith('encoders.'):
                alpha = alphas[name.split('.')[1]]
                expected = alpha * first[name] + (1 - alpha) * value
                torch.testing.assert_close(found, expected)
                assert not torch.equal(found, value)
            else:
                assert torch.equal(found, value)
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    torch.testing.assert_close(
        saved['modality_relearning']['rgb.linear.weight'],
        first['encoders.rgb.linear.weight'],
    )
    saved = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    assert 'modality_relearning' not in saved, 'they have been used'
    for name, value in after.seen[2].items():
        assert torch.equal(saved['state_dict'][name], value), 'saved after it'


def _history(runner):
    return runner.message_hub.get_info('contribution_history')


def test_resumed(tmp_path):
    """From before and from after the re-learning, with the same weights in the end."""
    whole = trained(tmp_path / 'whole', dict(reset_optimizer=True, recalibrate_bn=2))
    for epoch in (1, 2):
        again = trained(
            tmp_path / f'from_{epoch}',
            dict(reset_optimizer=True, recalibrate_bn=2),
            load_from=str(tmp_path / 'whole' / f'epoch_{epoch}.pth'),
            resume=True,
        )
        for name, value in whole.model.state_dict().items():
            assert torch.equal(again.model.state_dict()[name], value), name


def test_blend():
    """Parameters by their modality; buffers stay."""
    torch.manual_seed(0)
    encoders = nn.ModuleDict({'rgb': nn.BatchNorm1d(2), 'wifi': nn.Linear(2, 2)})
    encoders['rgb'].running_mean.fill_(7.0)
    initial = {n: torch.zeros_like(p) for n, p in encoders.named_parameters()}
    linear = encoders['wifi'].weight.detach().clone()
    blend_with(encoders, initial, {'rgb': 0.5, 'wifi': 0.75})
    assert encoders['rgb'].weight.tolist() == [0.5, 0.5]
    torch.testing.assert_close(encoders['wifi'].weight.detach(), linear / 4)
    assert encoders['rgb'].running_mean.tolist() == [7.0, 7.0]


def test_moments():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    optimizer = torch.optim.Adam(layers.parameters())
    sum(layer(torch.ones(2)).sum() for layer in layers).backward()
    optimizer.step()

    class Wrapper:
        pass

    wrapper = Wrapper()
    wrapper.optimizer = optimizer
    forget_moments(wrapper, layers[0].parameters())
    assert set(optimizer.state) == set(layers[1].parameters())


def test_statistics():
    """Plain means over the batches; other layers are in evaluation mode meanwhile."""
    norm, drop = nn.BatchNorm1d(3), nn.Dropout(0.9)
    masked = MaskedBatchNorm(3)
    network = nn.ModuleList([norm, drop, masked])
    batches = [torch.randn(8, 3) + i for i in range(3)]

    def run(x):
        torch.testing.assert_close(drop(x), x)
        norm(x)
        masked(x, torch.ones(8, dtype=torch.bool))

    recalibrate_batch_norm(network, [lambda x=x: run(x) for x in batches])
    mean = torch.stack([x.mean(0) for x in batches]).mean(0)
    var = torch.stack([x.var(0) for x in batches]).mean(0)
    for layer in (norm, masked):
        torch.testing.assert_close(layer.running_mean, mean)
        torch.testing.assert_close(layer.running_var, var)
        assert layer.momentum == 0.1
    recalibrate_batch_norm(nn.Linear(1, 1), [run])  # Nothing to do.


def test_invalid(tmp_path):
    with pytest.raises(ValueError, match='shares from 0 to 1'):
        ModalityRelearningHook(alpha_superior=1.5)
    with pytest.raises(ValueError, match='must not be negative'):
        ModalityRelearningHook(epoch=-1)
    with pytest.raises(ValueError, match="groups='three'"):
        ModalityRelearningHook(groups='three')
    with pytest.raises(ValueError, match='the last of 1 epochs is number 0'):
        trained(tmp_path / 'late', epochs=1)
    config = run_config(
        tmp_path / 'scores',
        custom_hooks=[dict(type='ModalityRelearningHook', epoch=0)],
    )
    with pytest.raises(ValueError, match="'ShapleyContributionHook'"):
        Runner.from_cfg(config).train()
    made_run(tmp_path / 'plain', epochs=1, **CHECKPOINTS)
    with pytest.raises(ValueError, match='it comes from a run without this hook'):
        trained(
            tmp_path / 'resumed',
            load_from=str(tmp_path / 'plain' / 'epoch_1.pth'),
            resume=True,
        )
