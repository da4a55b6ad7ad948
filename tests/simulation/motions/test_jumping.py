"""Jumping."""

import numpy as np

from mmpose_ext.simulation.motions.targets import GRAVITY

FPS = 50


def test_jumps_are_ballistic(clips):
    for clip in clips['jump']:
        heels, toes = clip.soles
        flying = np.minimum(heels, toes).min(axis=1) > 0.03
        assert flying.sum() > 8
        inside = flying[2:] & flying[1:-1] & flying[:-2]
        fall = np.diff(clip.kinematics.pose[:, 0, 2], 2)[inside] * FPS**2
        np.testing.assert_allclose(fall, -GRAVITY, atol=0.5)
