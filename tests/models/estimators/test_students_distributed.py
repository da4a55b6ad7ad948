"""Two processes teach students like one that sees the people of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import multiprocessing
from torch.testing import assert_close

from mmpose_ext.datasets.synthetic_coco import write_coco
from tests.fixtures.student_ranks import (
    METHODS,
    STEPS,
    run_rank,
    train_drawn,
    train_joined,
)
from tests.fixtures.two_processes import free_port

# Batch statistics are those of each process until the epoch ends.
STATISTICS = ('running_mean', 'running_var', 'num_batches_tracked')


@pytest.fixture(scope='module', autouse=True)
def scope():
    """Optimisers of this process are found as those of a run are."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    size = dict(max_people=2, size=(160, 120))
    write_coco(folder / 'people', num_images=8, num_val_images=3, **size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('CUDA_VISIBLE_DEVICES', '-1')
        # Spawned processes import this package of tests by name.
        patch.syspath_prepend(str(Path(__file__).parents[3]))
        multiprocessing.spawn(run_rank, (str(folder), free_port()), nprocs=2)
    return [torch.load(folder / f'rank_{rank}.pth') for rank in range(2)]


def weights(state):
    return {k: v for k, v in state.items() if not k.endswith(STATISTICS)}


def assert_equal(left, right):
    assert left.keys() == right.keys()
    assert not [name for name in left if not torch.equal(left[name], right[name])]


def assert_near(found, expected, atol):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_close(found[name], value, atol=atol, rtol=1e-5)


@pytest.mark.parametrize('method', METHODS)
def test_joined_batch(ranks, method):
    """With frozen statistics: like one process with a batch twice as large."""
    first, second = (found[f'joined {method}'] for found in ranks)
    assert_equal(first, second)
    expected = train_joined(method, [0, 1]).state_dict()
    assert_near(first, expected, atol=2e-6)
    # Half of the people teach something else.
    alone = train_joined(method, [0]).state_dict()
    assert max((alone[k] - v).abs().max() for k, v in expected.items()) > 1e-4


@pytest.mark.parametrize('method', [m for m in METHODS if m != 'mean_teacher'])
def test_values(ranks, method):
    """Like one process that accumulates the batches, views and cuts of both."""
    first, second = (weights(found[f'drawn {method}']) for found in ranks)
    assert_equal(first, second)
    expected = weights(train_drawn(method, [0, 1]).state_dict())
    assert_near(first, expected, atol=1e-5)


def test_mixed_precision(ranks):
    first, second = (weights(found['bf16']) for found in ranks)
    assert_equal(first, second)
    for name, value in weights(ranks[0]['drawn dual']).items():
        assert first[name].dtype == value.dtype
        assert first[name].isfinite().all(), name


def test_average_over_time(ranks):
    """Each teacher has its process's statistics; the epoch's end makes them one."""
    before, after = (
        [found[f'mean_teacher{name}'] for found in ranks]
        for name in ('', ' after the epoch')
    )
    assert_equal(*map(weights, before))
    assert_equal(*after)
    assert after[0]['teacher.steps'] == STEPS
    for part in ('students.0', 'teacher.module'):
        name = f'{part}.backbone.bn1.running_mean'
        one, other = (state[name] for state in before)
        assert not torch.equal(one, other)
        assert_close(after[0][name], (one + other) / 2)


def test_in_runner(ranks):
    """A run from a config: one model, one record of responses, one score."""
    first, second = ranks
    assert_equal(first['run'], second['run'])
    assert first['responses'] == second['responses']
    assert first['responses']['steps'] == [1, 2]
    assert first['scores'].keys() == second['scores'].keys() >= {'val/mean/AP'}
    assert all(np.isfinite(value).all() for value in first['scores'].values())
