"""SourceTargetSampler: pairs, passes, processes, resumed runs."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import ConcatDataset as TorchConcatDataset

from mmpose_ext.datasets import LiftingDataset, SourceTargetSampler
from mmpose_ext.datasets.samplers import source_target_sampler

PIPELINE = [
    dict(type='GenerateTarget', encoder=dict(type='LiftingLabel', confidence=False)),
    dict(type='PackLiftingInputs'),
]


def two(source=7, target=3):
    """Two datasets of some sizes as one."""
    return TorchConcatDataset([list(range(source)), list(range(target))])


def sampler_of(rank=0, world_size=1, dataset=None, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            source_target_sampler, 'get_dist_info', lambda: (rank, world_size)
        )
        return SourceTargetSampler(dataset or two(), **{'seed': 5, **options})


def drawn(sampler, pairs):
    """The first pairs ``(n, 2)``, numbered inside their own dataset."""
    samples = list(itertools.islice(iter(sampler), 2 * pairs))
    return np.reshape(samples, (-1, 2)) - [0, sampler.sizes[0]]


def test_values_in_order():
    pairs = drawn(sampler_of(shuffle=False), 8)
    assert pairs[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert pairs[:, 1].tolist() == [0, 1, 2, 0, 1, 2, 0, 1]


@pytest.mark.parametrize(('source', 'target'), [(7, 3), (3, 7), (1, 5), (5, 5)])
def test_every_sample_once_a_round(source, target):
    sampler = sampler_of(dataset=two(source, target))
    pairs = drawn(sampler, 4 * source * target)
    for column, size in enumerate((source, target)):
        rounds = pairs[:, column].reshape(-1, size)
        assert (np.sort(rounds, axis=1) == np.arange(size)).all()
        if size > 3:
            assert len(np.unique(rounds, axis=0)) > 1, 'shuffled anew'
    other = drawn(sampler_of(dataset=two(source, target), seed=6), len(pairs))
    assert not np.array_equal(pairs, other)
    again = drawn(sampler_of(dataset=two(source, target)), len(pairs))
    np.testing.assert_array_equal(pairs, again)


def test_domains_are_shuffled_apart():
    pairs = drawn(sampler_of(dataset=two(50, 50)), 50)
    assert (pairs[:, 0] == pairs[:, 1]).mean() < 0.2


@pytest.mark.parametrize('world_size', [2, 3, 5])
@pytest.mark.parametrize('infinite', [True, False])
def test_processes_share_the_pairs(world_size, infinite):
    """Pairs of a pass go to the ranks in turn; passes are rounded up."""
    ranks = [
        sampler_of(rank, world_size, two(17, 11), infinite=infinite)
        for rank in range(world_size)
    ]
    per_rank = -(-11 // world_size)
    assert [len(sampler) for sampler in ranks] == [2 * per_rank] * world_size
    passes = []
    for number in range(3):
        start = 0
        for sampler in ranks:
            sampler.set_epoch(number)
            start = number * per_rank if infinite else 0
        found = [drawn(sampler, start + per_rank)[start:] for sampler in ranks]
        together = np.stack(found, axis=1).reshape(-1, 2)
        assert (np.bincount(together[:11, 1], minlength=11) == 1).all()
        np.testing.assert_array_equal(together[11:, 1], together[:-11, 1])
        passes.append(together)
    source = np.concatenate(passes)[:17, 0]
    assert sorted(source) == list(range(17)), 'the source goes on from pass to pass'


def test_passes():
    """A finite sampler ends after the target; its passes are those of the other."""
    dataset = two(5, 4)
    finite, infinite = (
        sampler_of(dataset=dataset, infinite=flag) for flag in (False, True)
    )
    passes = []
    for epoch in range(3):
        finite.set_epoch(epoch)
        infinite.set_epoch(epoch)
        samples = list(finite)
        assert len(samples) == len(finite) == len(infinite) == 8
        assert samples == list(finite)
        passes += samples
    assert list(itertools.islice(iter(infinite), 24)) == passes


@pytest.mark.parametrize('skipped', [0, 2, 3, 8, 22])
@pytest.mark.parametrize('world_size', [1, 2])
def test_skip(skipped, world_size):
    samplers = [sampler_of(1, world_size) if world_size > 1 else sampler_of()] * 2
    everything = list(itertools.islice(iter(samplers[0]), 60))
    samplers[1].skip(skipped)
    rest = list(itertools.islice(iter(samplers[1]), 60 - skipped))
    assert rest == everything[skipped:]
    with pytest.raises(ValueError, match='at least 0, got -1'):
        samplers[1].skip(-1)
    assert not hasattr(sampler_of(infinite=False), 'skip')


@pytest.mark.parametrize('infinite', [True, False])
@pytest.mark.parametrize('ratio', [(1, 3), (2, 1), (3, 2)])
@pytest.mark.parametrize('world_size', [1, 2])
def test_ratio(ratio, infinite, world_size):
    """Groups of source and target samples; a pass goes once through the target."""
    options = dict(dataset=two(17, 20), ratio=ratio, infinite=infinite)
    ranks = [sampler_of(rank, world_size, **options) for rank in range(world_size)]
    size, groups = sum(ratio), -(-20 // (ratio[1] * world_size))
    assert [len(sampler) for sampler in ranks] == [size * groups] * world_size
    found = []
    for sampler in ranks:
        samples = list(itertools.islice(iter(sampler), size * groups))
        found.append(np.reshape(samples, (groups, size)))
    together = np.stack(found, axis=1).reshape(-1, size)
    source, target = np.split(together, [ratio[0]], axis=1)
    assert (source < 17).all() and (target >= 17).all()
    assert sorted(target.ravel()[:20]) == list(range(17, 37))
    np.testing.assert_array_equal(
        target.ravel()[20:], target.ravel()[: target.size - 20]
    )
    first = source.ravel()[:17].tolist()
    assert len(set(first)) == len(first), 'none comes again before all have come'


def test_sources_drawn_with_replacement():
    options = dict(dataset=two(50, 50), replacement=True, infinite=False)
    sampler = sampler_of(**options)
    passes = []
    for epoch in range(60):
        sampler.set_epoch(epoch)
        pairs = drawn(sampler, 50)
        assert sorted(pairs[:, 1]) == list(range(50))
        passes.append(pairs[:, 0])
    distinct = np.mean([len(set(sources)) for sources in passes])
    assert 29 < distinct < 34, '50 * (1 - 1 / e) different ones are expected'
    counts = np.bincount(np.concatenate(passes), minlength=50)
    assert counts.min() > 30 and counts.max() < 95
    sampler.set_epoch(3)
    np.testing.assert_array_equal(drawn(sampler, 50)[:, 0], passes[3])
    ranks = [sampler_of(rank, 2, **options) for rank in range(2)]
    together = np.stack([drawn(rank, 25) for rank in ranks], axis=1).reshape(-1, 2)
    np.testing.assert_array_equal(together[:, 0], passes[0])


@pytest.mark.parametrize('ratio', [(1, 1), (2, 3)])
@pytest.mark.parametrize('infinite', [True, False])
def test_draws_are_numbered_through(ratio, infinite):
    """Over all passes and processes; the samples are those without numbers."""
    seen = []
    for rank in range(2):
        options = dict(dataset=two(7, 11), ratio=ratio, infinite=infinite)
        with_draws = sampler_of(rank, 2, draws=True, **options)
        without = sampler_of(rank, 2, **options)
        for epoch in range(3):
            with_draws.set_epoch(epoch)
            without.set_epoch(epoch)
            length = len(without) * (3 if infinite else 1)
            pairs = list(itertools.islice(iter(with_draws), length))
            samples = list(itertools.islice(iter(without), length))
            assert [index for index, _ in pairs] == samples
            seen += [draw for _, draw in pairs]
            if infinite:
                break
    assert sorted(seen) == list(range(len(seen)))
    assert all(type(draw) is int for draw in seen)


@pytest.mark.parametrize('draws', [False, True])
@pytest.mark.parametrize('start', [0, 3, 8, 16])
def test_start_within_a_pass(start, draws):
    sampler = sampler_of(dataset=two(5, 8), infinite=False, draws=draws)
    sampler.set_epoch(2)
    whole = list(sampler)
    sampler.set_epoch(2, start=start)
    assert list(sampler) == whole[start:]
    sampler.set_epoch(2)
    assert list(sampler) == whole, 'as MMEngine calls it'
    with pytest.raises(ValueError, match='start=17; a pass has 16 samples'):
        sampler.set_epoch(2, start=17)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(ratio=(1, 0)), r'ratio=\(1, 0\); expected .* at least 1'),
        (dict(ratio=(1, 1, 1)), r'ratio=\(1, 1, 1\)'),
        (dict(replacement=True, shuffle=False), 'leave shuffle on'),
    ],
)
def test_invalid_options(options, message):
    with pytest.raises(ValueError, match=message):
        sampler_of(**options)


def test_seed_is_drawn_if_absent():
    sampler = SourceTargetSampler(two())
    assert isinstance(sampler.seed, int)


@pytest.mark.parametrize(
    ('dataset', 'message'),
    [
        ([1, 2], 'got list of 0 datasets'),
        (TorchConcatDataset([[1]]), 'ConcatDataset of 1 datasets'),
        (TorchConcatDataset([[1], [2], [3]]), 'ConcatDataset of 3 datasets'),
        (TorchConcatDataset([[1], []]), r'\(1, 0\) samples'),
    ],
)
def test_invalid(dataset, message):
    with pytest.raises(ValueError, match=message):
        SourceTargetSampler(dataset, seed=0)


@pytest.fixture
def loader_config(pose_store):
    """Source with labels and target without, as configs name them."""
    options = dict(type='LiftingDataset', store=str(pose_store), seq_len=9)
    return dict(
        batch_size=6,
        num_workers=0,
        sampler=dict(type='SourceTargetSampler'),
        dataset=dict(
            type='ConcatDataset',
            datasets=[
                dict(**options, subjects='S1', pipeline=PIPELINE),
                dict(
                    **options,
                    subjects='S2',
                    target=None,
                    intrinsics='required',
                    pipeline=PIPELINE,
                ),
            ],
        ),
    )


@pytest.mark.parametrize('num_workers', [0, 2])
def test_in_loader(loader_config, num_workers):
    init_default_scope('mmpose')
    loader_config['num_workers'] = num_workers
    loader = Runner.build_dataloader(loader_config, seed=3)
    assert type(loader.dataset) is ConcatDataset
    assert type(loader.sampler) is SourceTargetSampler and loader.sampler.seed == 3
    assert DATA_SAMPLERS.get('SourceTargetSampler') is SourceTargetSampler
    source, target = loader.dataset.datasets
    assert all(isinstance(part, LiftingDataset) for part in (source, target))
    again = pickle.loads(pickle.dumps(loader.dataset))  # as spawned workers get it
    assert again[0]['data_samples'].subject == 'S1' and len(again) == len(
        loader.dataset
    )
    order = list(itertools.islice(iter(loader.sampler), 12))
    for number, batch in enumerate(itertools.islice(iter(loader), 2)):
        samples = batch['data_samples']
        assert [sample.subject for sample in samples] == ['S1', 'S2'] * 3
        expected = [
            loader.dataset.get_data_info(index)['sample_name']
            for index in order[6 * number : 6 * number + 6]
        ]
        assert [sample.sample_name for sample in samples] == expected
        for sample in samples[1::2]:
            assert 'lifting_target_label' not in sample.gt_instance_labels
        assert all(x.shape == (9, 17, 2) for x in batch['inputs'])


class _Model(BaseModel):
    """Remembers what it is given; its weight depends on the order of the batches."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def forward(self, inputs, data_samples=None, mode='loss'):
        self.seen.append([sample.sample_name for sample in data_samples])
        inputs = torch.stack(inputs)
        return {'loss': (self.weight - inputs[0::2].mean() * inputs[1::2].std()) ** 2}


