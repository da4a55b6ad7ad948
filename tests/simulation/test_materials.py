"""Colours and patterns."""

import numpy as np
import pytest

from mmpose_ext.simulation.materials import (
    PATTERNS,
    Material,
    fabric,
    hsv,
    random_colour,
)

POINTS = np.random.default_rng(0).uniform(-1, 1, (500, 3))
RED, BLUE = np.array([0.5, 0.1, 0.1]), np.array([0.1, 0.1, 0.6])


@pytest.mark.parametrize('pattern', PATTERNS)
def test_patterns_mix_two_colours(pattern):
    colours = Material(RED, BLUE, pattern).colours(POINTS)
    assert colours.shape == (500, 3)
    mix = (colours[:, 0] - RED[0]) / (BLUE[0] - RED[0])
    assert mix.min() > -1e-5 and mix.max() < 1 + 1e-5
    np.testing.assert_allclose(colours, RED + mix[:, None] * (BLUE - RED), atol=1e-5)
    share = {'plain': (0, 0), 'dots': (0.02, 0.4)}.get(pattern, (0.3, 0.7))
    assert share[0] <= mix.mean() <= share[1]


def test_stripes_have_their_period():
    material = Material(RED, BLUE, 'stripes', waves=np.eye(3) * 2 * np.pi / 0.1)
    colours = material.colours(POINTS)
    moved = material.colours(POINTS + (0.1, 0.37, -0.2))
    np.testing.assert_allclose(moved, colours, atol=1e-3)
    assert not np.allclose(material.colours(POINTS + (0.05, 0, 0)), colours, atol=0.1)


def test_relief_shades_without_changing_the_hue():
    colours = Material(RED, BLUE, relief=0.2).colours(POINTS)
    shade = colours / RED
    np.testing.assert_allclose(shade, shade[:, :1].repeat(3, 1), rtol=1e-5)
    assert shade.min() == pytest.approx(0.8, abs=0.02)
    assert shade.max() == pytest.approx(1.2, abs=0.02)


@pytest.mark.parametrize(
    ('colour', 'rgb'),
    [
        ((0, 1, 1), (1, 0, 0)),
        ((1 / 3, 1, 1), (0, 1, 0)),
        ((2 / 3, 1, 1), (0, 0, 1)),
        ((1 / 6, 1, 1), (1, 1, 0)),
        ((0.7, 0, 0.5), (0.5**2.2,) * 3),
    ],
)
def test_hsv(colour, rgb):
    np.testing.assert_allclose(hsv(*colour), rgb, atol=1e-12)


def test_random_fabrics_vary():
    generator = np.random.default_rng(0)
    fabrics = [fabric(generator) for _ in range(200)]
    assert {cloth.pattern for cloth in fabrics} == set(PATTERNS)
    colours = np.array([random_colour(generator) for _ in range(200)])
    assert colours.min() >= 0 and colours.max() <= 1 and colours.std(0).min() > 0.15
