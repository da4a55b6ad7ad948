"""Angles that stay within their limits."""

import numpy as np

from mmpose_ext.simulation.joint_limits import clamp_to_limits
from mmpose_ext.simulation.skeleton import DEGREES, JOINT_LIMITS


def test_clamp_bounds_and_keeps_what_is_inside():
    generator = np.random.default_rng(0)
    wild = generator.normal(0, 4, (100, len(DEGREES)))
    finite = np.isfinite(JOINT_LIMITS).all(axis=1)
    for margin in (0.0, 0.1):
        clamped = clamp_to_limits(wild, margin=margin)
        assert (clamped >= JOINT_LIMITS[:, 0]).all()
        assert (clamped <= JOINT_LIMITS[:, 1]).all()
        np.testing.assert_array_equal(clamped[:, ~finite], wild[:, ~finite])
        middle = JOINT_LIMITS[finite].mean(axis=1)
        inside = np.zeros(len(DEGREES))
        inside[finite] = middle
        np.testing.assert_allclose(clamp_to_limits(inside, margin=margin), inside)
