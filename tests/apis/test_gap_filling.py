import numpy as np
import pytest

from mmpose_ext.apis.gap_filling import GapOptions, fill_gaps


def test_values():
    frames = np.array([3, 4, 8])
    detections = np.array([[0.0, 0], [10, 20], [50, 60]], np.float32)
    scores = np.array([[1.0], [0.8], [0.4]], np.float32)
    times = np.arange(6) / 10
    values, lowered, filled = fill_gaps(
        frames, detections, scores, times, half_life=0.1
    )
    assert values.dtype == lowered.dtype == np.float32
    assert filled.tolist() == [False, False, True, True, True, False]
    np.testing.assert_allclose(values[:, 0], [0, 10, 20, 30, 40, 50])
    np.testing.assert_array_equal(values[~filled], detections)
    np.testing.assert_array_equal(lowered[~filled], scores)
    np.testing.assert_allclose(
        lowered[filled, 0], [0.7 / 2, 0.6 / 4, 0.5 / 2], rtol=1e-5
    )


def test_real_times_count():
    """The frame between is nearer in time to the second detection."""
    values, scores, _ = fill_gaps(
        np.array([0, 2]),
        np.array([0.0, 1.0]),
        np.ones((2, 17)),
        np.array([0, 0.3, 0.4]),
        half_life=0.1,
    )
    np.testing.assert_allclose(values, [0, 0.75, 1])
    np.testing.assert_allclose(scores[1], 0.5)


def test_one_frame():
    values, scores, filled = fill_gaps(
        np.array([7]), np.ones((1, 3)), np.ones((1, 17)), np.array([2.0]), half_life=1
    )
    assert values.shape == (1, 3) and scores.shape == (1, 17) and not filled.any()


def test_invalid():
    ones = np.ones((2, 17))
    with pytest.raises(ValueError, match='expected some, increasing'):
        fill_gaps(np.array([2, 2]), ones, ones, np.zeros(1), half_life=1)
    with pytest.raises(ValueError, match='1 times for the frames 2 to 4; expected 3'):
        fill_gaps(np.array([2, 4]), ones, ones, np.zeros(1), half_life=1)
    with pytest.raises(ValueError, match='max_gap=0; expected seconds'):
        GapOptions(max_gap=0)
