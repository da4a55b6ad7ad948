"""Left and right exchanged."""

import numpy as np

from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.motions.mirroring import mirrored
from mmpose_ext.simulation.motions.roaming import roam
from mmpose_ext.simulation.motions.target_solver import solve


def moved():
    generator = np.random.default_rng(0)
    body = Body.sample(generator)
    return body, roam(body, np.arange(40) / 10, generator)


def test_poses_are_mirror_images():
    body, targets = moved()
    pose = forward_kinematics(body, solve(body, targets)).pose
    other = forward_kinematics(body, solve(body, mirrored(targets))).pose
    flipped = pose[:, FLIP_INDICES] * [1, -1, 1]
    assert np.abs(pose - flipped).max() > 0.05
    np.testing.assert_allclose(other, flipped, atol=1e-9)


def test_twice_mirrored_is_the_same():
    _, targets = moved()
    again = mirrored(mirrored(targets))
    for name in ('pelvis', 'tilt', 'ankles', 'foot_yaw', 'foot_pitch', 'free'):
        np.testing.assert_array_equal(getattr(again, name), getattr(targets, name))
    assert set(again.angles) == set(targets.angles)
    for name, values in targets.angles.items():
        np.testing.assert_array_equal(again.angles[name], values)
