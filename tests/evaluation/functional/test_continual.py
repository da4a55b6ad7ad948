"""Averages, forgetting and transfer over tasks, by hand."""

import numpy as np

from mmpose_ext.evaluation.functional.continual import (
    average_error,
    backward_transfer,
    forgetting,
    forward_transfer,
)

NAN = float('nan')
ERRORS = np.array(
    [
        [50.0, 120.0, NAN],
        [70.0, 60.0, 110.0],
        [65.0, 90.0, 55.0],
    ]
)


def test_values():
    np.testing.assert_allclose(average_error(ERRORS), [50, 65, 70])
    np.testing.assert_allclose(forgetting(ERRORS), [15, 30])
    np.testing.assert_allclose(backward_transfer(ERRORS), [15, 30])
    reference = np.array([200.0, 150.0, 100.0])
    np.testing.assert_allclose(forward_transfer(ERRORS, reference), [30, -10])


def test_forgetting_counts_from_the_best_moment():
    errors = np.array([[50.0, NAN, NAN], [40.0, 60.0, NAN], [45.0, 58.0, 30.0]])
    np.testing.assert_allclose(forgetting(errors), [5, 0])
    np.testing.assert_allclose(backward_transfer(errors), [-5, -2])


def test_one_task():
    errors = np.array([[50.0]])
    assert average_error(errors).tolist() == [50]
    assert forgetting(errors).size == backward_transfer(errors).size == 0
