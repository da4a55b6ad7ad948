"""Walking and running."""

import numpy as np

from mmpose_ext.simulation.skeleton import POINTS

FPS = 50
JOINT = {name: i for i, name in enumerate(POINTS)}
FEET = [POINTS.index('right_foot'), POINTS.index('left_foot')]


def speeds(points):
    return np.linalg.norm(np.diff(points, axis=0), axis=-1) * FPS


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


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


def test_faster_walkers_take_longer_and_quicker_steps(simulate):
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
        for clip in clips[name]:
            heels, toes = clip.soles
            assert (np.minimum(heels, toes).min(axis=1) > 0.004).any() == flies
