"""The LiDAR scanner against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.sensors.lidar import scan

AHEAD = np.eye(3)


@pytest.fixture
def quiet(parameters):
    return replace(parameters.lidar, noise_m=0.0, drop_rate=0.0, drop_signal=1e-9)


def look(surface, lidar, *, reflectivity=0.5, seed=0, axes=AHEAD):
    return scan(
        surface,
        np.full(len(surface.radii), reflectivity),
        np.zeros(3),
        axes,
        parameters=lidar,
        generator=np.random.default_rng(seed),
    )


def test_points_lie_on_the_near_side(ball, quiet):
    points = look(ball(3, 0.5, 0.1), quiet)
    from_centre = points - [3, 0.5, 0.1]
    np.testing.assert_allclose(np.linalg.norm(from_centre, axis=-1), 0.2, atol=2e-4)
    assert ((from_centre * points).sum(-1) < 0).all()


def test_as_many_points_as_rays_meet_the_ball(ball, quiet):
    points = look(ball(3, 0, 0, radius=0.5), quiet)
    low, high = np.radians(quiet.vertical_deg)
    cell = (high - low) / (quiet.num_beams - 1) * 2 * np.pi / quiet.columns
    cap = 2 * np.pi * (1 - np.sqrt(1 - (0.5 / 3) ** 2))
    assert abs(len(points) - cap / cell) < 0.06 * cap / cell


def test_points_lie_on_the_beams(ball, quiet):
    points = look(ball(3, 0, 0, radius=0.5), quiet)
    elevation = np.degrees(np.arctan2(points[:, 2], np.hypot(*points[:, :2].T)))
    beams = np.linspace(*quiet.vertical_deg, quiet.num_beams)
    assert np.abs(elevation[:, None] - beams).min(axis=1).max() < 1e-6
    azimuth = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi / quiet.columns)
    whole = azimuth - azimuth[0]
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-6)
    # Another turn begins elsewhere.
    assert np.abs(look(ball(3, 0, 0, radius=0.5), quiet, seed=1)[0] - points[0]).max()


def test_nearer_things_hide_farther_ones(ball, together, quiet):
    points = look(together(ball(3, 0, 0), ball(4, 0, 0)), quiet)
    assert len(points) and np.linalg.norm(points, axis=-1).max() < 3.01
    assert len(look(together(ball(3, 0, 0), ball(4, 1, 0)), quiet)) > len(points) * 1.3


def test_everything_behind_or_above_is_unseen(ball, quiet):
    assert look(ball(-3, 0, 0), quiet).shape[1] == 3
    assert look(ball(0.5, 0, 3), quiet).shape == (0, 3)
    turned = look(ball(-3, 0, 0), quiet, axes=AHEAD * [[-1], [-1], [1]])
    assert len(turned) and (turned[:, 0] < -2.7).all()


def test_noise_is_along_the_rays(ball, quiet):
    clean = look(ball(3, 0, 0, radius=0.5), quiet)
    noisy = look(ball(3, 0, 0, radius=0.5), replace(quiet, noise_m=0.02))
    error = np.linalg.norm(noisy, axis=-1) - np.linalg.norm(clean, axis=-1)
    assert abs(error.std() - 0.02) < 0.003 and abs(error.mean()) < 0.003
    across = np.cross(noisy, clean / np.linalg.norm(clean, axis=-1, keepdims=True))
    assert np.abs(across).max() < 1e-9


def test_echoes_get_lost(ball, parameters, quiet):
    surface = ball(3, 0, 0, radius=0.5)
    every = len(look(surface, quiet))
    dropped = len(look(surface, replace(quiet, drop_rate=0.4)))
    assert 0.5 * every < dropped < 0.7 * every
    bright, dark, darker = (
        len(look(surface, parameters.lidar, reflectivity=value))
        for value in (0.5, 0.05, 0.005)
    )
    assert every > bright > dark > 2 * darker


def test_persons_points_lie_on_the_surface(marching, parameters):
    surface = marching[2][7]
    place = np.array([3.0, 0.1, 1.1])
    axes = np.array([[-1.0, 0, 0], [0, -1, 0], [0, 0, 1]])
    points = scan(
        *(surface, np.full(len(surface.radii), 0.5), place, axes),
        parameters=parameters.lidar,
        generator=np.random.default_rng(0),
    )
    axis = surface.ends - surface.starts
    offset = points[:, None] - surface.starts
    part = np.clip((offset * axis).sum(-1) / (axis**2).sum(-1), 0, 1)
    gap = np.linalg.norm(offset - part[..., None] * axis, axis=-1) - surface.radii
    nearest = gap.min(axis=1)
    assert nearest.max() < 5 * parameters.lidar.noise_m
    assert nearest.min() > -5 * parameters.lidar.noise_m
    assert abs(nearest.mean()) < 0.003 and len(points) > 500
