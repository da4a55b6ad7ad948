"""Numbered draws: the same again, and nothing else disturbed."""

import random

import numpy as np

from mmpose_ext.datasets.seeded_draw import seeded_draw


def drawn(seed, draw):
    with seeded_draw(seed, draw):
        return np.random.rand(), random.random(), np.random.normal()


def test_values():
    first = drawn(0, 5)
    np.random.rand(7)
    random.random()
    assert drawn(0, 5) == first
    others = [drawn(0, 6), drawn(1, 5), drawn(5, 0), drawn(0, 5 + 2**32)]
    assert len({first, *others}) == 5
    assert not {value for row in others for value in row} & set(first)


def test_the_generators_go_on():
    np.random.seed(3)
    random.seed(3)
    expected = np.random.rand(4).tolist(), [random.random() for _ in range(4)]
    np.random.seed(3)
    random.seed(3)
    found = [], []
    for number in range(4):
        found[0].append(np.random.rand())
        found[1].append(random.random())
        drawn(0, number)
    assert found == expected


def test_after_an_error():
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    try:
        with seeded_draw(0, 0):
            raise KeyError
    except KeyError:
        pass
    assert np.random.rand() == expected


def test_draws_are_uniform():
    values = np.array([drawn(0, number)[:2] for number in range(2000)])
    for column in values.T:
        shares = np.histogram(column, bins=4, range=(0, 1))[0] / len(values)
        np.testing.assert_allclose(shares, 0.25, atol=0.04)
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.06
