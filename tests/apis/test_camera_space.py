import numpy as np
import pytest
from person_tracks import CAMERA, poses_of, track_of

from mmpose_ext.apis.camera_space import guess_camera, rotation_to, solve_roots
from mmpose_ext.structures.tracks import GUESSED, ClipCamera

ROOT = (1.2, -0.3, 5.0)


def test_guess():
    camera = guess_camera((1280, 720), 90)
    assert camera.f == pytest.approx((640, 640)) and camera.c == (640, 360)
    assert camera.source == GUESSED
    assert guess_camera((720, 1280), 90).f == pytest.approx((640, 640)), 'longer side'
    assert guess_camera((1000, 500)).f[0] == pytest.approx(866.03, abs=0.01)


def test_rotation():
    rotation = rotation_to((900.0, 200.0), CAMERA)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    x, y, z = rotation @ [0, 0, 1]
    pixel = np.array([x, y]) / z * CAMERA.f + CAMERA.c
    np.testing.assert_allclose(pixel, (900, 200))
    np.testing.assert_allclose(rotation_to(CAMERA.c, CAMERA), np.eye(3), atol=1e-12)


def test_rotation_of_a_moved_person():
    """A person at the side, moved to the middle, looks as a camera turned to them."""
    pose = poses_of(1)[0]
    track = track_of(1, root=(3.0, 0.0, 6.0))
    keypoints = track.keypoints[0].astype(float)
    rotation = rotation_to(tuple(keypoints[0]), CAMERA)
    seen = pose @ rotation  # x_looking = R^T x_camera
    seen = seen + [0, 0, np.linalg.norm((3.0, 0.0, 6.0))]
    projected = seen[:, :2] / seen[:, 2:]
    moved = keypoints - keypoints[0]
    plain = pose[:, :2] / 6

    def misfit(points):
        """Of the best scale, as a share of the person's size."""
        scale = (points * moved).sum() / (points**2).sum()
        return np.linalg.norm(scale * points - moved) / np.linalg.norm(moved)

    assert misfit(projected) < 0.12
    assert misfit(plain - plain[0]) > 1.5 * misfit(projected)


def test_roots():
    track = track_of(6, root=ROOT)
    poses = poses_of(6)
    root = solve_roots(poses, track.keypoints, CAMERA, track.scores)
    assert root.shape == (6, 3) and root.dtype == np.float32
    np.testing.assert_allclose(root, np.broadcast_to(ROOT, (6, 3)), atol=1e-3)


def test_weights():
    """A joint without confidence hardly counts."""
    track = track_of(3, root=ROOT)
    track.keypoints[:, 9] += 400
    even = solve_roots(poses_of(3), track.keypoints, CAMERA, track.scores)
    track.scores[:, 9] = 0
    weighted = solve_roots(poses_of(3), track.keypoints, CAMERA, track.scores)
    assert abs(even - ROOT).max() > 0.1 > 50 * abs(weighted - ROOT).max() / 10


def test_poses_that_do_not_fit():
    """A mirrored pose would stand behind the camera; its size still says how far."""
    track = track_of(4, root=ROOT)
    mirrored = -poses_of(4)
    root = solve_roots(mirrored, track.keypoints, CAMERA, track.scores)
    assert (root[:, 2] > 3).all() and (root[:, 2] < 8).all()
    point = np.repeat(track.keypoints[:, :1], 17, axis=1)
    assert np.isfinite(solve_roots(mirrored, point, CAMERA, track.scores)).all()
    none = solve_roots(mirrored, track.keypoints, CAMERA, 0 * track.scores)
    assert np.isfinite(none).all()


def test_invalid():
    for angle in (0, 180, -60):
        with pytest.raises(ValueError, match='1 to 179 degrees'):
            guess_camera((100, 100), angle)


@pytest.mark.parametrize('f', [(0, 0), (-900, 900), (900, np.nan), (np.inf, 9), (900,)])
def test_focal_lengths(f):
    with pytest.raises(ValueError, match='focal lengths of the camera are .*positive'):
        ClipCamera(f, (320, 240))


@pytest.mark.parametrize('c', [(320, np.nan), (-np.inf, 240), (320, 240, 0)])
def test_principal_point(c):
    with pytest.raises(ValueError, match='principal point of the camera is .*finite'):
        ClipCamera((900, 900), c)
    assert ClipCamera((900, 900), (-20, 0)).c == (-20, 0), 'outside of a cut-out'
