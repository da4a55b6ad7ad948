import numpy as np
import pytest

from mmpose_ext.evaluation.functional.idf1 import identity_scores


def score(*frames, **options):
    """Each frame: true numbers, predicted numbers, similarity (1 on the diagonal)."""
    true, pred = [f[0] for f in frames], [f[1] for f in frames]
    alike = [f[2] if len(f) > 2 else np.eye(len(f[0]), len(f[1])) for f in frames]
    return identity_scores(true, pred, alike, **options)


def test_perfect_under_other_numbers():
    result = score(*[([1, 2], [20, 10])] * 5)
    assert result == (1, 1, 1, 0)


def test_swap_in_the_middle():
    """Half of each is right, whichever way people are paired."""
    result = score(*[([1, 2], [1, 2])] * 4, *[([1, 2], [2, 1])] * 4)
    assert result == (0.5, 0.5, 0.5, 2)


def test_new_number_after_return():
    frames = [([1], [1])] * 6 + [([], [])] * 3 + [([1], [7])] * 2
    result = score(*frames)
    assert result.idf1 == pytest.approx(2 * 6 / 16) and result.switches == 1
    assert score(*frames[:9], *[([1], [1])] * 2) == (1, 1, 1, 0)


def test_misses_and_ghosts():
    """3 of 4 found, and 2 boxes of nobody."""
    frames = [([1], [1]), ([1], [1, 9]), ([1], [1, 8]), ([1], [])]
    result = score(*frames)
    assert result.precision == pytest.approx(3 / 5)
    assert result.recall == pytest.approx(3 / 4)
    assert result.idf1 == pytest.approx(6 / 9)
    assert result.switches == 0


def test_pairs_are_kept():
    """A pair that still fits is no switch, though another would fit better."""
    close = np.array([[0.6, 0.9], [0.9, 0.6]])
    result = score(([1, 2], [1, 2]), ([1, 2], [1, 2], close))
    assert result == (1, 1, 1, 0)


def test_threshold():
    alike = np.array([[0.6]])
    assert score(([1], [1], alike)).idf1 == 1
    assert score(([1], [1], alike), threshold=0.7).idf1 == 0


def test_empty():
    result = score(([], []))
    assert np.isnan(result.idf1) and result.switches == 0
    assert score(([1], [])).recall == 0


def test_invalid():
    with pytest.raises(ValueError, match='1 frames of the truth, 2 of the pred'):
        identity_scores([[1]], [[1], [1]], [np.eye(1)])
    with pytest.raises(ValueError, match=r'frame 0: similarity has shape \(1, 1\)'):
        identity_scores([[1, 2]], [[1]], [np.eye(1)])
    with pytest.raises(ValueError, match='frame 1: a predicted number occurs twice'):
        score(([1], [1]), ([1], [3, 3]))
