"""The noise of a simulated 2D detector."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from mmpose_ext.geometry import FLIP_INDICES, H36M17
from mmpose_ext.simulation.detector_noise import (
    REFERENCE_BOX_PX,
    SIGMA_PX,
    detect_keypoints,
)

QUIET = dict(swap_rate=0, miss_rate=0)


def person(frames, size=REFERENCE_BOX_PX):
    """A still person whose larger side measures `size` pixels."""
    rng = np.random.default_rng(0)
    shape = rng.uniform(0, 1, (17, 2)) * [0.4, 1]
    shape[0, 1], shape[1, 1] = 0, 1
    return np.repeat(300 + size * shape[None], frames, axis=0)


def test_shapes():
    keypoints, scores = detect_keypoints(person(5), np.random.default_rng(0))
    assert keypoints.shape == (5, 17, 2)
    assert scores.shape == (5, 17)
    assert keypoints.dtype == scores.dtype == np.float32
    assert scores.min() >= 0 and scores.max() <= 1


def test_it_depends_on_the_generator_only():
    truth = person(50)
    before = truth.copy()
    first = detect_keypoints(truth, np.random.default_rng(7))
    second = detect_keypoints(truth, np.random.default_rng(7))
    third = detect_keypoints(truth, np.random.default_rng(8))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], third[0])
    np.testing.assert_array_equal(truth, before)


class TestValues:
    @pytest.mark.parametrize('size', [REFERENCE_BOX_PX, REFERENCE_BOX_PX / 2])
    def test_standard_deviation(self, size):
        truth = person(20000, size)
        keypoints, _ = detect_keypoints(truth, np.random.default_rng(0), **QUIET)
        spread = (keypoints - truth).std(axis=(0, 2))
        names = [n.split('_', 1)[-1] if n[:4] in ('left', 'righ') else n
                 for n in H36M17.joint_names]  # fmt: skip
        expected = np.array([SIGMA_PX[n] for n in names]) * size / REFERENCE_BOX_PX
        np.testing.assert_allclose(spread, expected, rtol=0.1)
        assert spread[13] > 1.5 * spread[8]

    def test_correlation_in_time(self):
        truth = person(20000)
        keypoints, _ = detect_keypoints(
            truth, np.random.default_rng(0), correlation=0.6, **QUIET
        )
        noise = keypoints - truth
        lag = (noise[1:] * noise[:-1]).mean(axis=(0, 2)) / noise.var(axis=(0, 2))
        np.testing.assert_allclose(lag, 0.6, atol=0.05)

    def test_the_first_frame_is_as_noisy_as_the_others(self):
        truth = person(3)
        first = [
            detect_keypoints(truth, np.random.default_rng(i), **QUIET)[0][0] - truth[0]
            for i in range(800)
        ]
        assert np.std(first, axis=0).mean() == pytest.approx(5, rel=0.1)

    def test_swaps(self):
        truth = person(4000)
        sigma = {name: 0.0 for name in SIGMA_PX}
        keypoints, scores = detect_keypoints(
            truth,
            np.random.default_rng(0),
            sigma_px=sigma,
            swap_rate=0.01,
            swap_length=5,
            miss_rate=0,
        )
        as_it_is = np.abs(keypoints - truth).max(axis=-1) < 1e-3
        mirrored = np.abs(keypoints - truth[:, FLIP_INDICES]).max(axis=-1) < 1e-3
        assert (as_it_is | mirrored).all()
        # A limb swaps as a whole, about 0.01 * 5 of the time, in stretches.
        legs = ~as_it_is[:, 1:7]
        assert (legs.all(axis=1) == legs.any(axis=1)).all()
        assert 0.03 < legs[:, 0].mean() < 0.07
        begins = np.flatnonzero(np.diff(legs[:, 0].astype(int)) == 1)
        assert 3 < legs[:, 0].sum() / len(begins) < 8
        assert as_it_is[:, [0, 7, 8, 9, 10]].all()
        # The detector hardly notices.
        assert scores[:, 1][legs[:, 0]].mean() > 0.7

    def test_misses(self):
        truth = person(4000)
        sigma = {name: 0.0 for name in SIGMA_PX}
        keypoints, scores = detect_keypoints(
            truth,
            np.random.default_rng(0),
            sigma_px=sigma,
            swap_rate=0,
            miss_rate=0.01,
            miss_length=4,
        )
        error = np.linalg.norm(keypoints - truth, axis=-1)
        missed = error > 1
        assert 0.03 < missed.mean() < 0.05
        assert error[missed].min() > 0.09 * REFERENCE_BOX_PX
        assert error.max() < 0.41 * REFERENCE_BOX_PX
        assert scores[missed].mean() < 0.4 < 0.8 < scores[~missed].mean()

    def test_score_tells_the_error(self):
        truth = person(3000)
        keypoints, scores = detect_keypoints(truth, np.random.default_rng(0))
        error = np.linalg.norm(keypoints - truth, axis=-1)
        correlation = spearmanr(error.ravel(), scores.ravel())[0]
        assert -0.75 < correlation < -0.35

    def test_image_border(self):
        keypoints, _ = detect_keypoints(
            person(200), np.random.default_rng(0), image_size=(350, 400)
        )
        assert keypoints.min() >= 0
        assert keypoints[..., 0].max() == 349
        assert keypoints[..., 1].max() == 399


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(correlation=1.0), 'correlation'),
        (dict(miss_rate=1.5), 'rates'),
        (dict(swap_length=0.5), 'lengths'),
        (dict(sigma_px={'root': 1.0}), 'says nothing about'),
    ],
)
def test_invalid_option(options, message):
    with pytest.raises(ValueError, match=message):
        detect_keypoints(person(3), np.random.default_rng(0), **options)


def test_invalid_keypoints():
    with pytest.raises(ValueError, match='17, 2'):
        detect_keypoints(np.zeros((3, 16, 2)), np.random.default_rng(0))
    with pytest.raises(ValueError, match='NaN'):
        detect_keypoints(np.full((3, 17, 2), np.nan), np.random.default_rng(0))
