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
from tests.fixtures.task_runs import (
    OTHERWISE,
    PLAIN,
    TRAIN,
    TraceHook,
    last_checkpoint,
    traced,
    train,
)
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
    assert_alike(runner, uninterrupted.runner)


def test_killed_while_fitting(load, otherwise, tmp_path):
    """After one of two epochs, whose weights are kept: it goes on with the second."""
    trace = TraceHook()
    # 2 epochs of training, then of fitting, of 4 steps each.
    runner = killed_and_resumed(lambda: load(tmp_path, **OTHERWISE), 14, trace)
    first = trace.epochs[0].stage
    assert (first.task, first.phase, first.epoch) == (1, 'fit', 1)
    assert_alike(runner, otherwise.runner)


def test_killed_with_the_encoders_of_the_config(load, tmp_path):
    """Batch norm and dropout: statistics go back too, random numbers go on."""

    def make(name):
        return load(tmp_path / name, tiny=False, tasks=[['A02'], ['A04']])

    whole = traced(make('whole'))
    check_statistics(whole)
    # In the first epoch of training on the second task, after that of fitting.
    trace = TraceHook()
    runner = killed_and_resumed(lambda: make('killed'), 13, trace)
    assert str(trace.epochs[0].stage) == f'task 2, train epoch 1 of {TRAIN}'
    assert_alike(runner, whole.runner)


def check_statistics(run):
    """Fitting moves those of encoders that learn, and they go back after it."""
    fit, begun = run.epochs[TRAIN : TRAIN + 2]
    assert (fit.stage.phase, begun.stage.phase) == ('fit', 'train')
    fitted = run.after(fit.stage)['state_dict']
    names = [name for name in fitted if name.endswith('running_mean')]
    moved = {n.split('.')[1] for n in names if not torch.equal(fitted[n], fit.state[n])}
    scores = run.loop.record.separation[1]['scores_before']
    superior = run.loop.method.separation.superior(scores)
    assert superior and moved == {n.split('.')[1] for n in names} - set(superior)
    assert moved
    assert_same(begun.state, fit.state)


def killed_and_resumed(make_config, moment, *hooks):
    """A run that is killed, then runs to the end with hooks."""
    kill(make_config(), moment)
    cfg = make_config()
    cfg.resume = True
    return train(cfg, *hooks)


def kill(cfg, moment):
    process = multiprocessing.get_context('fork').Process(
        target=_train_and_die, args=(cfg, moment)
    )
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def assert_alike(resumed, other):
    """Two runs found and learnt the same."""
    assert_same(resumed.model.state_dict(), other.model.state_dict())
    loop, expected = resumed.train_loop, other.train_loop
    assert loop.clean == expected.clean and loop.memory == expected.memory
    assert_same(loop.start, expected.start)
    for part in ('fisher', 'reference'):
        found, wanted = getattr(loop, part), getattr(expected, part)
        assert (found is None) == (wanted is None)
        for one, two in zip(found or (), wanted or (), strict=True):
            assert_same(one, two)
    found, wanted = loop.record.to_dict(), expected.record.to_dict()
    for part in set(found) - {'seconds'}:
        assert found[part] == wanted[part], part


def assert_same(found, expected):
    """Two mappings of tensors are equal."""
    assert found.keys() == expected.keys()
    for name, value in found.items():
        # What a module says of itself is no tensor.
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, expected[name]), name


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
