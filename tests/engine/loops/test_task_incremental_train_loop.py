"""One task after the other: parts of the method, and runs that are killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpose_ext.datasets.synthetic_mmfi import ensure_synthetic_mmfi
from mmpose_ext.engine.continual.noise_separation import NoiseSeparation
from mmpose_ext.engine.continual.task_data import check_noise, remembered
from mmpose_ext.engine.continual.weight_consolidation import WeightConsolidation
from mmpose_ext.engine.loops import TaskIncrementalTrainLoop
from tests.fixtures.tiny_multi_modal import MODALITIES, tiny_multi_modal_config
from tests.fixtures.two_processes import train_on_two

ROOT = Path(__file__).parents[3]
ACTIONS = ('A02', 'A04', 'A19')
FIT, TRAIN = 1, 2
LOSS = dict(type='WeightConstraintLoss')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """Four simulated people, three actions of eight frames."""
    return ensure_synthetic_mmfi(
        tmp_path_factory.mktemp('mmfi') / 'store',
        num_subjects=4,
        actions=ACTIONS,
        num_frames=8,
    )


@pytest.fixture
def load(store):
    """The config of a run over three tasks."""

    def load(work_dir, **train_cfg):
        cfg = Config.fromfile(ROOT / 'configs/mmfi/tasks_ours_synthetic.py')
        split = dict(
            split='manual',
            manual=dict(
                train=dict(subjects=['S01', 'S11', 'S21'], actions=list(ACTIONS)),
                val=dict(subjects=['S31'], actions=list(ACTIONS)),
            ),
            store=str(store),
            mmfi=None,
            protocol=1,
            empty_radar='keep',
        )
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            loader.update(batch_size=6, num_workers=0, persistent_workers=False)
            loader.dataset.update(split)
        cfg.model = tiny_multi_modal_config(consolidation=LOSS)
        cfg.train_cfg.update(
            epochs_per_task=TRAIN, tasks=[[action] for action in ACTIONS]
        )
        cfg.train_cfg.noise.update(order=('wifi', 'rgb'), ratio=0.4)
        cfg.train_cfg.separation.update(fit_epochs=FIT, min_clean=0.5)
        cfg.train_cfg.relearning.update(epoch=1)
        cfg.train_cfg.update(train_cfg)
        cfg.default_hooks.logger.interval = 100
        cfg.default_hooks.checkpoint.max_keep_ckpts = 2
        cfg.val_evaluator.outfile = str(work_dir / 'metrics.json')
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = f'{work_dir.name}_{len(train_cfg)}'
        return cfg

    return load


def train(cfg):
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def whole():
    return {}


@pytest.fixture
def uninterrupted(load, whole, tmp_path_factory):
    """The whole method in a run that nothing happens to; once a module."""
    if not whole:
        work_dir = tmp_path_factory.mktemp('whole')
        whole.update(runner=train(load(work_dir)), work_dir=work_dir)
    return whole


def test_what_a_run_finds_out(uninterrupted):
    loop = uninterrupted['runner'].train_loop
    record = json.loads((uninterrupted['work_dir'] / 'continual.json').read_text())
    errors = np.array(record['errors']['MPJPE'], dtype=float)
    assert np.isfinite(errors[np.tril_indices(3, 1)][: 3 + 2]).all()
    assert np.isfinite(np.diagonal(errors, 1)).all()
    assert np.isnan(errors[0, 2])
    assert [noise and noise['modality'] for noise in record['noise']] == [
        None,
        'wifi',
        'rgb',
    ]
    found = record['separation']
    assert found[0] is None
    assert found[1]['identified'] in MODALITIES
    assert 12 <= found[1]['kept'] <= found[1]['samples'] == 24
    assert len(loop.clean[1]) == found[1]['kept']
    mask = json.loads((uninterrupted['work_dir'] / 'noise_task_2.json').read_text())
    assert mask
    result = json.loads((uninterrupted['work_dir'] / 'metrics.json').read_text())
    average = np.nanmean(errors[2])
    assert result['metrics']['average/MPJPE'] == pytest.approx(average)
    assert record['summary']['average/MPJPE'] == pytest.approx(average)


def test_fisher_information_is_of_the_tasks_clean_samples(uninterrupted):
    loop = uninterrupted['runner'].train_loop
    model = uninterrupted['runner'].model
    assert set(loop.fisher[0]) == {name for name, _ in model.named_parameters()}
    assert all((value >= 0).all() for value in loop.fisher[0].values())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(loop.reference[0][name], parameter.detach())


class UpdatesHook(Hook):
    """Counts batches and optimiser steps of each optimiser."""

    def __init__(self):
        self.optimizer, self.counts = None, []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        optimizer = runner.optim_wrapper.optimizer
        if optimizer is not self.optimizer:
            self.optimizer = optimizer
            self.counts.append([0, 0])
            optimizer.register_step_post_hook(self.count)
        self.counts[-1][0] += 1

    def count(self, *_):
        self.counts[-1][1] += 1


def test_accumulated_gradients_of_tasks_of_unequal_length(load, tmp_path):
    """The last batches of a task count too, however many it has."""
    tasks = [list(ACTIONS[:2]), [ACTIONS[2]]]
    cfg = load(tmp_path, tasks=tasks, noise=None, separation=None, relearning=None)
    cfg.optim_wrapper.accumulative_counts = 3
    runner = Runner.from_cfg(cfg)
    hook = UpdatesHook()
    runner.register_hook(hook)
    runner.train()
    assert hook.counts == [[16, 6], [8, 3]]


class SigkillHook(Hook):
    priority = 'LOWEST'

    def __init__(self, step):
        self.step = step

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def _train_and_die(cfg, moment):
    if isinstance(moment, int):
        runner = Runner.from_cfg(cfg)
        runner.register_hook(SigkillHook(moment))
        runner.train()
    name, task = moment

    def die(loop, number, *args):
        if number == task:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(loop, number, *args)

    original = getattr(TaskIncrementalTrainLoop, name)
    setattr(TaskIncrementalTrainLoop, name, die)
    train(cfg)


# 24 samples a task: 4 steps an epoch while fitting, no more while training.
@pytest.mark.parametrize(
    'moment',
    [6, 10, 14, ('_separate', 1), ('_finish', 1), ('_relearn', 2), ('_finish', 2)],
    ids=str,
)
def test_a_killed_run_ends_as_an_uninterrupted_one(
    load, uninterrupted, moment, tmp_path
):
    cfg = load(tmp_path)
    process = multiprocessing.get_context('fork').Process(
        target=_train_and_die, args=(cfg, moment)
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    cfg = load(tmp_path)
    cfg.resume = True
    resumed = train(cfg)
    other = uninterrupted['runner']
    expected = other.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    loop, reference = resumed.train_loop, other.train_loop
    assert loop.clean == reference.clean
    for name, value in loop.fisher[0].items():
        assert torch.equal(value, reference.fisher[0][name]), name
    assert loop.record.errors == reference.record.errors
    assert loop.record.separation == reference.record.separation


@pytest.mark.skipif(shutil.which('bash') is None, reason='needs bash')
def test_two_processes_agree(load, tmp_path):
    """On what is noisy, on the Fisher information, on the weights."""
    cfg = load(tmp_path / 'two', tasks=[['A02'], ['A04']])
    fixtures = ('rank_states', 'tiny_multi_modal')
    imports = ['mmpose_ext', *(f'tests.fixtures.{name}' for name in fixtures)]
    cfg.custom_imports = dict(imports=imports, allow_failed_imports=False)
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type='RankStatesHook')]
    cfg.dump(tmp_path / 'config.py')
    train_on_two(tmp_path / 'config.py', cwd=tmp_path)
    first, second = (torch.load(tmp_path / f'two/rank_{rank}.pth') for rank in range(2))
    assert first['clean'] == second['clean'] and 12 <= len(first['clean'][1]) <= 24
    assert first['record'] == second['record']
    for part in ('weights', 'fisher'):
        assert first[part].keys() == second[part].keys()
        for name, value in first[part].items():
            assert torch.equal(value, second[part][name]), name
    assert any(value.any() for value in first['fisher'].values())
    # 24 samples of the first task, 2 x 6 a step: two steps an epoch.
    assert first['steps'][:TRAIN] == [2] * TRAIN


def test_changed_tasks_are_refused_on_resuming(load, tmp_path):
    cfg = load(tmp_path, separation=None, epochs_per_task=2, tasks=[['A02'], ['A04']])
    train(cfg)
    cfg = load(tmp_path, separation=None, epochs_per_task=3, tasks=[['A04'], ['A02']])
    cfg.resume = True
    with pytest.raises(ValueError, match='made with the tasks'):
        train(cfg)


def test_naive_fine_tuning(load, tmp_path):
    cfg = load(tmp_path, separation=None, consolidation=None, relearning=None)
    cfg.model.consolidation = None
    loop = train(cfg).train_loop
    assert loop.max_epochs == 3 * TRAIN
    assert loop.fisher is None
    assert loop.clean == {}
    assert loop.record.num_learnt == 3


@pytest.mark.parametrize(
    'options', [dict(data='seen'), dict(rehearsal=dict(per_task=4))], ids=str
)
def test_other_ways_to_choose_samples(load, tmp_path, options):
    plain = dict(separation=None, consolidation=None, relearning=None)
    cfg = load(tmp_path, tasks=[['A02'], ['A04']], **plain, **options)
    loop = train(cfg).train_loop
    assert len(loop.dataloader.dataset) == (48 if 'data' in options else 28)
    if 'rehearsal' in options:
        assert loop.dataloader.batch_size == 12
        assert len(loop.dataloader) == 4
        assert len(loop.memory[0]) == 4


@pytest.mark.parametrize('method', ['CoTeaching', 'DivideMix'])
def test_two_networks(load, tmp_path, method):
    cfg = load(
        tmp_path,
        separation=None,
        relearning=None,
        tasks=[['A02'], ['A04']],
        consolidation=dict(adaptive=False, estimator='batch'),
    )
    options = dict(noise_rate=0.4) if method == 'CoTeaching' else dict(warmup_epochs=1)
    cfg.model = dict(type=method, networks=cfg.model, **options)
    loop = train(cfg).train_loop
    assert len(loop.fisher) == 2
    assert loop.record.num_learnt == 2


def test_identification():
    separation = NoiseSeparation()
    before = dict(rgb=20.0, lidar=15.0, mmwave=3.0, wifi=2.0)
    now = dict(rgb=18.0, lidar=10.0, mmwave=1.0, wifi=2.5)
    assert separation.identify(before, now) == 'lidar'
    assert NoiseSeparation(relative=True).identify(before, now) == 'mmwave'
    assert separation.superior(before) == ['rgb', 'lidar']
    assert separation.superior(dict.fromkeys(before, 1.0)) == []
    assert NoiseSeparation(gradient_stop=False).superior(before) == []


def test_separation_keeps_enough():
    losses = np.concatenate([np.full(10, 0.1), np.full(90, 0.9)])
    losses += np.linspace(0, 0.01, 100)
    assert NoiseSeparation(min_clean=0).separate(losses, seed=0).clean.sum() == 10
    kept = NoiseSeparation(min_clean=0.5).separate(losses, seed=0).clean
    assert kept[:50].all()
    assert kept.sum() == 50


def test_fisher_information_over_tasks():
    new = {'encoders.wifi.w': torch.tensor(1.0), 'head.w': torch.tensor(1.0)}
    old = {'encoders.wifi.w': torch.tensor(5.0), 'head.w': torch.tensor(5.0)}

    def values(noisy, **options):
        combined = WeightConsolidation(**options).combine(new, old, noisy)
        return [value.item() for value in combined.values()]

    assert values('wifi') == pytest.approx([0.3 * 1 + 0.7 * 5, 1])
    assert values('rgb') == [1, 1]
    assert values('wifi', adaptive=False) == [1, 1]
    assert values(None, others='accumulate', decay=0.5) == [3.5, 3.5]
    assert WeightConsolidation().combine(new, None, 'wifi') == new


def test_noise_of_tasks():
    dataset = dict(modalities=MODALITIES)
    noise = check_noise(dict(order=('wifi', 'rgb'), ratio=0.2), 4, dataset)
    assert noise['modalities'] == [None, 'wifi', 'rgb', 'wifi']
    explicit = check_noise(dict(modalities=('none', 'rgb')), 2, dataset)
    assert explicit['modalities'] == [None, 'rgb']
    assert check_noise(None, 2, dataset)['modalities'] == [None, None]
    assert remembered(100, 5, seed=3) == remembered(100, 5, seed=3)
    assert set(remembered(10, 99, seed=0, among=[2, 4])) == {2, 4}


def test_invalid(load, tmp_path):
    dataset = dict(modalities=('rgb', 'wifi'))
    with pytest.raises(ValueError, match='3 entries for 2 tasks'):
        check_noise(dict(modalities=(None, 'rgb', 'rgb')), 2, dataset)
    with pytest.raises(ValueError, match=r'ratio=1.0 in \[0, 1\)'):
        check_noise(dict(ratio=1.0), 2, dataset)
    with pytest.raises(ValueError, match=r"noise on \['lidar'\]"):
        check_noise(dict(order=('lidar',), ratio=0.2), 2, dataset)
    for options in (dict(fit_epochs=-1), dict(threshold=1.0), dict(min_clean=2)):
        with pytest.raises(ValueError, match='separation'):
            NoiseSeparation(**options)
    for options in (dict(others='add'), dict(beta=2), dict(weight=-1)):
        with pytest.raises(ValueError, match='consolidation'):
            WeightConsolidation(**options)
    wrong = {
        'data must be': dict(data='old'),
        r'epoch from 1 to 1': dict(relearning=dict(epoch=2)),
        'alpha_superior=2': dict(relearning=dict(epoch=1, alpha_superior=2)),
        r"\['A01'\] are not in protocol 1": dict(tasks=[['A01']]),
        r'task \[2\] has no actions': dict(tasks=[['A02'], []]),
    }
    for message, options in wrong.items():
        with pytest.raises(ValueError, match=message):
            train(load(tmp_path, **options))
    cfg = load(tmp_path)
    cfg.model.consolidation = None
    with pytest.raises(ValueError, match='needs the loss in the model'):
        train(cfg)
    with pytest.raises(ValueError, match=r'task 1 \(A27\)'):
        train(load(tmp_path, tasks=[['A27'], ['A02']]))
