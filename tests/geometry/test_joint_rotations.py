import numpy as np
import pytest
from lifted_clips import moving_person
from scipy.spatial.transform import Rotation

from mmpose_ext.geometry import H36M17
from mmpose_ext.geometry.joint_rotations import (
    RIG,
    camera_to_y_up,
    rig_rotations,
    swing,
    twist,
)


def rest_pose():
    """The rig at rest, all bones 0.2 m; y up."""
    pose = np.zeros((17, 3))
    for node in RIG[1:]:
        pose[node.end] = pose[node.start] + 0.2 * np.array(node.rest)
    return pose


def test_rig_covers_every_bone_once():
    bones = [(node.start, node.end) for node in RIG[1:]]
    assert sorted(bones) == sorted(H36M17.edges)
    for index, node in enumerate(RIG[1:], start=1):
        assert 0 <= node.parent < index
        above = RIG[node.parent]
        assert node.start in (above.start, above.end), 'bones are joined'


def test_rest_pose_has_no_rotation():
    rotations = rig_rotations(rest_pose()[None])
    np.testing.assert_allclose(rotations[0], np.broadcast_to(np.eye(3), (17, 3, 3)))


def test_turned_person_turns_at_hips_only():
    rotation = Rotation.random(8, random_state=0).as_matrix()
    poses = np.einsum('fij,kj->fki', rotation, rest_pose())
    rotations = rig_rotations(poses)
    np.testing.assert_allclose(rotations[:, 0], rotation, atol=1e-9)
    rest = np.broadcast_to(np.eye(3), (8, 16, 3, 3))
    np.testing.assert_allclose(rotations[:, 1:], rest, atol=1e-9)


def test_one_bent_elbow():
    pose = rest_pose()
    pose[13] = pose[12] + [0, 0, 0.2]  # the left forearm points forward
    rotations = rig_rotations(pose[None])[0]
    names = [node.name for node in RIG]
    expected = Rotation.from_euler('y', -90, degrees=True).as_matrix()
    np.testing.assert_allclose(
        rotations[names.index('LeftForeArm')], expected, atol=1e-9
    )
    others = np.delete(rotations, names.index('LeftForeArm'), axis=0)
    np.testing.assert_allclose(others, np.broadcast_to(np.eye(3), (16, 3, 3)))


def test_shoulders_twist_the_spine():
    pose = rest_pose()
    upper = [8, 9, 10, 11, 12, 13, 14, 15, 16]
    turn = Rotation.from_euler('y', 40, degrees=True).as_matrix()
    pose[upper] = pose[upper] @ turn.T
    rotations = rig_rotations(pose[None])[0]
    spine = [node.name for node in RIG].index('Spine')
    np.testing.assert_allclose(rotations[spine], turn, atol=1e-9)
    others = np.delete(rotations, spine, axis=0)
    expected = np.broadcast_to(np.eye(3), (16, 3, 3))
    np.testing.assert_allclose(others, expected, atol=1e-9)


@pytest.mark.parametrize('name', ['walk', 'sit', 'turn', 'kick'])
def test_rotations_are_smooth_and_proper(name):
    poses = camera_to_y_up(moving_person(name, 60, seed=3, fps=50))
    rotations = rig_rotations(poses)
    product = rotations @ rotations.swapaxes(-1, -2)
    np.testing.assert_allclose(
        product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-9)
    step = rotations[1:] @ rotations[:-1].swapaxes(-1, -2)
    cosine = (np.trace(step, axis1=-2, axis2=-1) - 1) / 2
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 25


def test_degenerate_bones_do_not_turn():
    rotations = rig_rotations(np.zeros((2, 17, 3)))
    np.testing.assert_array_equal(rotations, np.broadcast_to(np.eye(3), (2, 17, 3, 3)))
    with pytest.raises(ValueError, match=r'expected \(F, 17, 3\)'):
        rig_rotations(np.zeros((17, 3)))


def test_swing():
    generator = np.random.default_rng(1)
    directions = generator.normal(size=(50, 3))
    directions[0] = [0, -2, 0]  # opposite
    directions[1] = [1e-9, -1, 0]
    directions[2] = [0, 3, 0]
    axis = np.array([0.0, 1, 0])
    turned = swing(axis, directions)
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    np.testing.assert_allclose(turned @ axis, unit, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(turned), 1, atol=1e-6)
    # The shortest way: its own axis is at a right angle to both.
    rotvec = Rotation.from_matrix(turned[3:]).as_rotvec()
    np.testing.assert_allclose(rotvec @ axis, 0, atol=1e-9)


def test_twist_is_about_the_axis():
    axis, rest = np.array([0.0, 1, 0]), np.array([1.0, 0, 0])
    wanted = Rotation.from_euler('y', [[30], [-170], [90]], degrees=True).as_matrix()
    directions = wanted @ rest + 5 * axis  # what lies along the axis does not count
    identity = np.broadcast_to(np.eye(3), (3, 3, 3))
    found = twist(identity, axis, rest, directions)
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    np.testing.assert_array_equal(
        twist(identity[:1], axis, rest, axis[None])[0], np.eye(3)
    )
