"""One task after the other: what runs find out and how they learn."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from mmpose_ext.engine.continual.noise_separation import NoiseSeparation
from mmpose_ext.engine.loops import TaskIncrementalTrainLoop
from tests.fixtures.task_runs import (
    ACTIONS,
    FIT,
    PLAIN,
    TRAIN,
    TraceHook,
    last_checkpoint,
    train,
)
from tests.fixtures.tiny_multi_modal import MODALITIES


def test_what_a_run_finds_out(uninterrupted):
    loop, work_dir = uninterrupted.loop, uninterrupted.work_dir
    record = json.loads((work_dir / 'continual.json').read_text())
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
    for task in (1, 2):
        before, now = found[task]['scores_before'], found[task]['scores']
        learnt = record['scores'][:task]
        assert before == pytest.approx(
            {name: np.mean([scores[name] for scores in learnt]) for name in MODALITIES}
        )
        drops = {name: before[name] - now[name] for name in MODALITIES}
        assert found[task]['identified'] == max(drops, key=drops.get)
    assert 12 <= found[1]['kept'] <= found[1]['samples'] == 24
    assert len(loop.clean[1]) == found[1]['kept']
    mask = json.loads((work_dir / 'noise_task_2.json').read_text())
    assert mask['modality'] == 'wifi' and len(mask['samples']) == 10
    result = json.loads((work_dir / 'metrics.json').read_text())
    average = np.nanmean(errors[2])
    assert result['metrics']['average/MPJPE'] == pytest.approx(average)
    assert record['summary']['average/MPJPE'] == pytest.approx(average)
    gain = np.array(record['mean_pose'])[1:] - np.diagonal(errors, 1)
    assert np.isfinite(gain).all()
    assert record['summary']['forward_transfer/MPJPE'] == pytest.approx(gain.mean())
    assert min(record['seconds']) > 0


def test_the_last_checkpoint_knows_the_last_task(uninterrupted):
    loop, work_dir = uninterrupted.loop, uninterrupted.work_dir
    state = last_checkpoint(work_dir)[1]['continual']
    assert state['record']['errors'] == loop.record.errors
    assert state['record']['separation'] == loop.record.separation
    assert state['record']['scores'] == loop.record.scores
    assert set(loop.record.scores[-1]) == set(MODALITIES)
    assert min(state['record']['seconds']) > 0
    for name, value in state['fisher'][0].items():
        assert torch.equal(value, loop.fisher[0][name]), name


def test_fisher_information_sees_samples_of_all_people(uninterrupted):
    data = uninterrupted.loop.task_data
    one, other = (
        [sample for batch in data.mixed(data.dataset(1), 3) for sample in names(batch)]
        for _ in range(2)
    )
    assert one == other and len(set(one)) == 24
    people = {sequence for sequence, _ in one[:6]}
    assert len(people) > 1, 'neighbours are frames of one person'
    ordered = [s for batch in data.in_order(data.dataset(1)) for s in names(batch)]
    assert sorted(one) == sorted(ordered) != one


def names(batch):
    return [(sample.sequence, sample.frame_id) for sample in batch['data_samples']]


class FittedEncodersHook(Hook):
    """Which encoders change while fitting."""

    def __init__(self):
        self.before, self.changed = {}, []

    def before_train_epoch(self, runner):
        self.before = copy.deepcopy(runner.model.state_dict())

    def after_train_epoch(self, runner):
        loop = runner.train_loop
        if loop.stages[loop.epoch].phase == 'fit':
            now = runner.model.state_dict()
            parts = {name.split('.')[1] for name in now if name.startswith('encoders.')}
            self.changed.append(
                {
                    part
                    for part in parts
                    for name in now
                    if name.startswith(f'encoders.{part}.')
                    and not torch.equal(now[name], self.before[name])
                }
            )


@pytest.mark.parametrize('stop', [True, False])
def test_gradients_of_superior_modalities_stop_while_fitting(load, tmp_path, stop):
    cfg = load(tmp_path, relearning=None, epochs_per_task=1)
    cfg.train_cfg.separation.gradient_stop = stop
    hook = FittedEncodersHook()
    runner = train(cfg, hook)
    for changed, found in zip(
        hook.changed, runner.train_loop.record.separation[1:], strict=True
    ):
        superior = NoiseSeparation().superior(found['scores_before'])
        assert superior
        assert changed == set(MODALITIES) - set(superior if stop else ())


class LearningRateHook(Hook):
    """The learning rate of the first step of each epoch."""

    def __init__(self):
        self.rates = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx == 0:
            self.rates += runner.optim_wrapper.get_lr()['lr']


@pytest.mark.parametrize('scale', [1, 2])
def test_learning_rates_begin_anew_in_each_phase(load, tmp_path, scale):
    cfg = load(tmp_path, tasks=[['A02'], ['A04']])
    cfg.param_scheduler = [dict(type='StepLR', step_size=1, gamma=0.1, by_epoch=True)]
    cfg.auto_scale_lr = dict(enable=True, base_batch_size=6 // scale)
    hook = LearningRateHook()
    train(cfg, hook)
    training = [scale * 1e-3, scale * 1e-4]
    assert hook.rates == pytest.approx([*training, scale * 1e-3, *training])


@pytest.mark.parametrize(
    'noise',
    [
        dict(ratio=0.0, order=('wifi', 'rgb')),
        dict(ratio=0.4, modalities=['none', 'none', 'rgb']),
    ],
    ids=['none', 'the last task'],
)
def test_tasks_without_noise(load, tmp_path, noise):
    """Nothing to find is no error, and says nothing about what finds it."""
    record = train(load(tmp_path, noise=noise)).train_loop.record
    last = noise['ratio'] > 0
    assert [bool(facts) for facts in record.noise] == [False, False, last]
    assert record.separation[1]['F1'] is None
    assert record.separation[1]['kept'] >= 12
    assert ('identified' in record.summary()) == last
    saved = json.loads((tmp_path / 'continual.json').read_text())
    assert saved['separation'][1]['AUC'] is None
    assert [file.name for file in tmp_path.glob('noise_task_*.json')] == (
        ['noise_task_3.json'] if last else []
    )


def test_the_console_tells_what_happens(load, tmp_path, monkeypatch, capsys):
    def equal(loop, dataset):
        return torch.full((len(dataset),), 0.1)

    monkeypatch.setattr(TaskIncrementalTrainLoop, '_losses', equal)
    loop = train(load(tmp_path, tasks=[['A02'], ['A04', 'A19']])).train_loop
    assert len(loop.clean[1]) == 48
    console = capsys.readouterr().out
    assert 'task 2: losses of clean and noisy samples cannot be told apart' in console
    assert 'task 2: noise in ' in console
    assert 'task 1 learnt' not in console and 'task 1: learnt' in console
    assert 'task 2, fit epoch 1 of 1' in console
    assert 'task 2: re-learning' in console
    assert '2; 2 epochs of training on each, 1 of fitting before each' in console
    assert f'{2 * TRAIN + FIT} epochs of 4 steps, batch 6' in console
    assert '19 with raw noise on wifi' in console


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
    cfg = load(tmp_path, tasks=tasks, noise=None, **PLAIN)
    cfg.optim_wrapper.accumulative_counts = 3
    hook = UpdatesHook()
    train(cfg, hook)
    assert hook.counts == [[16, 6], [8, 3]]


def test_naive_fine_tuning(load, tmp_path):
    cfg = load(tmp_path, **PLAIN)
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
    cfg = load(tmp_path, tasks=[['A02'], ['A04']], **PLAIN, **options)
    loop = train(cfg).train_loop
    assert len(loop.dataloader.dataset) == (48 if 'data' in options else 28)
    if 'rehearsal' in options:
        assert loop.dataloader.batch_size == 12
        assert len(loop.dataloader) == 4
        assert len(loop.memory[0]) == 4


@pytest.mark.parametrize('method', ['CoTeaching', 'DivideMix'])
def test_two_networks(load_pair, tmp_path, method, capsys):
    trace = TraceHook()
    loop = train(load_pair(tmp_path, method), trace).train_loop
    assert len(loop.fisher) == 2
    assert loop.record.num_learnt == 2
    console = capsys.readouterr().out
    assert ('DivideMix: networks find' in console) == (method == 'DivideMix')
    # The first task is clean.
    told = [(epoch.stage.task, epoch.noise_rate) for epoch in trace.epochs]
    assert told == [(0, 0.0)] * TRAIN + [(1, 0.4)] * TRAIN
