"""Squatting and sitting down."""

import numpy as np

from mmpose_ext.simulation.skeleton import POINTS

SEEDS = range(4)
JOINT = {name: i for i, name in enumerate(POINTS)}
FEET = [POINTS.index('right_foot'), POINTS.index('left_foot')]


def test_squats_go_down_over_standing_feet(clips):
    for _, _, kinematics in clips['squat']:
        pose = kinematics.pose
        assert np.ptp(pose[:, 0, 2]) > 0.12
        assert np.ptp(pose[:, FEET], axis=0).max() < 0.005


def test_sitting_people_have_level_thighs(simulate):
    for seed in SEEDS:
        body, _, kinematics = simulate('sit', seed, frames=450)
        pose = kinematics.pose
        lowest = pose[:, 0, 2].argmin()
        height = (
            pose[lowest, JOINT['left_hip'], 2] - pose[lowest, JOINT['left_knee'], 2]
        )
        assert abs(height) < 0.3 * body.thigh_length
        assert pose[lowest, JOINT['head'], 2] < 0.85 * body.stature
        assert pose[:, JOINT['head'], 2].max() > 0.93 * body.stature
