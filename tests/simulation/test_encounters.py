"""Two people who pass each other, leave and return."""

import numpy as np
import pytest

from mmpose_ext.simulation.encounters import Encounter

FPS = 10


@pytest.fixture(scope='module')
def encounter():
    return Encounter.sample(
        np.random.default_rng(3), size=(96, 72), num_frames=16 * FPS, fps=FPS
    )


def test_they_meet_leave_and_return(encounter):
    root = encounter.poses[:, :, 0]
    first, second = np.abs(root[:, :, 0] / root[:, :, 2])  # from the optical axis
    before = slice(0, 2 * FPS)
    assert (root[0, before, 0] < 0).all() and (root[1, before, 0] > 0).all()
    meeting = 3 * FPS
    assert max(first[meeting], second[meeting]) < 0.06, 'both in the middle'
    assert 0.3 < root[1, meeting, 2] - root[0, meeting, 2] < 0.9, 'one before the other'
    half_view = 0.5 / 1.1
    for away in (first, second):
        outside = away > 1.1 * half_view
        comes, goes = (
            np.flatnonzero(np.diff(outside.astype(int)) == d) for d in (-1, 1)
        )
        assert len(goes) >= 1 and (comes > goes[0]).any(), 'leaves, and returns later'


def test_they_walk(encounter):
    """Joints move smoothly, bones keep their lengths, feet hold the floor."""
    poses = encounter.poses
    steps = np.linalg.norm(np.diff(poses, axis=1), axis=-1)
    assert steps.max() < 0.6, 'less than 6 m/s, of a swinging foot'
    speed = np.linalg.norm(np.diff(poses[:, :, 0], axis=1), axis=-1) * FPS
    assert (speed > 0.5).all() and (speed < 2).all()
    thigh = np.linalg.norm(poses[:, :, 1] - poses[:, :, 2], axis=-1)
    np.testing.assert_allclose(thigh, thigh[:, :1].repeat(len(thigh[0]), 1), atol=1e-9)
    heights = encounter.people[0].kinematics.pose[..., [3, 6], 2]
    assert heights.min() > 0 and np.quantile(heights.min(axis=1), 0.9) < 0.15


def test_scene(encounter):
    """A frame shows both where the poses are, the nearer one before the other."""
    frame = 3 * FPS
    picture, seen = encounter.scene(frame).render(np.random.default_rng(0))
    assert picture.shape == (72, 96, 3) and len(seen) == 2
    pose = encounter.poses[0, frame]
    pixels = pose[:, :2] / pose[:, 2:] * encounter.setting.camera.focal
    pixels += encounter.setting.camera.centre
    # COCO's hips and knees are Human3.6M's.
    np.testing.assert_allclose(seen[0].keypoints[[11, 12]], pixels[[4, 1]], atol=1e-6)
    assert seen[0].mask.sum() > seen[1].mask.sum() > 0


def test_the_same_seed_gives_the_same(encounter):
    again = Encounter.sample(
        np.random.default_rng(3), size=(96, 72), num_frames=16 * FPS, fps=FPS
    )
    np.testing.assert_array_equal(again.poses, encounter.poses)
    other = Encounter.sample(
        np.random.default_rng(4), size=(96, 72), num_frames=16 * FPS, fps=FPS
    )
    assert np.abs(other.poses - encounter.poses).max() > 0.1
