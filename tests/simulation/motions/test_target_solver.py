"""Joint angles that meet the targets."""

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.motions.target_solver import solve
from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.skeleton import POINTS

JOINT = {name: i for i, name in enumerate(POINTS)}
FEET = [POINTS.index('right_foot'), POINTS.index('left_foot')]
HEELS = [POINTS.index('right_heel'), POINTS.index('left_heel')]
TOES = [POINTS.index('right_toe'), POINTS.index('left_toe')]


def test_solve_meets_the_targets_and_lowers_a_pelvis_that_is_too_high():
    body = Body.sample(np.random.default_rng(0))
    pelvis = np.array([[0.0, 0.05, 0.8], [0.0, 0, 1.6]])
    ankles = np.array(
        [[[0.15, -0.2, 0.15], [0.15, 0.1, 0.1]], [[0, -0.1, 0.1], [0, 0.1, 0.1]]]
    )
    zeros = np.zeros((2, 2))
    tilt = np.array([[0.2, 0.1, -0.1], [0, 0, 0]])
    state = solve(body, Targets(pelvis, tilt, ankles, zeros + 0.1, zeros, zeros))
    points = forward_kinematics(body, state).points
    np.testing.assert_allclose(points[:, FEET], ankles, atol=1e-3)
    np.testing.assert_allclose(points[0, 0], pelvis[0], atol=1e-6)
    heading = points[:, TOES] - points[:, HEELS]
    np.testing.assert_allclose(heading[..., 2], 0, atol=0.005)
    angle = np.arctan2(heading[..., 1], heading[..., 0])
    np.testing.assert_allclose(angle, 0.1, atol=0.05)
    leg = points[1, FEET] - points[1, [JOINT['right_hip'], JOINT['left_hip']]]
    length = np.linalg.norm(leg, axis=-1) / body.leg_length
    assert (length > 0.98).all() and (length < 0.9965).all()
