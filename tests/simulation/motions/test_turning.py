"""Turning on the spot."""

import numpy as np


def test_turns_change_the_heading(clips):
    for _, state, _ in clips['turn']:
        assert np.ptp(state.angles[:, 0]) > 0.5
