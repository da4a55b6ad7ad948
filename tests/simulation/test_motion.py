"""Procedural motion: what every motion must respect, and what each one is."""

import numpy as np
import pytest

from mmpose_ext.geometry import H36M17
from mmpose_ext.simulation.body import (
    JOINT_LIMITS,
    POINTS,
    Body,
    forward_kinematics,
    segment_rotations,
)
from mmpose_ext.simulation.motion import (
    GRAVITY,
    MOTIONS,
    Targets,
    animate,
    band_limited_noise,
    keyframes,
    motion,
    solve,
)

FPS = 50
FRAMES = 200
SEEDS = range(4)
JOINT = {name: i for i, name in enumerate(POINTS)}
FEET = [JOINT['right_foot'], JOINT['left_foot']]
HEELS = [JOINT['right_heel'], JOINT['left_heel']]
TOES = [JOINT['right_toe'], JOINT['left_toe']]


def simulate(name, seed, frames=FRAMES, fps=FPS):
    generator = np.random.default_rng(seed)
    body = Body.sample(generator)
    state = animate(name, body, num_frames=frames, fps=fps, generator=generator)
    return body, state, forward_kinematics(body, state)


@pytest.fixture(scope='module')
def clips():
    """(body, joint state, kinematics) of each motion and seed."""
    return {name: [simulate(name, seed) for seed in SEEDS] for name in MOTIONS}


def speeds(points, fps=FPS):
    return np.linalg.norm(np.diff(points, axis=0), axis=-1) * fps


def accelerations(points, fps=FPS):
    return np.linalg.norm(np.diff(points, 2, axis=0), axis=-1) * fps**2


def soles(body, kinematics):
    """Height of the right and left heel and toe over the floor (F, 2)."""
    heights = kinematics.points[..., 2] - body.foot_radius
    return heights[:, HEELS], heights[:, TOES]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize('name', MOTIONS)
@pytest.mark.parametrize('frames', [1, 30])
def test_shapes(name, frames):
    generator = np.random.default_rng(0)
    pose = motion(
        name, Body.sample(generator), num_frames=frames, fps=50, generator=generator
    )
    assert pose.shape == (frames, 17, 3) and pose.dtype == np.float32
    assert np.isfinite(pose).all()


@pytest.mark.parametrize('name', MOTIONS)
def test_bones_keep_their_length(clips, name):
    for body, _, kinematics in clips[name]:
        pose = kinematics.pose.astype(np.float32)
        for parent, child in H36M17.edges:
            length = np.linalg.norm(pose[:, child] - pose[:, parent], axis=-1)
            np.testing.assert_allclose(length, body.bone_lengths[child], atol=1e-5)


@pytest.mark.parametrize('name', MOTIONS)
def test_angles_stay_within_the_limits(clips, name):
    for _, state, _ in clips[name]:
        assert (state.angles >= JOINT_LIMITS[:, 0]).all()
        assert (state.angles <= JOINT_LIMITS[:, 1]).all()


@pytest.mark.parametrize('name', MOTIONS)
@pytest.mark.parametrize('side', ['right', 'left'])
def test_knees_bend_one_way_only(clips, name, side):
    for _, _, kinematics in clips[name]:
        hip, knee, ankle, other_hip, root = (
            kinematics.pose[:, JOINT[point]]
            for point in (
                *(f'{side}_hip', f'{side}_knee', f'{side}_foot'),
                *('left_hip' if side == 'right' else 'right_hip', 'root'),
            )
        )
        to_left = unit((other_hip - hip) * (1 if side == 'right' else -1))
        thigh, shank = unit(knee - hip), unit(ankle - knee)
        backward = (np.cross(thigh, shank) * to_left).sum(-1)
        assert backward.min() > -0.01
        flexion = np.degrees(np.arccos(np.clip((thigh * shank).sum(-1), -1, 1)))
        assert flexion.max() < 150.1


@pytest.mark.parametrize('name', MOTIONS)
@pytest.mark.parametrize('side', ['right', 'left'])
def test_elbows_bend_one_way_only(clips, name, side):
    for _, _, kinematics in clips[name]:
        shoulder, elbow, wrist = (
            kinematics.pose[:, JOINT[f'{side}_{joint}']]
            for joint in ('shoulder', 'elbow', 'wrist')
        )
        hinge = segment_rotations(kinematics, f'{side}_upper_arm')[..., 1]
        upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
        forward = -(np.cross(upper, fore) * hinge).sum(-1)
        assert forward.min() > -1e-9
        flexion = np.degrees(np.arccos(np.clip((upper * fore).sum(-1), -1, 1)))
        assert flexion.max() < 145.1


