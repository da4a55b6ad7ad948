"""Floor, walls, skies, shadows, stains."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.backgrounds import KINDS, Background
from mmpose_ext.simulation.materials import Material
from mmpose_ext.simulation.noise_images import noise_image
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.renderer import Light
from mmpose_ext.simulation.shadows import floor_shadow
from mmpose_ext.simulation.solids import BoxShape, CapsuleShape, Solid

SIZE = (80, 60)
CAMERA = Pinhole.looking(np.array([0, 0, 2.0]), pitch=0.3, focal=70.0, size=SIZE)
GREY = Material(np.full(3, 0.5), np.full(3, 0.5))
BALL = Solid(CapsuleShape(np.array([4, 0, 1.0]), np.array([4, 0, 1.0]), 0.3), GREY)


def light(*direction):
    direction = np.array(direction, float) / np.linalg.norm(direction)
    return Light(direction, np.full(3, 0.8), np.full(3, 0.3))


def background(kind):
    drawn = Background.sample(np.random.default_rng(0), distance=8)
    return replace(drawn, kind=kind, floor=GREY, unevenness=0.0)


@pytest.mark.parametrize('kind', KINDS)
def test_shapes(kind):
    drawn = replace(background(kind), unevenness=0.3)
    image = drawn.paint(CAMERA, light(0, 0, 1), [BALL])
    assert image.shape == (60, 80, 3) and image.dtype == np.float32
    assert np.isfinite(image).all() and image.min() >= 0 and image.std() > 0.01
    again = drawn.paint(CAMERA, light(0, 0, 1), [BALL])
    np.testing.assert_array_equal(image, again)


@pytest.mark.parametrize('slant', [0.0, 0.8])
def test_shadow_lies_where_the_light_throws_it(slant):
    lamp = light(-slant, 0, 1)
    lit, dark = (
        background('room').paint(CAMERA, lamp, solids) for solids in ([], [BALL])
    )
    change = (lit - dark).max(axis=-1)
    row, column = np.unravel_index(change.argmax(), change.shape)
    target, _ = CAMERA.project(np.array([4 + slant, 0, 0]))
    np.testing.assert_allclose([column, row], target, atol=3)
    assert change.max() > 0.2 and np.median(change) == 0


def test_shadow_values():
    """Under a ball of 0.3 m with the sun above: dark within 0.18 m, lit past 0.49 m."""
    distance = np.linspace(0, 1, 101)
    plane = np.full((60, 80, 2), 1e5, np.float32)
    target = np.rint(CAMERA.project(np.array([4.0, 0, 0]))[0]).astype(int)
    dark = []
    for away in distance:
        plane[target[1], target[0]] = (4, away)
        shadow = floor_shadow([BALL], light(0, 0, 1), CAMERA, plane)
        dark.append(shadow[target[1], target[0]])
    assert (np.array(dark)[distance < 0.17] == 1).all()
    assert (np.array(dark)[distance > 0.5] == 0).all()
    assert (np.diff(dark) <= 1e-6).all()
    post = Solid(
        BoxShape(np.array([4, 0, 0.5]), np.eye(3), np.array([0.1, 0.1, 0.5])), GREY
    )
    plane[target[1], target[0]] = (4, 0)
    assert floor_shadow([post], light(0, 0, 1), CAMERA, plane).max() == 1
    assert not floor_shadow([], light(0, 0, 1), CAMERA, plane).any()


def test_noise_is_smooth_and_of_all_scales():
    image = noise_image((80, 60), np.random.default_rng(0), octaves=(4,))
    assert image.shape == (60, 80) and image.dtype == np.float32
    assert np.abs(image).max() <= 1 and image.std() > 0.2
    assert np.abs(np.diff(image, axis=1)).max() < 2 * 1.6 / 20
    finer = noise_image((80, 60), np.random.default_rng(0), octaves=(40,))
    assert np.abs(np.diff(finer, axis=1)).mean() > 3 * np.abs(np.diff(image)).mean()
