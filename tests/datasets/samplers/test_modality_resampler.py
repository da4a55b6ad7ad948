"""ModalityResampler: the stock order, what is added, processes, epochs."""

from __future__ import annotations

import pytest
from mmengine.dataset import DefaultSampler
from mmpose.registry import DATA_SAMPLERS

from mmpose_ext.datasets.samplers import ModalityResampler, modality_resampler


def sampler_of(rank=0, world_size=1, size=20, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modality_resampler, 'get_dist_info', lambda: (rank, world_size))
        return ModalityResampler(range(size), **{'seed': 5, **options})


def split(items):
    plain = [item for item in items if isinstance(item, int)]
    return plain, [item for item in items if not isinstance(item, int)]


@pytest.mark.parametrize('shuffle', [True, False])
def test_the_stock_sampler_until_told_otherwise(shuffle):
    ours = sampler_of(shuffle=shuffle)
    stock = DefaultSampler(range(20), shuffle=shuffle, seed=5)
    for epoch in range(3):
        ours.set_epoch(epoch)
        stock.set_epoch(epoch)
        assert list(ours) == list(stock) and len(ours) == len(stock) == 20
    assert DATA_SAMPLERS.get('ModalityResampler') is ModalityResampler


def test_values():
    sampler = sampler_of()
    sampler.resample((2, 0), 0.49)
    items = list(sampler)
    plain, added = split(items)
    assert len(items) == len(sampler) == 29
    assert sorted(plain) == list(range(20))
    assert {drop for _, drop in added} == {(2, 0)}
    assert all(0 <= number < 20 for number, _ in added)
    assert items[:20] != plain, 'added samples are among the others'
    sampler.set_epoch(1)
    again = split(list(sampler))[1]
    assert sorted(again) != sorted(added), 'drawn anew in each epoch'
    sampler.set_epoch(0)
    assert list(sampler) == items
    sampler.resample()
    assert len(list(sampler)) == len(sampler) == 20


def test_drawn_with_replacement():
    sampler = sampler_of(size=200)
    sampler.resample([1], 1.0)
    _, added = split(list(sampler))
    assert 100 < len({number for number, _ in added}) < 150


@pytest.mark.parametrize('round_up', [True, False])
@pytest.mark.parametrize('world_size', [2, 3])
def test_processes_share_an_epoch(world_size, round_up):
    ranks = [
        sampler_of(rank, world_size, round_up=round_up) for rank in range(world_size)
    ]
    whole = sampler_of()
    for sampler in (whole, *ranks):
        sampler.resample([1], 0.15)
        sampler.set_epoch(3)
    found = [list(sampler) for sampler in ranks]
    assert [len(items) for items in found] == [len(sampler) for sampler in ranks]
    together = [
        items[turn]
        for turn in range(max(map(len, found)))
        for items in found
        if turn < len(items)
    ]
    expected = list(whole)
    assert len(expected) == 23 and together[:23] == expected
    assert together[23:] == (expected[: -23 % world_size] if round_up else [])


def test_seed_is_drawn_if_absent():
    assert isinstance(ModalityResampler([1]).seed, int)


@pytest.mark.parametrize('arguments', [((), 0.5), ((1,), -0.1), ((1,), float('nan'))])
def test_invalid(arguments):
    with pytest.raises(ValueError, match='share of at least 0'):
        sampler_of().resample(*arguments)
