"""What every motion must respect."""

import numpy as np
import pytest

from mmpose_ext.geometry import H36M17
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.kinematics import segment_rotations
from mmpose_ext.simulation.motions import MOTIONS, motion
from mmpose_ext.simulation.skeleton import JOINT_LIMITS, POINTS

FPS = 50
JOINT = {name: i for i, name in enumerate(POINTS)}
FEET = [POINTS.index('right_foot'), POINTS.index('left_foot')]


def speeds(points):
    return np.linalg.norm(np.diff(points, axis=0), axis=-1) * FPS


def accelerations(points):
    return np.linalg.norm(np.diff(points, 2, axis=0), axis=-1) * FPS**2


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
    for clip in clips[name]:
        body, _, kinematics = clip
        heels, toes = clip.soles
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
    for clip in clips[name]:
        heels, toes = clip.soles
        flat = (np.abs(heels) < 0.0005) & (np.abs(toes) < 0.0005)
        planted = flat[2:] & flat[1:-1] & flat[:-2]
        ankles = clip.kinematics.points[:, FEET, :2]
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
def test_motion_does_not_depend_on_the_frame_rate(simulate, name):
    slow = simulate(name, 7, frames=100, fps=50)[2].pose
    fast = simulate(name, 7, frames=200, fps=100)[2].pose
    np.testing.assert_allclose(fast[::2], slow, atol=2e-3)


@pytest.mark.parametrize('name', [n for n in MOTIONS if n not in ('walk', 'run')])
def test_longer_motions_begin_like_shorter_ones(simulate, name):
    short = simulate(name, 5, frames=60)[2].pose
    long = simulate(name, 5, frames=600)[2].pose
    np.testing.assert_allclose(long[:60], short, atol=1e-9)


def test_motion_depends_on_the_generator_only(simulate):
    first = simulate('reach', 1)[2].pose
    np.random.seed(0)
    np.testing.assert_array_equal(simulate('reach', 1)[2].pose, first)
    assert np.abs(simulate('reach', 2)[2].pose - first).max() > 0.1


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
