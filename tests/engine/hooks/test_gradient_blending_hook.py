"""Gradient Blending: estimates that leave no trace, weights of losses."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.runner import Runner

import mmpose_ext  # noqa: F401
from mmpose_ext.engine.hooks import GradientBlendingHook
from mmpose_ext.engine.hooks.gradient_blending_hook import mean_losses
from mmpose_ext.models.loss_blending import blending_weights
from tests.fixtures.tiny_multi_modal import MODALITIES
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, loader_config, made_run

HELD_OUT = loader_config(size=12, seed=7)
HOOK = dict(type='GradientBlendingHook', super_epoch=2, held_out=HELD_OUT)
NAMES = ['fused', *MODALITIES]


def run(work_dir, hook=HOOK, *, epochs=4, train=True, **options):
    hooks = [dict(type='StepSeedHook'), *([hook] if hook else [])]
    model = dict(auxiliary_heads=True)
    return made_run(work_dir, hooks, model=model, epochs=epochs, train=train, **options)


def test_in_runner(tmp_path):
    """Weights change every super-epoch and sum to 1; each loss has its own."""
    runner = run(tmp_path)
    state = runner.message_hub.get_info('gradient_blending')
    assert [row['epoch'] for row in state['history']] == [0, 2]
    for row in state['history']:
        values = [row[name] for name in NAMES]
        assert sum(values) == pytest.approx(1) and min(values) >= 0
    assert runner.model.loss_weights == state['weights']
    scalars = runner.message_hub.log_scalars
    logged = scalars['train/blending/rgb'].data[0]
    first, second = (row['rgb'] for row in state['history'])
    assert logged.tolist() == pytest.approx([first] * 8 + [second] * 8)
    total = scalars['train/loss'].data[0]
    parts = [scalars[k].data[0] for k in scalars if k.startswith('train/loss_pose')]
    torch.testing.assert_close(torch.tensor(total), torch.tensor(sum(parts)))


def test_offline_weighs_once(tmp_path):
    runner = run(tmp_path, HOOK | dict(online=False, super_epoch=1))
    history = runner.message_hub.get_info('gradient_blending')['history']
    assert [row['epoch'] for row in history] == [0]


@pytest.mark.parametrize(
    'wrapper',
    [
        dict(accumulative_counts=3),
        dict(type='Bf16OptimWrapper', accumulative_counts=2),
    ],
)
def test_estimates_leave_no_trace(tmp_path, monkeypatch, wrapper):
    """A run with estimates whose weights are not used is the run without."""
    estimate = GradientBlendingHook._estimate

    def estimate_in_vain(self, runner):
        assert estimate(self, runner) != dict.fromkeys(NAMES, 1.0)
        return dict.fromkeys(NAMES, 1.0)

    monkeypatch.setattr(GradientBlendingHook, '_estimate', estimate_in_vain)
    options = dict(optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-2), **wrapper))
    with_hook = run(tmp_path / 'with', **copy.deepcopy(options))
    without = run(tmp_path / 'without', None, **copy.deepcopy(options))
    for name, value in without.model.state_dict().items():
        assert torch.equal(with_hook.model.state_dict()[name], value), name
    for key in ('train/loss', 'train/loss_pose_wifi'):
        left, right = (
            r.message_hub.log_scalars[key].data[0] for r in (with_hook, without)
        )
        assert left.tolist() == right.tolist()


def test_values(tmp_path):
    """One copy for all auxiliary losses gives what one copy each gives."""
    runner = run(tmp_path / 'a', epochs=1)
    found = runner.message_hub.get_info('gradient_blending')['weights']

    def losses(model):
        loaders = (
            Runner.build_dataloader(c, seed=1) for c in (loader_config(), HELD_OUT)
        )
        return torch.stack([mean_losses(model, loader, NAMES) for loader in loaders])

    before, after = None, []
    for name in NAMES:
        other = run(tmp_path / name, None, epochs=2, train=False)
        other.model.loss_weights = {n: float(n == name) for n in NAMES}
        before = losses(other.model)
        other.train()
        after.append(losses(other.model)[:, NAMES.index(name)])
    train, held_out = torch.stack([before, torch.stack(after, dim=1)], dim=1)
    expected = blending_weights(train, held_out)
    torch.testing.assert_close(
        torch.tensor([found[name] for name in NAMES]).double(),
        expected,
        atol=1e-4,
        rtol=1e-3,
    )


def test_mixed_precision_and_accumulation(tmp_path):
    """Copies train as the run does: weights differ by the rounding alone."""
    found = {}
    for kind in ('OptimWrapper', 'Bf16OptimWrapper'):
        wrapper = dict(
            type=kind, accumulative_counts=2, optimizer=dict(type='Adam', lr=1e-2)
        )
        runner = run(tmp_path / kind, epochs=1, optim_wrapper=wrapper)
        found[kind] = runner.message_hub.get_info('gradient_blending')['weights']
    exact, rounded = found.values()
    assert exact != rounded and sum(rounded.values()) == pytest.approx(1)
    for name in NAMES:
        assert rounded[name] == pytest.approx(exact[name], abs=0.05)


def test_resumed_run_goes_on_with_the_weights(tmp_path):
    whole = run(tmp_path / 'whole', **CHECKPOINTS)
    for epoch in (2, 3):
        resumed = run(
            tmp_path / f'from_{epoch}',
            load_from=str(tmp_path / f'whole/epoch_{epoch}.pth'),
            resume=True,
        )
        assert resumed.model.loss_weights == whole.model.loss_weights
        hubs = (r.message_hub.get_info('gradient_blending') for r in (resumed, whole))
        assert next(hubs) == next(hubs)
        for name, value in whole.model.state_dict().items():
            assert torch.equal(resumed.model.state_dict()[name], value)


def test_validation_data_by_default(tmp_path):
    options = dict(
        val_dataloader=HELD_OUT,
        val_cfg=dict(),
        val_evaluator=dict(type='PoseLiftingMetric'),
    )
    hook = dict(type='GradientBlendingHook', train_epochs=1, num_batches=2)
    runner = run(tmp_path, hook, train=False, **options)
    runner.train_loop._max_epochs = 0
    runner.train()
    blending = next(h for h in runner.hooks if type(h) is GradientBlendingHook)
    assert blending._held_out_loader is runner.val_dataloader


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(super_epoch=0), 'must be positive, got 0'),
        (dict(train_epochs=0), 'must be positive, got 10, 0'),
        (dict(num_batches=0), 'must be positive'),
        (dict(min_overfitting=0.0), 'min_overfitting must be positive'),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        GradientBlendingHook(**options)


def test_invalid_runs(tmp_path):
    with pytest.raises(ValueError, match=r'held_out=dict\(<a data loader>\)'):
        run(tmp_path, dict(type='GradientBlendingHook'))
    runner = run(tmp_path / 'b', train=False)
    runner.model.auxiliary_heads = torch.nn.ModuleDict()
    with pytest.raises(ValueError, match='model.auxiliary_heads=True'):
        runner.train()
