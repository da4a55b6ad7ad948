"""Runs over tasks that are killed, shared by two processes, or changed."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmpose_ext.engine.loops import TaskIncrementalTrainLoop
from tests.fixtures.task_runs import PLAIN, TRAIN, last_checkpoint, train
from tests.fixtures.two_processes import train_on_two


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
    if name == 'put':
        _die_while_writing(number=task)
        train(cfg)

    def die(loop, number, *args):
        if number == task:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(loop, number, *args)

    original = getattr(TaskIncrementalTrainLoop, name)
    setattr(TaskIncrementalTrainLoop, name, die)
    train(cfg)


def _die_while_writing(number):
    """Leave half of a checkpoint."""
    written = itertools.count(1)

    def half(backend, content, path):
        if next(written) < number:
            return original(backend, content, path)
        Path(path).write_bytes(content[: len(content) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    original, LocalBackend.put = LocalBackend.put, half


# 24 samples a task: 4 steps an epoch while fitting, no more while training.
@pytest.mark.parametrize(
    'moment',
    [
        *(2, 6, 10, 14),
        *(('put', 1), ('put', 4)),
        *(('_separate', 1), ('_finish', 1), ('_relearn', 2), ('_finish', 2)),
    ],
    ids=str,
)
def test_a_killed_run_ends_as_an_uninterrupted_one(
    load, uninterrupted, moment, tmp_path
):
    runner = killed_and_resumed(lambda: load(tmp_path), moment)
    assert_alike(runner, uninterrupted['runner'])


def killed_and_resumed(make_config, moment):
    """A run that is killed, then runs to the end."""
    kill(make_config(), moment)
    cfg = make_config()
    cfg.resume = True
    return train(cfg)


def kill(cfg, moment):
    process = multiprocessing.get_context('fork').Process(
        target=_train_and_die, args=(cfg, moment)
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def assert_alike(resumed, other):
    """Two runs found and learnt the same."""
    expected = other.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        # What a module says of itself is no tensor.
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, expected[name]), name
    loop, reference = resumed.train_loop, other.train_loop
    assert loop.clean == reference.clean and loop.memory == reference.memory
    for one, two in zip(loop.fisher or (), reference.fisher or (), strict=True):
        for name, value in one.items():
            assert torch.equal(value, two[name]), name
    assert loop.record.errors == reference.record.errors
    assert loop.record.separation == reference.record.separation


@pytest.mark.parametrize('method', ['DivideMix', 'CoTeaching'])
def test_two_networks_that_are_killed(load_pair, tmp_path, method):
    whole = train(load_pair(tmp_path / 'whole', method))
    # 4 steps an epoch: in the second epoch of the second task, divided data.
    assert_alike(
        killed_and_resumed(lambda: load_pair(tmp_path / 'killed', method), 14), whole
    )


@pytest.mark.parametrize('extra', [{'rehearsal': {'per_task': 4}}, {'data': 'seen'}])
def test_references_that_are_killed(load, tmp_path, extra):
    options = dict(**PLAIN, tasks=[['A02'], ['A04']], **extra)
    whole = train(load(tmp_path / 'whole', **options))
    assert bool(whole.train_loop.memory) == ('rehearsal' in extra)
    assert_alike(
        killed_and_resumed(lambda: load(tmp_path / 'killed', **options), 14), whole
    )


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


def test_other_options_are_refused_on_resuming(load, tmp_path):
    options = dict(**PLAIN, epochs_per_task=1, tasks=[['A02'], ['A04']])
    train(load(tmp_path, **options))
    for message, change in {
        r"tasks: \[\['A02'\], \['A04'\]\] in the checkpoint": dict(
            tasks=[['A04'], ['A02']]
        ),
        'epochs_per_task: 1 in the checkpoint, 2 now': dict(epochs_per_task=2),
        'noise: .*seed': dict(noise=dict(order=['wifi'], ratio=0.4, seed=3)),
        'rehearsal: None in the checkpoint': dict(rehearsal=dict(per_task=3)),
    }.items():
        cfg = load(tmp_path, **options | change)
        cfg.resume = True
        with pytest.raises(ValueError, match=message):
            train(cfg)
    cfg = load(tmp_path, **options)
    cfg.train_dataloader.dataset.manual.train.subjects = ['S01', 'S11']
    cfg.resume = True
    with pytest.raises(ValueError, match=r'samples: \[24, 24\] in the checkpoint'):
        train(cfg)
    file, content = last_checkpoint(tmp_path)
    del content['continual']
    torch.save(content, file)
    cfg = load(tmp_path, **options)
    cfg.resume = True
    with pytest.raises(ValueError, match='not one of TaskIncrementalTrainLoop'):
        train(cfg)
