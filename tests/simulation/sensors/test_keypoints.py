"""Keypoints in the image."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.sensors.keypoints import image_keypoints, surface_joints
from mmpose_ext.simulation.sensors.recording import camera_of


@pytest.fixture
def camera(parameters):
    return camera_of(parameters.rooms['E01'], parameters)


def find(surface, camera, parameters, seed=0):
    return image_keypoints(
        surface, camera, parameters=parameters, generator=np.random.default_rng(seed)
    )


def test_the_shape_tells_where_joints_are(marching):
    _, kinematics, surface = marching
    np.testing.assert_allclose(surface_joints(surface), kinematics.pose, atol=1e-6)


def test_errors_are_a_detectors(marching, camera, parameters):
    _, kinematics, surface = marching
    faultless = replace(parameters.camera, mistake_rate=0.0)
    found = find(surface, camera, faultless)
    assert found.shape == (100, 17, 2) and found.dtype == np.float32
    error = found - camera.project(kinematics.pose)[0]
    assert 2 < error.std() < 10 and np.abs(error.mean()) < 1.5
    hidden_too = find(surface, camera, replace(faultless, hidden_factor=1.0))
    assert np.abs(hidden_too - found).max() >= 0


def test_hidden_joints_are_worse(ball, together, marching, camera, parameters):
    """A ball right before the head hides the head and nothing else."""
    surface = marching[2]
    head = surface_joints(surface)[0, 10]
    towards = camera.place - head
    centre = head + 0.35 * towards / np.linalg.norm(towards)
    still = np.zeros((len(surface.starts), 3))
    covered = together(surface, ball(*centre, radius=0.1, moments=still))
    free, worse = (find(s, camera, parameters.camera) for s in (surface, covered))
    truth = camera.project(surface_joints(surface))[0]
    ratio = (worse - truth)[:, 10] / (free - truth)[:, 10]
    # Detections are rounded to float32, so the ratio is not exact.
    np.testing.assert_allclose(
        np.median(ratio), parameters.camera.hidden_factor, rtol=0.01
    )
    np.testing.assert_array_equal(worse[:, :4], free[:, :4])


def test_keypoints_stay_in_the_image(marching, parameters):
    near = replace(parameters.rooms['E01'], camera_place_m=(0.7, 0.0, 1.0))
    found = find(marching[2], camera_of(near, parameters), parameters.camera)
    assert found.min() >= 0
    assert (found.max(axis=(0, 1)) <= [639, 479]).all()
    assert (found[..., 1] == 479).any()
