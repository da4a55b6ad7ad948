"""Batched heatmaps: the same as MMPose's codecs, sample by sample."""

import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from mmpose.codecs.utils import get_heatmap_maximum
from no_waiting import NoWaiting

from mmpose_ext.codecs.heatmaps import encode_heatmaps, maxima, render_like

KINDS = {
    'msra': (MSRAHeatmap, dict(unbiased=False)),
    'dark': (MSRAHeatmap, dict(unbiased=True)),
    'udp': (UDPHeatmap, dict(udp=True)),
}


def some_people(input_size, number=6, joints=40, seed=0):
    """Joints in, around and far out of the plane, and all kinds of weights."""
    rng = np.random.default_rng(seed)
    size = np.array(input_size)
    keypoints = rng.uniform(-1, 2, (number, joints, 2)) * size
    keypoints[:, :8] = rng.uniform(-0.02, 0.02, (number, 8, 2)) * size
    keypoints[:, 8:12] = 4 * rng.integers(0, 12, (number, 4, 2)) + 2  # half way
    weights = rng.choice([0, 0.3, 0.7, 1], (number, joints), p=[0.1, 0.1, 0.1, 0.7])
    return keypoints.astype(np.float32), weights.astype(np.float32)


@pytest.mark.parametrize('sigma', [2, 3, 1.5, 0.8])
@pytest.mark.parametrize(
    'sizes', [((192, 256), (48, 64)), ((64, 48), (16, 12)), ((64, 96), (32, 24))]
)
@pytest.mark.parametrize('kind', KINDS)
def test_as_mmpose(kind, sizes, sigma):
    codec, options = KINDS[kind]
    keypoints, weights = some_people(sizes[0])
    stock = {name: value for name, value in options.items() if name != 'udp'}
    reference = codec(*sizes, sigma=sigma, **stock)
    heatmaps, found_weights = encode_heatmaps(
        torch.from_numpy(keypoints),
        torch.from_numpy(weights),
        input_size=sizes[0],
        heatmap_size=sizes[1],
        sigma=sigma,
        **options,
    )
    assert heatmaps.dtype == torch.float32
    lost = 0
    for b in range(len(keypoints)):
        encoded = reference.encode(keypoints[b : b + 1], weights[b : b + 1])
        np.testing.assert_allclose(heatmaps[b], encoded['heatmaps'], atol=1e-5)
        np.testing.assert_array_equal(found_weights[b], encoded['keypoint_weights'][0])
        lost += (encoded['keypoint_weights'][0] != weights[b]).sum()
    assert lost > 0, 'some joints were outside'


def test_unlabelled_joint_may_be_nan():
    keypoints = torch.tensor([[[10.0, 10.0], [np.nan, np.nan]]])
    heatmaps, weights = encode_heatmaps(
        keypoints,
        torch.tensor([[1.0, 0.0]]),
        input_size=(32, 32),
        heatmap_size=(8, 8),
        sigma=2,
    )
    assert heatmaps[0, 0].max() == 1 and not heatmaps[0, 1].any()
    assert weights.tolist() == [[1, 0]]


def test_maxima():
    heatmaps = torch.rand(3, 17, 9, 7)
    points, heights = maxima(heatmaps)
    expected, values = get_heatmap_maximum(heatmaps.numpy())
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_array_equal(heights, values)


def test_render_like():
    points = torch.tensor([[[3.25, 4.5], [1.0, 2.0], [-50.0, 0.0]]])
    scores = torch.tensor([[0.5, 2.0, 1.0]])
    drawn = render_like(points, scores, size=(8, 10), sigma=1.5)
    assert drawn.shape == (1, 3, 10, 8)
    at = np.exp(-((3.25 - 2) ** 2 + (4.5 - 6) ** 2) / (2 * 1.5**2))
    assert drawn[0, 0, 6, 2] == pytest.approx(0.5 * at)
    assert drawn[0, 1, 2, 1] == 2
    assert drawn[0, 2].max() < 1e-6
    found, heights = maxima(drawn[:, 1:2])
    assert found.tolist() == [[[1, 2]]] and heights.tolist() == [[2]]


def test_render_like_is_the_unbiased_code():
    keypoints = 20 + 100 * torch.rand(2, 17, 2)
    options = dict(input_size=(192, 256), heatmap_size=(48, 64))
    encoded, _ = encode_heatmaps(
        keypoints, torch.ones(2, 17), sigma=2, unbiased=True, **options
    )
    drawn = render_like(keypoints / 4, torch.ones(2, 17), size=(48, 64), sigma=2)
    torch.testing.assert_close(drawn, encoded)


def test_invalid():
    with pytest.raises(ValueError, match='unbiased=True'):
        encode_heatmaps(
            torch.zeros(1, 1, 2),
            torch.ones(1, 1),
            input_size=(8, 8),
            heatmap_size=(2, 2),
            sigma=1,
            unbiased=True,
            udp=True,
        )


def test_no_waiting():
    keypoints, weights = (torch.from_numpy(x) for x in some_people((64, 64)))
    with NoWaiting():
        for options in (dict(), dict(unbiased=True), dict(udp=True)):
            heatmaps, _ = encode_heatmaps(
                keypoints,
                weights,
                input_size=(64, 64),
                heatmap_size=(16, 16),
                sigma=2,
                **options,
            )
        points, heights = maxima(heatmaps)
        render_like(points, heights, size=(16, 16), sigma=2)
