"""Forward kinematics of the articulated person and its surface."""

import numpy as np
import pytest

from mmpose_ext.geometry import FLIP_INDICES, H36M17
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.kinematics import (
    JointState,
    capsule_axes,
    forward_kinematics,
)
from mmpose_ext.simulation.skeleton import (
    DEGREE_INDEX,
    DEGREES,
    JOINT_LIMITS,
    POINTS,
    SEGMENTS,
)

JOINT = {name: i for i, name in enumerate(POINTS)}


def random_angles(generator, *shape):
    low, high = np.clip(JOINT_LIMITS.T, -np.pi, np.pi)
    return generator.uniform(low, high, (*shape, len(DEGREES)))


@pytest.mark.parametrize('batch', [(), (5,), (2, 3)])
def test_shapes(body, batch):
    angles = random_angles(np.random.default_rng(0), *batch)
    result = forward_kinematics(body, JointState(angles, np.zeros((*batch, 3))))
    assert result.points.shape == (*batch, len(POINTS), 3)
    assert result.pose.shape == (*batch, 17, 3)
    rotations = result.rotations
    assert rotations.shape == (*batch, len(SEGMENTS), 3, 3)
    product = rotations @ np.swapaxes(rotations, -1, -2)
    np.testing.assert_allclose(
        product, np.broadcast_to(np.eye(3), product.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


@pytest.mark.parametrize(
    ('angle', 'point', 'direction'),
    [
        ('left_knee_flexion', 'left_foot', (-1, 0, 1)),
        ('right_knee_flexion', 'right_foot', (-1, 0, 1)),
        ('left_elbow_flexion', 'left_wrist', (1, 0, 1)),
        ('left_hip_flexion', 'left_knee', (1, 0, 1)),
        ('left_hip_abduction', 'left_knee', (0, 1, 1)),
        ('right_hip_abduction', 'right_knee', (0, -1, 1)),
        ('left_shoulder_flexion', 'left_elbow', (1, 0, 1)),
        ('right_shoulder_abduction', 'right_elbow', (0, -1, 1)),
        ('left_clavicle_elevation', 'left_shoulder', (0, -1, 1)),
        ('right_clavicle_elevation', 'right_shoulder', (0, 1, 1)),
        ('lumbar_flexion', 'thorax', (1, 0, -1)),
        ('chest_bend', 'thorax', (0, -1, -1)),
        ('pelvis_yaw', 'left_hip', (-1, -1, 0)),
        ('left_hip_rotation', 'left_toe', (-1, -1, 0)),
        ('right_hip_rotation', 'right_toe', (-1, 1, 0)),
        ('left_ankle_dorsiflexion', 'left_toe', (1, 0, 1)),
    ],
)
def test_positive_angles_move_as_named(body, posture, angle, point, direction):
    rest = forward_kinematics(body, posture()).points[JOINT[point]]
    moved = forward_kinematics(body, posture(**{angle: 25})).points[JOINT[point]]
    step = moved - rest
    step[np.abs(step) < 1e-9] = 0
    np.testing.assert_array_equal(np.sign(step), direction)


def test_knee_at_a_right_angle(body, posture):
    points = forward_kinematics(body, posture(left_knee_flexion=90)).points
    shank = points[JOINT['left_foot']] - points[JOINT['left_knee']]
    np.testing.assert_allclose(shank, [-body.shank_length, 0, 0], atol=1e-12)


def test_mirrored_angles_give_the_mirrored_pose(body):
    angles = random_angles(np.random.default_rng(1), 20)
    mirrored = angles.copy()
    for i, degree in enumerate(DEGREES):
        if degree.name.startswith('left_'):
            other = DEGREE_INDEX['right_' + degree.name[5:]]
            mirrored[:, [i, other]] = angles[:, [other, i]]
        elif degree.axis != 1 and not degree.name.startswith('right_'):
            mirrored[:, i] = -angles[:, i]
    root = np.zeros((20, 3))
    pose = forward_kinematics(body, JointState(angles, root)).pose
    other = forward_kinematics(body, JointState(mirrored, root)).pose
    np.testing.assert_allclose(
        other, pose[:, list(FLIP_INDICES)] * [1, -1, 1], atol=1e-12
    )


def test_bones_keep_their_length(body):
    angles = random_angles(np.random.default_rng(2), 50)
    pose = forward_kinematics(body, JointState(angles, np.zeros((50, 3)))).pose
    for parent, child in H36M17.edges:
        length = np.linalg.norm(pose[:, child] - pose[:, parent], axis=-1)
        np.testing.assert_allclose(length, body.bone_lengths[child], atol=1e-12)


def test_capsules_cover_the_body(body, posture):
    start, end, radii = capsule_axes(body, forward_kinematics(body, posture()))
    assert start.shape == end.shape == (len(CAPSULES), 3)
    assert radii.shape == (len(CAPSULES),) and (radii > 0.02).all()
    index = [capsule.name for capsule in CAPSULES].index('head')
    points = forward_kinematics(body, posture()).points
    to_top = np.linalg.norm(points[JOINT['head']] - end[index])
    assert to_top == pytest.approx(radii[index])


def test_invalid(body):
    with pytest.raises(ValueError, match=r'expected \(\.\.\., 39\)'):
        forward_kinematics(body, JointState(np.zeros((3, 5)), np.zeros((3, 3))))
    with pytest.raises(ValueError, match='do not fit'):
        forward_kinematics(body, JointState(np.zeros(len(DEGREES)), np.zeros((2, 3))))
