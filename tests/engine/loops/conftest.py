"""A store of four simulated people, and runs over tasks on it."""

from __future__ import annotations

import functools

import pytest

from mmpose_ext.datasets.synthetic_mmfi import ensure_synthetic_mmfi
from tests.fixtures.task_runs import (
    ACTIONS,
    OTHERWISE,
    pair_config,
    task_config,
    traced,
)


@pytest.fixture(scope='session')
def task_store(tmp_path_factory):
    """Four simulated people, three actions of eight frames."""
    return ensure_synthetic_mmfi(
        tmp_path_factory.mktemp('mmfi') / 'store',
        num_subjects=4,
        actions=ACTIONS,
        num_frames=8,
    )


@pytest.fixture(scope='session')
def load(task_store):
    """See ``task_config``."""
    return functools.partial(task_config, task_store)


@pytest.fixture(scope='session')
def load_pair(task_store):
    """See ``pair_config``."""
    return functools.partial(pair_config, task_store)


@pytest.fixture(scope='session')
def uninterrupted(load, tmp_path_factory):
    """The whole method in a run that nothing happens to."""
    return traced(load(tmp_path_factory.mktemp('whole')))


@pytest.fixture(scope='session')
def otherwise(load, tmp_path_factory):
    """The same with ``OTHERWISE``: two tasks, two epochs of fitting before the second.

    The fitted weights are kept, and the Fisher information adds up.
    """
    return traced(load(tmp_path_factory.mktemp('otherwise'), **OTHERWISE))