def train(work_dir, loader, train_cfg, *, by_epoch, **options):
    init_default_scope('mmpose')
    hook = dict(type='CheckpointHook', interval=1, by_epoch=by_epoch, max_keep_ckpts=-1)
    runner = Runner(
        _Model(),
        str(work_dir),
        train_dataloader=loader,
        train_cfg=train_cfg,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        default_hooks=dict(
            checkpoint=hook, sampler_seed=dict(type='DistSamplerSeedHook')
        ),
        randomness=dict(seed=1),
        default_scope='mmpose',
        experiment_name='_'.join(work_dir.parts[-2:]),
        log_level='ERROR',
        **options,
    )
    return runner.train()


@pytest.mark.parametrize('num_workers', [0, 1])
@pytest.mark.parametrize('by_epoch', [True, False])
def test_resumed_run_sees_what_an_uninterrupted_one_sees(
    loader_config, by_epoch, num_workers, tmp_path
):
    """Under both loops; 14 target windows, so batches cross the end of a pass."""
    loader_config['num_workers'] = num_workers
    if by_epoch:
        loader_config['sampler'].update(infinite=False)
        cfg, last, name = dict(by_epoch=True, max_epochs=3), 3, 'epoch_{}.pth'
    else:
        cfg, last, name = dict(by_epoch=False, max_iters=13), 13, 'iter_{}.pth'
    whole = train(tmp_path / 'whole', loader_config, cfg, by_epoch=by_epoch)
    middle = tmp_path / 'whole' / name.format(last - 2)
    resumed = train(
        tmp_path / 'resumed',
        loader_config,
        cfg,
        by_epoch=by_epoch,
        load_from=str(middle),
        resume=True,
    )
    assert 0 < len(resumed.seen) < len(whole.seen)
    assert resumed.seen == whole.seen[-len(resumed.seen) :]
    assert torch.equal(resumed.weight, whole.weight)
    names = [name for batch in whole.seen for name in batch]
    assert len(set(names)) > 14