@pytest.mark.parametrize('name', MOTIONS)
def test_head_stays_on_the_shoulders(clips, name):
    for _, _, kinematics in clips[name]:
        pose = kinematics.pose
        spine = unit(pose[:, JOINT['thorax']] - pose[:, JOINT['spine']])
        head = unit(pose[:, JOINT['head']] - pose[:, JOINT['neck_base']])
        assert (spine * head).sum(-1).min() > np.cos(np.radians(85))


@pytest.mark.parametrize('name', MOTIONS)
def test_floor_is_never_crossed(clips, name):
    for body, _, kinematics in clips[name]:
        heels, toes = soles(body, kinematics)
        assert np.minimum(heels, toes).min() > -0.03
        ankles = kinematics.points[:, FEET, 2] - body.ankle_height
        assert ankles.min() > -0.002
        assert kinematics.points[..., 2].min() > 0
        touching = np.minimum(heels, toes).min(axis=1) < 0.015
        if name not in ('run', 'jump'):
            assert touching.all()
        assert touching.any()


@pytest.mark.parametrize('name', MOTIONS)
def test_planted_feet_do_not_slide(clips, name):
    for body, _, kinematics in clips[name]:
        heels, toes = soles(body, kinematics)
        flat = (np.abs(heels) < 0.0005) & (np.abs(toes) < 0.0005)
        planted = flat[2:] & flat[1:-1] & flat[:-2]
        ankles = kinematics.points[:, FEET, :2]
        step = np.linalg.norm(ankles[2:] - ankles[:-2], axis=-1) * FPS / 2
        assert planted.any()
        assert np.percentile(step[planted], 95) < 0.05


@pytest.mark.parametrize('name', MOTIONS)
def test_motion_is_smooth(clips, name):
    for _, _, kinematics in clips[name]:
        pose = kinematics.pose
        assert speeds(pose)[:, 0].max() < 4
        assert speeds(pose).max() < 10
        assert accelerations(pose)[:, 0].max() < 60
        assert accelerations(pose).max() < 250
        assert np.percentile(accelerations(pose), 99) < 120


@pytest.mark.parametrize('name', MOTIONS)
def test_people_move_and_stay_in_the_room(clips, name):
    for _, _, kinematics in clips[name]:
        assert np.abs(kinematics.pose[..., :2]).max() < 2.3
        relative = kinematics.pose - kinematics.pose[:, :1]
        assert np.ptp(relative, axis=0).max() > 0.1


@pytest.mark.parametrize('name', MOTIONS)
def test_motion_does_not_depend_on_the_frame_rate(name):
    slow = simulate(name, 7, frames=100, fps=50)[2].pose
    fast = simulate(name, 7, frames=200, fps=100)[2].pose
    np.testing.assert_allclose(fast[::2], slow, atol=2e-3)


@pytest.mark.parametrize('name', [n for n in MOTIONS if n not in ('walk', 'run')])
def test_longer_motions_begin_like_shorter_ones(name):
    short = simulate(name, 5, frames=60)[2].pose
    long = simulate(name, 5, frames=600)[2].pose
    np.testing.assert_allclose(long[:60], short, atol=1e-9)


def test_motion_depends_on_the_generator_only():
    first = simulate('reach', 1)[2].pose
    np.random.seed(0)
    np.testing.assert_array_equal(simulate('reach', 1)[2].pose, first)
    assert np.abs(simulate('reach', 2)[2].pose - first).max() > 0.1


def test_walkers_swing_their_arms_against_their_legs(clips):
    for _, _, kinematics in clips['walk']:
        pose = kinematics.pose
        to_left = unit(pose[:, JOINT['left_hip']] - pose[:, JOINT['right_hip']])
        ahead = np.cross(to_left, [0, 0, 1])

        def lead(joint, pose=pose, ahead=ahead):
            right, left = (
                pose[:, JOINT[f'right_{joint}']],
                pose[:, JOINT[f'left_{joint}']],
            )
            return ((right - left) * ahead).sum(-1)

        assert np.corrcoef(lead('foot'), lead('wrist'))[0, 1] < -0.8


