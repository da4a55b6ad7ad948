import numpy as np
import pytest

from mmpose_ext.apis.one_euro import OneEuro, one_euro


def textbook(values, times, options):
    """The filter for one number, as the paper's listing has it."""

    def alpha(cutoff, elapsed):
        return 1 / (1 + 1 / (2 * np.pi * cutoff) / elapsed)

    filtered, speed = [values[0]], 0.0
    for value, before, after in zip(values[1:], times, times[1:], strict=False):
        elapsed = after - before
        share = alpha(options.derivative_cutoff, elapsed)
        speed = share * (value - filtered[-1]) / elapsed + (1 - share) * speed
        share = alpha(options.min_cutoff + options.beta * abs(speed), elapsed)
        filtered.append(share * value + (1 - share) * filtered[-1])
    return np.array(filtered)


def noisy(frames=60, seed=0):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.06, frames))
    return np.sin(3 * times) + rng.normal(0, 0.02, frames), times


def test_shapes():
    values = np.zeros((5, 2, 17, 3), np.float32)
    filtered, state = one_euro(values, np.arange(5.0), OneEuro())
    assert filtered.shape == values.shape and filtered.dtype == np.float32
    assert state.value.shape == (2, 17, 3) and state.time == 4


def test_values():
    """One number at a variable rate is filtered as in the paper."""
    values, times = noisy()
    options = OneEuro(1.2, 0.7, 0.9)
    filtered, _ = one_euro(values[:, None], times, options)
    np.testing.assert_allclose(filtered[:, 0], textbook(values, times, options))


def test_rest_and_motion():
    rng = np.random.default_rng(0)
    times = np.arange(300) / 30
    still = rng.normal(0, 0.01, (300, 3))
    filtered, _ = one_euro(still, times, OneEuro())
    assert filtered[30:].std() < 0.5 * still[30:].std()
    moving = np.stack([2 * times, 0 * times, 0 * times], axis=-1)
    filtered, _ = one_euro(moving, times, OneEuro())
    assert abs(filtered - moving)[30:].max() < 0.06, 'lags less than a frame'


def test_axes_do_not_matter():
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=(40, 4, 3)), np.arange(40) / 30
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    straight, _ = one_euro(values, times, OneEuro())
    turned, _ = one_euro(values @ turn, times, OneEuro())
    np.testing.assert_allclose(turned, straight @ turn, atol=1e-12)


def test_pieces():
    values, times = noisy()
    whole, _ = one_euro(values[:, None], times, OneEuro())
    first, state = one_euro(values[:25, None], times[:25], OneEuro())
    second, _ = one_euro(values[25:, None], times[25:], OneEuro(), state)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)


def test_absence():
    """A point that comes back begins anew; others are not touched by it."""
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=(20, 2, 3)), np.arange(20) / 30
    alone, _ = one_euro(values, times, OneEuro())
    values[8:12, 0] = np.nan
    filtered, _ = one_euro(values, times, OneEuro())
    np.testing.assert_array_equal(filtered[:, 1], alone[:, 1])
    np.testing.assert_array_equal(filtered[:8, 0], alone[:8, 0])
    assert np.isnan(filtered[8:12, 0]).all()
    again, _ = one_euro(values[12:, :1], times[12:], OneEuro())
    np.testing.assert_allclose(filtered[12:, :1], again)


def test_invalid():
    with pytest.raises(ValueError, match='above 0'):
        OneEuro(min_cutoff=0)
    with pytest.raises(ValueError, match='beta'):
        OneEuro(beta=-1)
    values = np.zeros((3, 1))
    with pytest.raises(ValueError, match='3 frames need as many times'):
        one_euro(values, np.arange(2), OneEuro())
    with pytest.raises(ValueError, match='increase'):
        one_euro(values, np.array([0, 1, 1]), OneEuro())
    _, state = one_euro(values, np.arange(3), OneEuro())
    with pytest.raises(ValueError, match='after 2'):
        one_euro(values, np.arange(3), OneEuro(), state)
