"""Measures of sampled people."""

import numpy as np
import pytest

from mmpose_ext.geometry import FLIP_INDICES, H36M17
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.skeleton import POINTS

JOINT = {name: i for i, name in enumerate(POINTS)}


def test_standing_person_is_as_tall_as_its_stature(body, posture):
    points = forward_kinematics(body, posture()).points
    floor = points[JOINT['left_foot'], 2] - body.ankle_height
    assert points[JOINT['head'], 2] - floor == pytest.approx(body.stature)
    soles = points[[JOINT['left_heel'], JOINT['right_toe']], 2] - body.foot_radius
    np.testing.assert_allclose(soles, floor)


def test_sampled_people_are_plausible_adults():
    people = [Body.sample(np.random.default_rng(seed)) for seed in range(300)]
    stature = np.array([p.stature for p in people])
    assert 1.48 <= stature.min() < 1.6 and 1.78 < stature.max() <= 1.98
    assert stature.mean() == pytest.approx(1.695, abs=0.02)
    lengths = np.array([p.bone_lengths for p in people])
    flipped = lengths[:, list(FLIP_INDICES)]
    np.testing.assert_allclose(lengths, flipped, atol=1e-12)
    share = lengths / stature[:, None]
    for joint, low, high in (
        ('left_knee', 0.22, 0.27),
        ('left_foot', 0.22, 0.27),
        ('left_hip', 0.045, 0.075),
        ('spine', 0.12, 0.155),
        ('left_elbow', 0.15, 0.18),
        ('left_wrist', 0.13, 0.16),
        ('head', 0.07, 0.14),
    ):
        column = share[:, H36M17.joint_names.index(joint)]
        assert low < column.min() and column.max() < high, joint
        assert column.std() > 0.0005


def test_same_generator_gives_the_same_person():
    first, second = (Body.sample(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.offsets, second.offsets)
    np.testing.assert_array_equal(first.radii, second.radii)
