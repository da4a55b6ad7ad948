"""Two processes balance like one that accumulates the batches of both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import multiprocessing

from tests.fixtures.balancing_ranks import WRAPPERS, run_rank, train
from tests.fixtures.two_processes import free_port


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        # Spawned processes import this package of tests by name.
        patch.syspath_prepend(str(Path(__file__).parents[2]))
        multiprocessing.spawn(run_rank, (str(folder), free_port()), nprocs=2)
    return [torch.load(folder / f'rank_{rank}.pth') for rank in range(2)]


def assert_equal(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


@pytest.mark.parametrize('kind', WRAPPERS)
def test_values(ranks, kind):
    expected = train(kind, [0, 1])
    assert_equal(ranks[0][kind], ranks[1][kind])
    for name, value in expected.items():
        torch.testing.assert_close(ranks[0][kind][name], value, atol=1e-5, rtol=1e-3)


def test_methods_differ(ranks):
    plain = ranks[0]['ModalityOptimWrapper']
    encoders = [name for name in plain if name.startswith('encoders')]
    for kind in list(WRAPPERS)[1:]:
        of_kind = ranks[0][kind]
        assert max((of_kind[n] - plain[n]).abs().max() for n in encoders) > 1e-4


def test_mixed_precision(ranks):
    assert_equal(ranks[0]['amp'], ranks[1]['amp'])
    for name, value in ranks[0]['AGMOptimWrapper'].items():
        torch.testing.assert_close(ranks[0]['amp'][name], value, atol=0.02, rtol=0)


def test_hooks(ranks):
    first, second = ranks
    assert_equal(first['hooks'], second['hooks'])
    for name in ('blending', 'resampling', 'steps'):
        assert first[name] == second[name]
    (row,) = first['resampling']
    assert row['added'] > 0
    assert first['steps'] == 4 + -(-(24 + row['added']) // 6)
    weights = first['blending']['weights']
    assert sum(weights.values()) == pytest.approx(1) and len(set(weights.values())) > 1
