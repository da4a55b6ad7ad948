"""DualStudentTrainLoop: a run that goes on in the middle of an epoch."""

import numpy as np
import pytest
import torch
from killed_run import Killed, KillHook, log_of
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import LOOPS
from torch.utils.data import ConcatDataset

from mmpose_ext.datasets.seeded_draw import seeded_draw
from mmpose_ext.engine.checkpoints import load_checkpoint
from mmpose_ext.engine.loops import DualStudentTrainLoop

TARGETS, BATCH = 11, 6
STEPS = 4  # of an epoch: 22 samples in batches of 6
EPOCHS = 3


class Numbers(ConcatDataset):
    """Samples of which a draw makes a random number."""

    def __init__(self, targets=TARGETS):
        super().__init__([list(range(5)), list(range(targets))])

    def __getitem__(self, index):
        index, draw = index
        with seeded_draw(0, draw):
            noise = np.random.normal()
        return dict(inputs=torch.tensor([index, noise], dtype=torch.float32))


class Model(BaseModel):
    """Its weight depends on each batch, its order and its random numbers."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2))
        self.batches = []

    def forward(self, inputs, mode='loss'):
        values = torch.stack(inputs)
        self.batches.append(values[:, 0].int().tolist())
        dropped = torch.nn.functional.dropout(values / 10, 0.3)
        return {'loss': ((self.weight - dropped.mean(0)) ** 2).sum()}


class Watch(KillHook):
    """Which batches hooks are told of, and what begins and ends."""

    def __init__(self, step=-1):
        super().__init__(step)
        self.told, self.epochs = [], []

    def before_train_epoch(self, runner):
        self.epochs.append(('before', runner.epoch))

    def after_train_epoch(self, runner):
        self.epochs.append(('after', runner.epoch))

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        last = self.end_of_epoch(runner.train_dataloader, batch_idx)
        self.told.append((runner.epoch, batch_idx, runner.iter, last))
        super().after_train_iter(runner, batch_idx, data_batch, outputs)


def make_runner(
    work_dir, *, interval=1, workers=0, batch=BATCH, by_epoch=False, **more
):
    init_default_scope('mmpose')
    return Runner(
        Model(),
        str(work_dir),
        train_dataloader=dict(
            batch_size=batch,
            num_workers=workers,
            persistent_workers=workers > 0,
            dataset=Numbers(),
            sampler=dict(type='SourceTargetSampler', infinite=False, draws=True),
        ),
        train_cfg=dict(type='DualStudentTrainLoop', max_epochs=EPOCHS),
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
        param_scheduler=[
            dict(type='MultiStepLR', milestones=[1, 2], gamma=0.5, by_epoch=True)
        ],
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                interval=interval,
                by_epoch=by_epoch,
                max_keep_ckpts=-1,
            ),
            step_seed=dict(type='StepSeedHook'),
        ),
        randomness=dict(seed=3),
        default_scope='mmpose',
        experiment_name='_'.join(work_dir.parts[-2:]),
        **more,
    )


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """An uninterrupted run with a checkpoint at each step."""
    work_dir = tmp_path_factory.mktemp('whole')
    runner = make_runner(work_dir)
    watch = Watch()
    runner.register_hook(watch)
    runner.train()
    assert len(watch.told) == EPOCHS * STEPS
    runner.watch, runner.folder = watch, work_dir
    return runner


def assert_same_end(found, expected):
    """Weights, moments and schedulers of two checkpoints."""
    assert torch.equal(found['state_dict']['weight'], expected['state_dict']['weight'])
    for key, value in expected['optimizer']['state'][0].items():
        assert torch.equal(found['optimizer']['state'][0][key], value)
    assert found['param_schedulers'] == expected['param_schedulers']


@pytest.mark.parametrize(
    ('step', 'workers'),
    [(2, 0), (4, 0), (6, 0), (6, 2), (7, 0), (8, 0), (11, 0), (12, 0)],
)
def test_resumed_run_is_the_uninterrupted_one(step, workers, whole, tmp_path):
    """From a checkpoint in an epoch, at its end, at the end of the run."""
    checkpoint = whole.folder / f'iter_{step}.pth'
    resumed = make_runner(
        tmp_path, workers=workers, load_from=str(checkpoint), resume=True
    )
    watch = Watch()
    resumed.register_hook(watch)
    resumed.train()
    assert resumed.model.batches == whole.model.batches[step:]
    assert watch.told == whole.watch.told[step:]
    assert watch.epochs == [
        (when, epoch)
        for when, epoch in whole.watch.epochs
        if epoch >= min((step - 1) // STEPS, EPOCHS)
    ]
    assert resumed.epoch == EPOCHS and resumed.iter == EPOCHS * STEPS
    assert torch.equal(resumed.model.weight, whole.model.weight)
    if step < 12:
        last = f'iter_{EPOCHS * STEPS}.pth'
        assert_same_end(
            load_checkpoint(tmp_path / last), load_checkpoint(whole.folder / last)
        )


def test_killed_and_resumed(whole, tmp_path):
    """As it happens: killed a step after the last checkpoint, then started again."""
    killed = make_runner(tmp_path, interval=3)
    killed.register_hook(KillHook(7))
    with pytest.raises(Killed):
        killed.train()
    assert not (tmp_path / 'iter_9.pth').exists()
    resumed = make_runner(tmp_path, interval=3, resume=True)
    resumed.train()
    assert 'resumed epoch: 1, iter: 6' in log_of(tmp_path)
    assert resumed.model.batches == whole.model.batches[6:]
    assert_same_end(
        load_checkpoint(tmp_path / 'iter_12.pth'),
        load_checkpoint(whole.folder / 'iter_12.pth'),
    )


def test_checkpoints_by_epoch(whole, tmp_path):
    make_runner(tmp_path / 'first', by_epoch=True).train()
    resumed = make_runner(
        tmp_path / 'second',
        load_from=str(tmp_path / 'first/epoch_2.pth'),
        resume=True,
    )
    resumed.train()
    assert resumed.model.batches == whole.model.batches[2 * STEPS :]
    assert torch.equal(resumed.model.weight, whole.model.weight)


def test_batches_cover_the_target_once_an_epoch(whole):
    for epoch in range(EPOCHS):
        batches = whole.model.batches[STEPS * epoch : STEPS * (epoch + 1)]
        targets = [i for batch in batches for i in batch[1::2]]
        assert sorted(targets) == list(range(5, 5 + TARGETS))


def test_other_batch_size(whole, tmp_path):
    """The place in the epoch cannot be told, so it begins anew, and says so."""
    resumed = make_runner(
        tmp_path, batch=2, load_from=str(whole.folder / 'iter_7.pth'), resume=True
    )
    resumed.train()
    log = log_of(tmp_path)
    assert 'iteration 7, which is not in epoch 2 of 11 iterations' in log
    assert 'begins anew, at iteration 11' in log
    assert len(resumed.model.batches) == 2 * TARGETS
    assert resumed.iter == EPOCHS * TARGETS
    assert log.count('begins anew') == 1


@pytest.mark.parametrize(
    ('sampler', 'message'),
    [
        (dict(type='DefaultSampler', shuffle=True), 'got DefaultSampler'),
        (dict(type='SourceTargetSampler'), 'got SourceTargetSampler without end'),
    ],
)
def test_invalid(sampler, message):
    init_default_scope('mmpose')
    assert LOOPS.get('DualStudentTrainLoop') is DualStudentTrainLoop
    loader = dict(batch_size=2, num_workers=0, dataset=Numbers(), sampler=sampler)
    runner = make_stub()
    with pytest.raises(ValueError, match=message):
        DualStudentTrainLoop(runner, loader, max_epochs=1)


def make_stub():
    """What a loop asks of its runner at construction."""

    class Stub:
        seed, _randomness_cfg = 0, {}
        build_dataloader = staticmethod(Runner.build_dataloader)

    return Stub()