def test_faster_walkers_take_longer_and_quicker_steps():
    rows = []
    for seed in range(12):
        _, _, kinematics = simulate('walk', seed, frames=300)
        gap = np.linalg.norm(np.diff(kinematics.pose[:, FEET], axis=1)[:, 0], axis=-1)
        rate = np.abs(np.fft.rfft(gap - gap.mean()))
        steps_per_second = np.fft.rfftfreq(300, 1 / FPS)[rate.argmax()]
        speed = np.median(speeds(kinematics.pose[:, 0]))
        rows.append((speed, steps_per_second, gap.max()))
    speed, rate, length = np.array(rows).T
    assert 0.6 < speed.min() and speed.max() < 1.9
    assert 1.1 < rate.min() and rate.max() < 2.6
    # Both grow with the root of the speed.
    for column in (rate, length):
        growth = np.polyfit(np.log(speed), np.log(column), 1)[0]
        assert 0.25 < growth < 0.75


def test_runners_fly_and_walkers_do_not(clips):
    for name, flies in (('walk', False), ('run', True)):
        for body, _, kinematics in clips[name]:
            heels, toes = soles(body, kinematics)
            assert (np.minimum(heels, toes).min(axis=1) > 0.004).any() == flies


def test_jumps_are_ballistic(clips):
    for body, _, kinematics in clips['jump']:
        heels, toes = soles(body, kinematics)
        flying = np.minimum(heels, toes).min(axis=1) > 0.03
        assert flying.sum() > 8
        inside = flying[2:] & flying[1:-1] & flying[:-2]
        fall = np.diff(kinematics.pose[:, 0, 2], 2)[inside] * FPS**2
        np.testing.assert_allclose(fall, -GRAVITY, atol=0.5)


def test_squats_go_down_over_standing_feet(clips):
    for _, _, kinematics in clips['squat']:
        pose = kinematics.pose
        assert np.ptp(pose[:, 0, 2]) > 0.12
        assert np.ptp(pose[:, FEET], axis=0).max() < 0.005


def test_sitting_people_have_level_thighs():
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


def test_turns_change_the_heading(clips):
    for _, state, _ in clips['turn']:
        assert np.ptp(state.angles[:, 0]) > 0.5


def test_kicks_are_fast_and_leave_one_foot_standing():
    for seed in SEEDS:
        _, _, kinematics = simulate('kick', seed, frames=250)
        ways = np.ptp(kinematics.pose[:, FEET], axis=0).max(axis=-1)
        assert ways.min() < 0.005 and ways.max() > 0.5
        assert speeds(kinematics.pose)[:, FEET].max() > 3.5


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


def test_keyframes_rest_in_each_value():
    t = np.linspace(-1, 4, 501)
    values = keyframes(t, [0, 1, 3], [[0, 1], [2, 1], [-1, 5]])
    assert values.shape == (501, 2)
    np.testing.assert_allclose(values[t <= 0], [[0, 1]] * (t <= 0).sum())
    np.testing.assert_allclose(values[-1], [-1, 5])
    np.testing.assert_allclose(keyframes(np.array([0.5]), [0, 1], [0, 2]), [1])
    velocity = np.gradient(values, t, axis=0)
    at_knot = np.abs(t - 1).argmin()
    assert np.abs(velocity[at_knot]).max() < 0.01


def test_noise_is_band_limited_and_of_unit_variance():
    t = np.arange(40_000) / 100
    noise = band_limited_noise(t, 2.0, np.random.default_rng(0), 5)
    assert noise.shape == (40_000, 5)
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.1)
    power = np.abs(np.fft.rfft(noise * np.hanning(len(t))[:, None], axis=0)) ** 2
    above = np.fft.rfftfreq(len(t), 0.01) > 2.05
    assert power[above].sum() < 1e-6 * power.sum()


@pytest.mark.parametrize(
    ('name', 'frames', 'fps', 'words'),
    [
        ('fly', 10, 50, "'fly' is unknown; choose from"),
        ('walk', 0, 50, 'num_frames=0'),
        ('walk', 10, 0, 'fps=0'),
    ],
)
def test_invalid(name, frames, fps, words):
    generator = np.random.default_rng(0)
    body = Body.sample(generator)
    with pytest.raises(ValueError, match=words):
        motion(name, body, num_frames=frames, fps=fps, generator=generator)
