"""Movements done again and again."""

import numpy as np

from mmpose_ext.simulation.motions.repetitions import Repetitions

T = np.arange(0, 40, 0.01)


def draw(seed=0, **options):
    return Repetitions.draw(T, np.random.default_rng(seed), period=(2, 3), **options)


def test_repetitions_take_as_long_as_asked():
    part = draw().part
    assert part.min() >= 0 and part.max() < 1
    (begins,) = np.nonzero(np.diff(part) < 0)
    np.testing.assert_allclose(np.diff(T[begins]), np.diff(T[begins])[0], atol=0.011)
    assert 2 <= np.diff(T[begins])[0] <= 3


def test_each_repetition_has_a_size():
    repetitions = draw(size=(0.5, 0.8))
    assert repetitions.size.min() >= 0.5 and repetitions.size.max() <= 0.8
    changes = np.diff(repetitions.size) != 0
    assert (np.diff(repetitions.part)[changes] < 0).all() and changes.sum() > 10


def test_there_and_back_rests_at_both_ends():
    repetitions = draw()
    way = repetitions.there_and_back(0.1, 0.4, 0.6, 0.9)
    part = repetitions.part
    assert (way[(part < 0.1) | (part > 0.9)] == 0).all()
    assert (way[(part > 0.4) & (part < 0.6)] == 1).all()
    assert ((way > 0) & (way < 1)).any()
    assert np.abs(np.diff(way)).max() < 0.05
