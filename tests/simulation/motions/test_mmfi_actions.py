"""MM-Fi's actions."""

import numpy as np
import pytest

from mmpose_ext.datasets.mmfi_layout import ACTIONS
from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.motions.mmfi_actions import MMFI_ACTIONS, animate_mmfi
from mmpose_ext.simulation.skeleton import JOINT_LIMITS, POINTS

FPS = 100
JOINT = {name: i for i, name in enumerate(POINTS)}
PAIRS = [
    *(('A04', 'A05'), ('A07', 'A08'), ('A09', 'A10'), ('A13', 'A14'), ('A15', 'A16')),
    *(('A17', 'A18'), ('A20', 'A21'), ('A22', 'A23'), ('A24', 'A25')),
]


def perform(action, seed=1, frames=600, fps=FPS):
    generator = np.random.default_rng(seed)
    body = Body.sample(generator)
    state = animate_mmfi(action, body, num_frames=frames, fps=fps, generator=generator)
    return body, state, forward_kinematics(body, state)


@pytest.fixture(scope='module')
def performed():
    return {action: perform(action) for action in MMFI_ACTIONS}


def way(performed, action, joint, axis):
    """Extent of a joint's places along an axis of the world, metres."""
    points = performed[action][2].points
    return np.ptp(points[:, JOINT[joint], axis])


def test_actions_are_those_of_the_release():
    assert MMFI_ACTIONS == tuple(ACTIONS)


@pytest.mark.parametrize('action', MMFI_ACTIONS)
def test_people_do_what_bodies_can(performed, action):
    _, state, kinematics = performed[action]
    assert (state.angles >= JOINT_LIMITS[:, 0]).all()
    assert (state.angles <= JOINT_LIMITS[:, 1]).all()
    assert kinematics.points[..., 2].min() > -0.03
    speed = np.linalg.norm(np.diff(kinematics.pose, axis=0), axis=-1) * FPS
    acceleration = np.linalg.norm(np.diff(kinematics.pose, 2, axis=0), axis=-1) * FPS**2
    assert 0.3 < speed.max() < 10 and acceleration.max() < 200
    assert np.abs(kinematics.pose[:, 0, :2]).max() < 0.8


@pytest.mark.parametrize('action', MMFI_ACTIONS)
def test_people_face_the_sensors(performed, action):
    pose = performed[action][2].pose
    to_left = pose[:, JOINT['left_shoulder']] - pose[:, JOINT['right_shoulder']]
    ahead = np.cross(to_left, [0, 0, 1.0])
    assert np.median(ahead[:, 0] / np.linalg.norm(ahead, axis=-1)) > 0.6


@pytest.mark.parametrize(('left', 'right'), PAIRS)
def test_left_is_the_mirror_image_of_right(performed, left, right):
    pose = performed[right][2].pose
    flipped = pose[:, FLIP_INDICES] * [1, -1, 1]
    np.testing.assert_allclose(performed[left][2].pose, flipped, atol=1e-9)
    assert np.abs(performed[left][2].pose - pose).max() > 0.1


@pytest.mark.parametrize(
    ('action', 'joint', 'axis'),
    [
        ('A13', 'left_wrist', 2),
        ('A17', 'left_wrist', 2),
        ('A07', 'left_foot', 1),
        ('A15', 'left_foot', 1),
        ('A22', 'left_foot', 1),
        ('A20', 'right_wrist', 0),
    ],
)
def test_the_side_that_is_named_moves(performed, action, joint, axis):
    """It goes farther up, out or ahead than the other one."""
    side, part = joint.split('_')
    points = performed[action][2].points
    moved = points[:, JOINT[joint], axis]
    counterpart = points[
        :, JOINT[f'{"right" if side == "left" else "left"}_{part}'], axis
    ]
    if axis == 1:
        counterpart = -counterpart
    assert np.ptp(moved) > 0.05
    assert moved.max() > counterpart.max() + 0.05


def test_the_body_extends_to_the_side_that_is_named(performed):
    for action, sign in (('A24', 1), ('A25', -1)):
        lean = sign * performed[action][2].points[:, JOINT['head'], 1]
        assert lean.max() > 0.25 and lean.min() > -0.1


@pytest.mark.parametrize(
    ('action', 'joint', 'least'),
    [('A12', 'root', 0.12), ('A19', 'head', 0.3), ('A27', 'head', 0.2)],
)
def test_people_go_down(performed, action, joint, least):
    assert way(performed, action, joint, 2) > least


def test_jumps_leave_the_floor_and_steps_stay_near_it(performed):
    def lowest(action):
        feet = [
            JOINT[f'{side}_{part}']
            for side in ('left', 'right')
            for part in ('toe', 'heel')
        ]
        return performed[action][2].points[:, feet, 2].min(axis=1).max()

    assert lowest('A26') > 0.1
    assert lowest('A06') < 0.08


def test_people_differ_and_the_generator_decides():
    first = perform('A09', seed=3, frames=60)[2].pose
    np.random.seed(0)
    np.testing.assert_array_equal(perform('A09', seed=3, frames=60)[2].pose, first)
    relative = first - first[:, :1]
    other = perform('A09', seed=4, frames=60)[2].pose
    assert np.abs(other - other[:, :1] - relative).max() > 0.05


@pytest.mark.parametrize('action', ['A06', 'A12', 'A26'])
def test_motion_does_not_depend_on_the_frame_rate(action):
    slow = perform(action, frames=30, fps=10)[2].pose
    fast = perform(action, frames=300, fps=100)[2].pose
    np.testing.assert_allclose(fast[::10], slow, atol=1e-9)


@pytest.mark.parametrize(
    ('action', 'frames', 'fps', 'words'),
    [
        ('A28', 10, 10, "'A28' is unknown; choose from"),
        ('A01', 0, 10, 'num_frames=0'),
        ('A01', 10, 0, 'fps=0'),
    ],
)
def test_invalid(action, frames, fps, words):
    with pytest.raises(ValueError, match=words):
        perform(action, frames=frames, fps=fps)
