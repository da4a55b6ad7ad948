"""Smooth functions of time."""

import numpy as np

from mmpose_ext.simulation.motions.time_signals import band_limited_noise, keyframes


def test_keyframes_rest_in_each_value():
    t = np.linspace(-1, 4, 501)
    values = keyframes(t, [0, 1, 3], [[0, 1], [2, 1], [-1, 5]])
    assert values.shape == (501, 2)
    np.testing.assert_allclose(values[t <= 0], [[0, 1]] * (t <= 0).sum())
    np.testing.assert_allclose(values[-1], [-1, 5])
    np.testing.assert_allclose(keyframes(np.array([0.5]), [0, 1], [0, 2]), [1])
    velocity = np.gradient(values, t, axis=0)
    at_knot = np.abs(t - 1).argmin()
    assert np.abs(velocity[at_knot]).max() < 0.01


def test_noise_is_band_limited_and_of_unit_variance():
    t = np.arange(40_000) / 100
    noise = band_limited_noise(t, 2.0, np.random.default_rng(0), 5)
    assert noise.shape == (40_000, 5)
    np.testing.assert_allclose(noise.std(axis=0), 1, atol=0.1)
    power = np.abs(np.fft.rfft(noise * np.hanning(len(t))[:, None], axis=0)) ** 2
    above = np.fft.rfftfreq(len(t), 0.01) > 2.05
    assert power[above].sum() < 1e-6 * power.sum()
