"""The adaptive weight constraint in runs of a tiny estimator."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpose_ext.engine.hooks import FisherInformationHook, fisher_information_hook
from mmpose_ext.evaluation.functional import diagonal_fisher, strengths_by_score
from tests.fixtures.tiny_sensor_run import CHECKPOINTS, made_run, run_config

CONSTRAINT = dict(constraint=dict(type='WeightConstraintLoss'))
SHAPLEY = dict(type='ShapleyContributionHook')


class Watch(Hook):
    """The constraint in force in each epoch, and what it comes from."""

    priority = 80

    def __init__(self):
        self.stiffness, self.fisher, self.scores, self.initial = [], [], [], {}

    def before_train(self, runner):
        self.initial = {
            n: p.detach().clone() for n, p in runner.model.encoders.named_parameters()
        }

    def before_train_epoch(self, runner):
        model = runner.model
        self.scores.append(runner.message_hub.get_info('contribution_scores'))
        self.stiffness.append(dict(model.constraint.stiffness))
        if model.constraint.active:
            torch.testing.assert_close(model.constraint.reference, self.initial)
        batches = []
        for data in runner.train_dataloader:
            found = model.data_preprocessor(data)
            batches.append((found['inputs'], found['data_samples']['pose']))
        modes = [module.training for module in model.modules()]
        model.eval()
        self.fisher.append(
            diagonal_fisher(
                model,
                lambda model, batch: model.sample_losses(batch[0], {'pose': batch[1]}),
                batches,
            )
        )
        for module, mode in zip(model.modules(), modes, strict=True):
            module.training = mode


def trained(work_dir, hook=None, *, extra=(), epochs=3, scores=True, **options):
    hooks = [SHAPLEY] if scores else []
    if hook is not None:
        hooks.append(dict(type='FisherInformationHook', **hook))
    options = {**CHECKPOINTS, **options}
    return made_run(
        work_dir, hooks, model=CONSTRAINT, epochs=epochs, extra=extra, **options
    )


def test_in_runner(tmp_path):
    """Strength times Fisher information, anew each epoch, off after the window."""
    watch = Watch()
    hook = dict(window=2, estimator='per_sample', chunk_size=4)
    runner = trained(tmp_path, hook, extra=[watch])
    for epoch in (0, 1):
        scores = watch.scores[epoch]
        assert (scores is None) == (epoch == 0)
        found = watch.stiffness[epoch]
        alphas = strengths_by_score(scores, 2e4, 1e4) if scores else None
        assert len(found) == 8
        for name, stiffness in found.items():
            fisher = watch.fisher[epoch][f'encoders.{name}']
            ratio = stiffness.sum() / fisher.sum()
            assert ratio.item() == pytest.approx(2e4) or ratio.item() == pytest.approx(
                1e4
            )
            torch.testing.assert_close(stiffness, ratio * fisher)
            if alphas:
                assert ratio.item() == pytest.approx(alphas[name.split('.')[0]])
    assert watch.stiffness[2] == {}
    hub = runner.message_hub
    assert len(hub.get_scalar('constraint/ratio').data[0]) == 2
    constraint, pose = (
        hub.get_scalar(f'train/loss_{name}').data[0] for name in ('constraint', 'pose')
    )
    assert constraint[0] == 0 < constraint[1] and not constraint[8:].any()
    ratio = hub.get_scalar('constraint/ratio').data[0][0]
    assert ratio == pytest.approx(constraint[:4].mean() / pose[:4].mean())
    assert hub.get_scalar('fisher/rgb').current() > 0
    saved = torch.load(tmp_path / 'epoch_3.pth', weights_only=False)
    assert not any('fisher' in key for key in saved), 'no more than needed'


@pytest.mark.parametrize('interval', [0, 2])
def test_groups_follow_the_scores(tmp_path, monkeypatch, interval):
    """Between two estimates the information stays, and strengths change."""
    estimates, order = [], ('rgb', 'lidar', 'mmwave', 'wifi')

    def count(*args, **options):
        estimates.append(diagonal_fisher(*args, **options))
        return estimates[-1]

    class Swap(Hook):
        """Another modality is ahead after each epoch."""

        def after_train_epoch(self, runner):
            scores = {name: float(name == order[runner.epoch]) for name in order}
            runner.message_hub.update_info('contribution_scores', scores)

    monkeypatch.setattr(fisher_information_hook, 'diagonal_fisher', count)
    watch = Watch()
    hook = dict(interval=interval, first_epoch='superior')
    trained(tmp_path, hook, extra=[watch, Swap()], epochs=3, scores=False)
    assert len(estimates) == (1 if interval == 0 else 2)
    for epoch, number in enumerate((0, 0, -1)):
        for name, stiffness in watch.stiffness[epoch].items():
            ahead = epoch == 0 or name.startswith(order[epoch - 1])
            fisher = estimates[number][f'encoders.{name}']
            torch.testing.assert_close(stiffness, (2e4 if ahead else 1e4) * fisher)


def test_it_holds_encoders(tmp_path):
    """Strong constraints keep encoders nearer to where they began."""
    moved = {}
    for name, alpha in (('free', 0.0), ('held', 1e4)):
        watch = Watch()
        hook = dict(alpha_superior=alpha, alpha_inferior=alpha)
        runner = trained(tmp_path / name, hook, extra=[watch])
        moved[name] = sum(
            (p.detach() - watch.initial[n]).square().sum().item()
            for n, p in runner.model.encoders.named_parameters()
        )
    assert moved['held'] < 0.5 * moved['free']


def test_nothing_else_changes(tmp_path):
    """With strengths of 0 the run is the run without the hook."""
    hook = dict(alpha_superior=0, alpha_inferior=0, first_epoch='score')
    with_hook = trained(tmp_path / 'with', hook)
    without = trained(tmp_path / 'without')
    for name, value in without.model.state_dict().items():
        assert torch.equal(value, with_hook.model.state_dict()[name])


def test_evaluation_mode(tmp_path, monkeypatch):
    """Neither dropout nor batch statistics while it estimates; then as before."""
    modes = []

    def spy(model, *args, **options):
        modes.append(any(module.training for module in model.modules()))
        return diagonal_fisher(model, *args, **options)

    monkeypatch.setattr(fisher_information_hook, 'diagonal_fisher', spy)
    runner = trained(tmp_path, {}, epochs=2)
    assert modes == [False, False]
    assert all(module.training for module in runner.model.modules())


def test_mixed_precision_and_accumulation(tmp_path):
    """The estimate is in full precision; each half step has half of the constraint."""
    watch = Watch()
    wrapper = dict(
        type='Bf16OptimWrapper',
        accumulative_counts=2,
        optimizer=dict(type='Adam', lr=1e-2),
    )
    hook = dict(estimator='per_sample', first_epoch='superior')
    runner = trained(
        tmp_path, hook, extra=[watch], epochs=2, scores=False, optim_wrapper=wrapper
    )
    for name, stiffness in watch.stiffness[1].items():
        assert stiffness.dtype == torch.float32
        fisher = watch.fisher[1][f'encoders.{name}']
        torch.testing.assert_close(stiffness, 2e4 * fisher)
    constraint = runner.message_hub.get_scalar('train/loss_constraint').data[0]
    # Weights move after every second step.
    assert constraint[0] == constraint[1] == 0 < constraint[2] == constraint[3]


@pytest.mark.parametrize('interval', [0, 1, 2])
def test_resumed(tmp_path, interval):
    hook = dict(window=3, interval=interval, num_batches=2)
    whole = trained(tmp_path / 'whole', hook, epochs=4)
    again = trained(
        tmp_path / 'again',
        hook,
        epochs=4,
        load_from=str(tmp_path / 'whole' / 'epoch_1.pth'),
        resume=True,
    )
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name


def test_options(tmp_path):
    """A mean of one, strengths in between, scores of its own."""
    watch = Watch()
    hook = dict(
        alpha_superior=4.0,
        alpha_inferior=1.0,
        normalize='mean',
        groups='continuous',
        estimator='per_sample',
    )
    trained(tmp_path / 'score', hook, extra=[watch], epochs=1, scores=False)
    fisher = {n: f for n, f in watch.fisher[0].items() if n.startswith('encoders')}
    mean = torch.cat([f.flatten() for f in fisher.values()]).mean()
    alphas = {
        n: (s.sum() * mean / fisher[f'encoders.{n}'].sum()).item()
        for n, s in watch.stiffness[0].items()
    }
    assert min(alphas.values()) == pytest.approx(1.0, rel=1e-3)
    assert max(alphas.values()) == pytest.approx(4.0, rel=1e-3)
    assert len({round(alpha, 3) for alpha in alphas.values()}) == 4
    watch = Watch()
    hook = dict(first_epoch='superior', num_batches=1, window=1)
    trained(tmp_path / 'superior', hook, extra=[watch], epochs=2, scores=False)
    assert watch.stiffness[0] and not watch.stiffness[1]


def test_invalid(tmp_path):
    for option, match in (
        (dict(alpha_superior=-1), 'must not be negative'),
        (dict(window=0), 'window and num_batches must be positive'),
        (dict(num_batches=0), 'window and num_batches must be positive'),
        (dict(estimator='exact'), "estimator must be one of .* got 'exact'"),
        (dict(groups='three'), "groups='three'"),
        (dict(first_epoch='zero'), "first_epoch must be one of .* got 'zero'"),
        (dict(normalize='max'), "normalize must be one of .* got 'max'"),
    ):
        with pytest.raises(ValueError, match=match):
            FisherInformationHook(**option)
    config = run_config(tmp_path, custom_hooks=[dict(type='FisherInformationHook')])
    with pytest.raises(ValueError, match="dict\\(type='WeightConstraintLoss'\\)"):
        Runner.from_cfg(config).train()
