"""Batches beside the training that leave no trace."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch import nn
from torch.utils.data import DataLoader

from mmpose_ext.engine.side_trip import bare_model, first_batches, side_trip


def draw():
    return random.random(), np.random.rand(), torch.rand(()).item()


@pytest.fixture
def model():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    model[1].eval()
    model(torch.ones(1, 2)).sum().backward()
    return model


def test_nothing_remains(model):
    gradient = model[0].weight.grad
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    expected = draw()
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    with side_trip(model, step=5):
        assert model[0].weight.grad is None
        model.train()
        (3 * model(torch.ones(1, 2))).sum().backward()
        draw()
    assert draw() == expected
    assert model[0].weight.grad is gradient
    assert [m.training for m in model.modules()] == [True, True, False]


def test_the_same_trip_again(model):
    drawn = []
    for step, salt in ((5, 0), (5, 0), (6, 0), (5, 1)):
        draw()
        with side_trip(model, step=step, salt=salt):
            drawn.append(draw())
    assert drawn[0] == drawn[1] and len(set(drawn)) == 3


def test_restored_after_an_error(model):
    with pytest.raises(KeyError), side_trip(model, step=0):
        model.eval()
        raise KeyError
    assert model.training and model[0].weight.grad is not None


def test_first_batches():
    loader = DataLoader(range(10), 2, sampler=DefaultSampler(range(10), seed=1))
    whole = [batch.tolist() for batch in first_batches(loader, None, epoch=4)]
    assert len(whole) == 5
    again = [batch.tolist() for batch in first_batches(loader, 2, epoch=4)]
    assert again == whole[:2]
    other = [batch.tolist() for batch in first_batches(loader, 2, epoch=5)]
    assert other != again
    plain = DataLoader(range(10), 2)
    assert [b.tolist() for b in first_batches(plain, 1, epoch=1)] == [[0, 1]]


def test_bare_model(model):
    assert bare_model(model) is model
