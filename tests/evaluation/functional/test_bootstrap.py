"""Gain over a reference, with its interval."""

import numpy as np
import pytest

from mmpose_ext.evaluation.functional.bootstrap import relative_gain


def test_values():
    errors = np.array([40.0, 60.0])
    reference = np.array([80.0, 90.0])
    frames = np.array([100, 300])
    gain = relative_gain(errors, reference, frames, np.array(['a', 'b']))
    # (40 * 100 + 60 * 300) / (80 * 100 + 90 * 300)
    assert gain.value == pytest.approx(1 - 22000 / 35000)
    # Two clusters: the extremes are two draws of the same one.
    assert gain.low == pytest.approx(1 - 60 / 90)
    assert gain.high == pytest.approx(1 - 40 / 80)


def test_a_constant_ratio_has_no_spread():
    rng = np.random.default_rng(0)
    reference = rng.uniform(50, 150, 40)
    clusters = np.repeat(np.arange(10), 4)
    gain = relative_gain(reference * 0.7, reference, np.ones(40), clusters)
    assert gain == pytest.approx((0.3, 0.3, 0.3))


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(1)
    reference = np.full(400, 100.0)
    errors = np.repeat(rng.normal(70, 10, 20), 20)
    frames = np.ones(400)
    clustered = relative_gain(errors, reference, frames, np.repeat(np.arange(20), 20))
    single = relative_gain(errors, reference, frames, np.arange(400))
    assert clustered.value == pytest.approx(single.value)
    assert clustered.high - clustered.low > 3 * (single.high - single.low)


def test_invalid():
    ones = np.ones(3)
    with pytest.raises(ValueError, match='one entry a sequence'):
        relative_gain(ones, ones, np.ones(2), np.arange(3))
    with pytest.raises(ValueError, match='no sequence'):
        relative_gain(ones[:0], ones[:0], ones[:0], np.arange(0))
