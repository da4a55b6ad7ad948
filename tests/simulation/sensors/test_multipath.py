"""Sums of paths against closed forms."""

import numpy as np
import pytest

from mmpose_ext.simulation.sensors.multipath import (
    LIGHT_MPS,
    SUBCARRIERS,
    blocked_share,
    frequencies,
    image_sources,
    path_response,
    scattered_response,
)

BAND = frequencies(5.31e9, 312_500.0)
WALLS = np.array([[-2.0, 3.0], [-1.0, 4.0], [0.0, 2.5]])
SOURCE = np.array([0.5, 0.2, 1.2])


def test_subcarriers_are_those_of_40_mhz():
    assert len(SUBCARRIERS) == len(BAND) == 114
    assert (SUBCARRIERS == -SUBCARRIERS[::-1]).all() and 0 not in SUBCARRIERS
    np.testing.assert_allclose(BAND[-1] - BAND[0], 116 * 312_500)


def test_a_path_has_a_straight_phase():
    response = path_response(np.array([6.0]), np.array([0.1]), BAND)
    np.testing.assert_allclose(np.abs(response), 0.1)
    slope = np.diff(np.unwrap(np.angle(response))) / np.diff(BAND)
    np.testing.assert_allclose(slope, -2 * np.pi * 6.0 / LIGHT_MPS, rtol=1e-6)


def test_two_paths_fade_at_the_difference_of_their_lengths():
    """Notches lie c / difference apart."""
    wide = np.linspace(5e9, 6e9, 4001)
    power = np.abs(path_response(np.array([3.0, 6.0]), np.array([1.0, 1.0]), wide))
    (notches,) = np.nonzero((power[1:-1] < power[2:]) & (power[1:-1] < power[:-2]))
    np.testing.assert_allclose(np.diff(wide[notches + 1]), LIGHT_MPS / 3.0, rtol=0.01)


@pytest.mark.parametrize(('order', 'count'), [(0, 1), (1, 7), (2, 25)])
def test_images_of_a_source(order, count):
    reflection = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    places, shares = image_sources(SOURCE, WALLS, reflection, order)
    assert places.shape == (count, 3)
    np.testing.assert_array_equal(places[0], SOURCE)
    assert shares[0] == 1
    if order == 0:
        return
    found = {tuple(np.round(p, 9)): s for p, s in zip(places, shares, strict=True)}
    assert len(found) == count
    np.testing.assert_allclose(found[(-4.5, 0.2, 1.2)], 0.1)
    np.testing.assert_allclose(found[(0.5, 7.8, 1.2)], 0.4)
    if order == 2:
        np.testing.assert_allclose(found[(10.5, 0.2, 1.2)], 0.1 * 0.2)
        np.testing.assert_allclose(found[(5.5, 0.2, -1.2)], 0.2 * 0.5)


def test_images_are_as_far_as_the_reflected_path():
    place = np.array([-0.5, 2.0, 0.7])
    (image,) = (
        p
        for p in image_sources(SOURCE, WALLS, np.ones((3, 2)), 1)[0]
        if p[2] == -SOURCE[2]
    )
    part = SOURCE[2] / (SOURCE[2] + place[2])
    floor = SOURCE[:2] + part * (place - SOURCE)[:2]
    bounce = np.array([*floor, 0.0])
    way = np.linalg.norm(SOURCE - bounce) + np.linalg.norm(place - bounce)
    np.testing.assert_allclose(np.linalg.norm(image - place), way)


def test_the_expansion_equals_the_sum_over_all_paths():
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (4, 30, 3))
    sources = np.array([[-3.0, 1, 1], [-9, 1, 1]])
    antennas = np.array([[3.0, 0, 1], [3, 0.03, 1], [3, 0.06, 1]])
    there = np.linalg.norm(sources[:, None] - patches[:, None], axis=-1)
    back = np.linalg.norm(antennas[:, None] - patches[:, None], axis=-1)
    sent, received = rng.uniform(0, 1, there.shape), rng.uniform(0, 1, back.shape)
    found = scattered_response(there, sent, back, received, BAND)
    lengths = there[:, None] + back[:, :, None]
    gains = sent[:, None] * received[:, :, None]
    exact = path_response(lengths.reshape(4, 3, -1), gains.reshape(4, 3, -1), BAND)
    assert np.abs(found - exact).max() < 1e-3 * np.abs(exact).max()


def blocked(clearance, radius=0.15, along=0.0):
    """A vertical capsule at 3 m of 6, its surface so far from the line of sight."""
    start = np.array([along, clearance + radius, -1.0])
    return blocked_share(
        np.array([-3.0, 0, 0]),
        np.array([[3.0, 0, 0]]),
        start[None],
        (start + [0, 0, 2])[None],
        np.array([radius]),
        0.056,
    )[0]


def test_a_knife_edge_on_the_line_halves_the_field():
    np.testing.assert_allclose(20 * np.log10(blocked(0.0)), -6.02, atol=0.1)


def test_shadows_deepen_and_end():
    assert blocked(2.0) == 1
    shares = [blocked(clearance) for clearance in (0.4, 0.1, 0, -0.1, -0.15)]
    assert (np.diff(shares) <= 0).all() and shares[-1] < 0.4
    # Behind the antenna nothing is in the way.
    assert blocked(0.0, along=4.0) > 0.9


def test_blocking_follows_the_antennas():
    starts = np.array([[[0.0, -0.2, -1]]])
    share = blocked_share(
        np.array([-3.0, 0, 0]),
        np.array([[3.0, -0.4, 0], [3.0, 3.0, 0]]),
        *(starts, starts + [0, 0, 2.0], np.array([0.15]), 0.056),
    )
    assert share.shape == (1, 2) and share[0, 0] < 0.5 and share[0, 1] == 1
