"""Nose, eyes and ears."""

import numpy as np
import pytest

from mmpose_ext.simulation.head_points import (
    HEAD_POINTS,
    head_offsets,
    head_points,
    head_radius,
)
from mmpose_ext.simulation.kinematics import forward_kinematics

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = range(5)


def test_values(body, posture):
    """Upright, looking along +x: nose ahead, eyes above it, left on +y."""
    points = head_points(body, forward_kinematics(body, posture()))
    assert points.shape == (len(HEAD_POINTS), 3)
    assert points[NOSE, 0] == points[:, 0].max() and abs(points[NOSE, 1]) < 1e-9
    assert (points[[LEFT_EYE, RIGHT_EYE], 2] > points[NOSE, 2]).all()
    assert points[LEFT_EAR, 1] > points[LEFT_EYE, 1] > 0.02
    mirrored = points[[NOSE, RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR]] * (1, -1, 1)
    np.testing.assert_allclose(mirrored, points, atol=1e-12)
    assert np.linalg.norm(points[LEFT_EAR] - points[RIGHT_EAR]) < 0.25


def test_points_lie_on_the_head(body):
    across = np.linalg.norm(head_offsets(body)[:, :2], axis=-1)
    assert across[NOSE] > head_radius(body)
    np.testing.assert_allclose(across[1:], head_radius(body), atol=0.006)


@pytest.mark.parametrize(
    ('angles', 'moves'),
    [
        ({'pelvis_yaw': 90}, lambda d: d[1] > 0.09 and abs(d[0]) < 0.01),
        ({'head_flexion': 30, 'neck_flexion': 40}, lambda d: d[2] < -0.09),
        ({'head_twist': 40}, lambda d: d[0] > 0 and d[1] > 0.06),
    ],
)
def test_nose_follows_the_head(body, posture, angles, moves):
    points = head_points(body, forward_kinematics(body, posture(**angles)))
    ears = points[[LEFT_EAR, RIGHT_EAR]].mean(axis=0)
    assert moves(points[NOSE] - ears)
