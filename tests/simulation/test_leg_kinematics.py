"""Inverse kinematics of the legs."""

import numpy as np
import pytest

from mmpose_ext.simulation.kinematics import (
    JointState,
    forward_kinematics,
    segment_rotations,
)
from mmpose_ext.simulation.leg_kinematics import leg_angles
from mmpose_ext.simulation.skeleton import DEGREE_INDEX, DEGREES, JOINT_LIMITS, POINTS

JOINT = {name: i for i, name in enumerate(POINTS)}


def test_leg_angles_invert_the_kinematics(body):
    generator = np.random.default_rng(4)
    angles = np.zeros((200, len(DEGREES)))
    names = ('hip_flexion', 'hip_abduction', 'hip_rotation', 'knee_flexion')
    columns = [DEGREE_INDEX[f'left_{name}'] for name in names]
    low, high = JOINT_LIMITS[columns].T
    low[3] = np.radians(15)
    angles[:, columns] = generator.uniform(low, high, (200, 4))
    result = forward_kinematics(body, JointState(angles, np.zeros((200, 3))))
    target = result.points[:, JOINT['left_foot']] - result.points[:, JOINT['left_hip']]
    axis = segment_rotations(result, 'left_thigh')[..., 1]
    solved = np.stack(leg_angles(target, axis, body), axis=-1)
    np.testing.assert_allclose(solved, angles[:, columns], atol=1e-6)


def test_leg_does_not_reach_beyond_its_length(body):
    target = np.array([[0.0, 0, -2], [0, 0, -1.2], [0.0, 0, -0.05]])
    axis = np.tile([0.0, 1, 0], (3, 1))
    knee = np.degrees(leg_angles(target, axis, body)[3])
    assert 0 < knee[0] <= knee[1] < 7
    assert knee[2] == pytest.approx(150)
