"""The radar against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.sensors.patches import surface_patches
from mmpose_ext.simulation.sensors.radar import detect_echoes, echo_strengths

DT = 0.01


@pytest.fixture
def radar(parameters):
    return replace(
        parameters.radar,
        range_noise_m=0.0,
        azimuth_noise_deg=0.0,
        elevation_noise_deg=0.0,
        threshold_db=-200.0,
    )


def detect(radar, places, velocities, strengths=1.0, seed=0):
    places = np.atleast_2d(np.array(places, float))
    return detect_echoes(
        places,
        np.broadcast_to(np.array(velocities, float), places.shape),
        np.broadcast_to(float(strengths), len(places)).copy(),
        parameters=radar,
        generator=np.random.default_rng(seed),
    )


@pytest.mark.parametrize('speed', [-2.3, -0.5, 0.4, 1.7])
def test_doppler_of_a_ball_is_its_radial_velocity(ball, radar, speed):
    """A ball that moves along the line of sight, cut into patches at two moments."""
    line = np.array([0.8, 0.5, 0.1]) / np.linalg.norm([0.8, 0.5, 0.1])
    moves = np.array([0, DT])[:, None] * speed * line
    patches = surface_patches(ball(*(3 * line), radius=0.1, moments=moves), 0.03)
    places = patches.places[0]
    strengths = echo_strengths(
        *(places, patches.normals[0], patches.areas, np.ones(len(places))),
        roughness=1.5,
    )
    points = detect_echoes(
        *(places, (patches.places[1] - places) / DT, strengths),
        parameters=radar,
        generator=np.random.default_rng(0),
    )
    assert len(points)
    np.testing.assert_allclose(points[:, 3], speed, atol=radar.doppler_bin_mps)
    ranges = np.linalg.norm(points[:, :3], axis=-1)
    assert (ranges > 2.85).all() and (ranges < 3.02).all()


def test_a_point_is_where_its_echo_is(radar):
    (point,) = detect(radar, [2.0, 0.7, -0.3], [-1.0, 0, 0])
    truth = np.array([2.0, 0.7, -0.3])
    length = np.linalg.norm(truth)
    assert abs(np.linalg.norm(point[:3]) - length) <= radar.range_bin_m / 2
    assert point[:3] @ truth / np.linalg.norm(point[:3]) / length > 1 - 1e-9
    expected = -2.0 / length
    assert abs(point[3] - expected) <= radar.doppler_bin_mps / 2


def test_what_rests_or_moves_across_is_not_seen(radar):
    assert detect(radar, [3, 0, 0], [0, 0, 0]).shape == (0, 5)
    assert detect(radar, [3, 0, 0], [0, 1.5, 0.5]).shape == (0, 5)
    assert detect(radar, [3, 0, 0], [0.45 * radar.doppler_bin_mps, 0, 0]).shape == (
        0,
        5,
    )
    assert len(detect(radar, [3, 0, 0], [0.55 * radar.doppler_bin_mps, 0, 0])) == 1
    assert detect(radar, [3, 0, 0], [1, 0, 0], strengths=0).shape == (0, 5)


def test_power_follows_the_radar_equation(radar):
    near, far, large = (
        detect(radar, [r, 0, 0], [1, 0, 0], strengths=s)[0, 4]
        for r, s in ((2, 1), (4, 1), (2, 10))
    )
    np.testing.assert_allclose(near - far, 40 * np.log10(2))
    np.testing.assert_allclose(large - near, 10)
    at_width = np.radians(radar.beam_width_deg[0])
    aside = detect(
        radar, 2 * np.array([np.cos(at_width), np.sin(at_width), 0]), [1, 0, 0]
    )
    np.testing.assert_allclose(near - aside[0, 4], 10 * np.log10(2))


def test_power_fluctuates_like_that_of_many_scatterers(radar):
    ratios = [detect(radar, [2, 0, 0], [1, 0, 0], seed=s)[0, 4] for s in range(400)]
    power = 10 ** (np.array(ratios) / 10)
    expected = 10 ** (radar.gain_db / 10) / 2**4
    assert abs(power.mean() / expected - 1) < 0.15
    assert abs(power.std() / power.mean() - 1) < 0.2


def test_echoes_of_a_cell_become_one_point(radar):
    spread = [[2.01, 0.01, 0.01], [2.012, 0.02, 0.012]]
    assert len(detect(radar, spread, [1, 0, 0])) == 1
    assert len(detect(radar, [[2.01, 0.01, 0.01], [2.4, 0.01, 0.01]], [1, 0, 0])) == 2
    apart = np.array([[1.0, 0, 0], [2.0, 0, 0]])
    found = detect_echoes(
        *(np.full((2, 3), [2.01, 0.01, 0.01]), apart, np.ones(2)),
        parameters=radar,
        generator=np.random.default_rng(0),
    )
    assert sorted(np.round(found[:, 3])) == [1, 2]


def test_weak_points_and_those_beyond_the_limit_are_left_out(radar):
    places = np.column_stack([np.arange(1, 5, 0.1), np.zeros(40), np.zeros(40)])
    assert len(detect(radar, places, [1, 0, 0])) == 40
    few = detect(replace(radar, max_points=7), places, [1, 0, 0])
    assert len(few) == 7 and (np.diff(few[:, 4]) <= 0).all()
    strong = detect(replace(radar, threshold_db=45.0), places, [1, 0, 0])
    assert 0 < len(strong) < 40 and strong[:, 4].min() >= 45


def test_noise_of_the_angles(parameters):
    radar = replace(parameters.radar, threshold_db=-200.0)
    points = np.array(
        [detect(radar, [3, 0.1, 0.1], [1, 0, 0], seed=s)[0] for s in range(300)]
    )
    azimuth = np.degrees(np.arctan2(points[:, 1], points[:, 0]))
    assert abs(azimuth.std() - radar.azimuth_noise_deg) < 0.3
    assert np.linalg.norm(points[:, :3], axis=-1).std() < 2 * radar.range_noise_m


def test_strengths_fall_with_the_angle():
    places = np.array([[2.0, 0, 0]] * 4)
    tilted = [-np.cos(1.0), np.sin(1.0), 0]
    normals = np.array([[-1.0, 0, 0], tilted, [0, 1, 0], [1, 0, 0]])
    found = echo_strengths(
        *(places, normals, np.full(4, 0.01), np.full(4, 0.5)), roughness=2.0
    )
    np.testing.assert_allclose(
        found, [0.005, 0.005 * np.cos(1.0) ** 2, 0, 0], atol=1e-9
    )
