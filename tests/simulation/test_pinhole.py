"""The camera of a scene."""

import numpy as np
import pytest

from mmpose_ext.simulation.pinhole import Pinhole


def camera(**turns):
    place = np.array([1.0, 2.0, 1.5])
    return Pinhole.looking(place, focal=100.0, size=(64, 48), **turns)


def test_values():
    """It looks along +x: what is left and up in the world is so in the picture."""
    points = np.array([[5.0, 2, 1.5], [5, 3, 1.5], [5, 2, 2.5]])
    pixels, depths = camera().project(points)
    np.testing.assert_allclose(pixels, [[31.5, 23.5], [6.5, 23.5], [31.5, -1.5]])
    np.testing.assert_allclose(depths, 4)


@pytest.mark.parametrize(
    ('turn', 'left', 'up'),
    [
        ({'yaw': 0.2}, 'right', 'level'),
        ({'pitch': 0.2}, 'level', 'up'),
        ({'roll': 0.2}, 'level', 'level'),
    ],
)
def test_turns(turn, left, up):
    ahead = camera(**turn).project(np.array([5.0, 2, 1.5]))[0] - [31.5, 23.5]
    moved = {'right': ahead[0] > 5, 'up': ahead[1] < -5}
    assert moved['right'] == (left == 'right') and moved['up'] == (up == 'up')


def test_roll_turns_the_picture_against_the_camera():
    above = camera(roll=0.3).project(np.array([5.0, 2, 2.0]))[0] - [31.5, 23.5]
    assert above[0] < -2 and above[1] < -5


def test_rays_undo_the_projection():
    view = camera(yaw=0.4, pitch=-0.2, roll=0.1)
    x, y = np.array([0.0, 10.25, 63]), np.array([[3.0], [40.5]])
    rays = view.rays(x, y)
    assert rays.shape == (2, 3, 3)
    depth = np.array([[1.0, 2, 3], [4, 5, 6]])
    pixels, depths = view.project(view.place + depth[..., None] * rays)
    np.testing.assert_allclose(depths, depth)
    np.testing.assert_allclose(pixels[..., 0], np.broadcast_to(x, (2, 3)), atol=1e-9)
    np.testing.assert_allclose(pixels[..., 1], np.broadcast_to(y, (2, 3)), atol=1e-9)


def test_windows_hold_what_is_seen():
    around = 0.1 * np.random.default_rng(0).uniform(-1, 1, (4, 8, 3))
    centres = [[5.0, 2, 1.5], [-5, 2, 1.5], [1, 2, 1.5], [5, 90, 1.5]]
    points = np.array(centres)[:, None] + around
    windows = camera().windows(points)
    assert windows.shape == (4, 2, 2) and windows.dtype.kind == 'i'
    pixels, _ = camera().project(points[0])
    assert (windows[0, 0] <= pixels.min(axis=0)).all()
    assert (windows[0, 1] > pixels.max(axis=0)).all()
    assert (windows[0, 1] - windows[0, 0] < 12).all()
    assert (windows[1, 1] <= windows[1, 0]).any()  # behind
    np.testing.assert_array_equal(windows[2], [[0, 0], [64, 48]])  # around the lens
    assert (windows[3, 1] <= windows[3, 0]).any()  # beside
