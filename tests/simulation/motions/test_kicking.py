"""Kicking."""

import numpy as np

from mmpose_ext.simulation.skeleton import POINTS

FPS = 50
SEEDS = range(4)
FEET = [POINTS.index('right_foot'), POINTS.index('left_foot')]


def speeds(points):
    return np.linalg.norm(np.diff(points, axis=0), axis=-1) * FPS


def test_kicks_are_fast_and_leave_one_foot_standing(simulate):
    for seed in SEEDS:
        _, _, kinematics = simulate('kick', seed, frames=250)
        ways = np.ptp(kinematics.pose[:, FEET], axis=0).max(axis=-1)
        assert ways.min() < 0.005 and ways.max() > 0.5
        assert speeds(kinematics.pose)[:, FEET].max() > 3.5
