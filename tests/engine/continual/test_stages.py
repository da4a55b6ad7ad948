"""Epochs of tasks in one row."""

import pytest

from mmpose_ext.engine.continual import plan_stages


def test_values():
    stages = plan_stages(3, train_epochs=2, fit_epochs=1)
    told = [(stage.task, stage.phase, stage.epoch) for stage in stages]
    assert told == [
        (0, 'train', 0),
        (0, 'train', 1),
        (1, 'fit', 0),
        (1, 'train', 0),
        (1, 'train', 1),
        (2, 'fit', 0),
        (2, 'train', 0),
        (2, 'train', 1),
    ]
    assert [stage.begins for stage in stages[2:4]] == [True, True]
    assert [stage.ends for stage in stages[2:5]] == [True, False, True]
    assert str(stages[4]) == 'task 2, train epoch 2 of 2'


def test_without_fitting():
    assert len(plan_stages(7, train_epochs=5)) == 35


def test_invalid():
    for options in ({'train_epochs': 0}, {'train_epochs': 1, 'fit_epochs': -1}):
        with pytest.raises(ValueError, match='must be positive'):
            plan_stages(2, **options)
    with pytest.raises(ValueError, match='num_tasks=0'):
        plan_stages(0, train_epochs=1)
