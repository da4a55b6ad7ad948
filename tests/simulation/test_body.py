"""Measures, joint limits and kinematics of the articulated person."""

import numpy as np
import pytest

from mmpose_ext.geometry import FLIP_INDICES, H36M17
from mmpose_ext.simulation.body import (
    CAPSULES,
    DEGREE_INDEX,
    DEGREES,
    JOINT_LIMITS,
    POINTS,
    SEGMENTS,
    Body,
    JointState,
    capsule_axes,
    clamp_to_limits,
    forward_kinematics,
    leg_angles,
    segment_rotations,
)

JOINT = {name: i for i, name in enumerate(POINTS)}


@pytest.fixture
def body():
    return Body.sample(np.random.default_rng(3))


def posture(**degrees):
    """Points of one posture, the root at the origin."""
    angles = np.zeros(len(DEGREES))
    for name, value in degrees.items():
        angles[DEGREE_INDEX[name]] = np.radians(value)
    return JointState(angles, np.zeros(3))


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


def test_standing_person_is_as_tall_as_its_stature(body):
    points = forward_kinematics(body, posture()).points
    floor = points[JOINT['left_foot'], 2] - body.ankle_height
    assert points[JOINT['head'], 2] - floor == pytest.approx(body.stature)
    soles = points[[JOINT['left_heel'], JOINT['right_toe']], 2] - body.foot_radius
    np.testing.assert_allclose(soles, floor)


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
def test_positive_angles_move_as_named(body, angle, point, direction):
    rest = forward_kinematics(body, posture()).points[JOINT[point]]
    moved = forward_kinematics(body, posture(**{angle: 25})).points[JOINT[point]]
    step = moved - rest
    step[np.abs(step) < 1e-9] = 0
    np.testing.assert_array_equal(np.sign(step), direction)


def test_knee_at_a_right_angle(body):
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


def test_clamp_bounds_and_keeps_what_is_inside():
    generator = np.random.default_rng(0)
    wild = generator.normal(0, 4, (100, len(DEGREES)))
    finite = np.isfinite(JOINT_LIMITS).all(axis=1)
    for margin in (0.0, 0.1):
        clamped = clamp_to_limits(wild, margin=margin)
        assert (clamped >= JOINT_LIMITS[:, 0]).all()
        assert (clamped <= JOINT_LIMITS[:, 1]).all()
        np.testing.assert_array_equal(clamped[:, ~finite], wild[:, ~finite])
        middle = JOINT_LIMITS[finite].mean(axis=1)
        inside = np.zeros(len(DEGREES))
        inside[finite] = middle
        np.testing.assert_allclose(clamp_to_limits(inside, margin=margin), inside)


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


def test_capsules_cover_the_body(body):
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
