"""Exposure, lens and sensor."""

import numpy as np
import pytest

from mmpose_ext.simulation.image_effects import ImageEffects

GREY = np.full((20, 30, 3), 0.5**2.2, np.float32)


def picture(light=GREY, **options):
    return ImageEffects(**options).apply(light, np.random.default_rng(0))


def test_values():
    image = picture()
    assert image.shape == (20, 30, 3) and image.dtype == np.uint8
    assert (abs(image.astype(int) - 127.5) <= 1).all()
    assert (picture(exposure=100.0) == 255).all()
    assert (abs(picture(exposure=0.5**2.2).astype(int) - 64) <= 1).all()


def test_noise_has_its_strength():
    image = picture(noise=6.0)
    assert image.std() == pytest.approx(6, rel=0.1)
    assert abs(image.mean() - 127.5) < 1


def test_balance_tints_and_vignette_darkens_corners():
    tinted = picture(balance=(1.2, 1.0, 0.8)).mean(axis=(0, 1))
    assert tinted[0] > tinted[1] > tinted[2]
    dimmed = picture(vignette=0.3)
    assert dimmed[10, 15].min() > dimmed[0, 0].max() + 10


def test_blur_spreads_light_and_keeps_it():
    point = np.zeros((21, 21, 3), np.float32)
    point[10, 10] = 1
    sharp, blurred = picture(point), picture(point, blur=1.0)
    assert (sharp > 0).sum() == 3 and (blurred[..., 0] > 20).sum() > 8
    total = ((blurred / 255.0) ** 2.2).sum() / 3
    assert total == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(point.sum(), 3)


def test_samples_vary():
    generator = np.random.default_rng(0)
    drawn = [ImageEffects.sample(generator) for _ in range(60)]
    assert 0.5 < np.mean([effects.blur > 0 for effects in drawn]) < 0.85
    assert np.std([effects.exposure for effects in drawn]) > 0.1
