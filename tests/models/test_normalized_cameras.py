import numpy as np
import pytest
import torch
from mmpose.structures import PoseDataSample
from torch.testing import assert_close

from mmpose_ext.geometry import project_to_pixels
from mmpose_ext.models.normalized_cameras import NormalizedCameras

LENS = (-0.2, 0.24, -0.0009, -0.0014, -0.002)


def sample(**camera):
    camera = {'w': 1920, 'h': 1080, 'f': [1500, 1400], 'c': [930, 570]} | camera
    given = {key: value for key, value in camera.items() if value is not None}
    return PoseDataSample(metainfo=dict(camera_param=given, sample_name='walk[0:3]'))


def test_values():
    cameras = NormalizedCameras.of_samples([sample(), sample()], torch.device('cpu'))
    assert_close(cameras.f, torch.tensor([[2 * 1500 / 1920, 2 * 1400 / 1920]] * 2))
    centre = [2 * 930 / 1920 - 1, 2 * 570 / 1920 - 1080 / 1920]
    assert_close(cameras.c, torch.tensor([centre] * 2))
    assert cameras.distortion is None


@pytest.mark.parametrize('lens', [None, LENS])
def test_rays(lens):
    """Back from normalised 2D to what was projected in pixels."""
    samples = [sample(distortion=lens), sample(w=1000, h=1002, c=[510, 500])]
    points = np.random.default_rng(0).uniform(-1, 1, (2, 3, 17, 3)) * [1, 1, 0.3]
    points[..., 2] += 5
    keypoints = []
    for pose, one in zip(points, samples, strict=True):
        camera = one.camera_param
        pixels = project_to_pixels(
            pose, camera['f'], camera['c'], camera.get('distortion')
        )
        width, height = camera['w'], camera['h']
        keypoints.append(2 * pixels / width - [1, height / width])
    cameras = NormalizedCameras.of_samples(samples, torch.device('cpu'))
    rays = cameras.rays(torch.tensor(np.stack(keypoints), dtype=torch.float32))
    expected = torch.tensor(points[..., :2] / points[..., 2:], dtype=torch.float32)
    assert_close(rays, expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize('missing', ['w', 'f', 'c'])
def test_invalid(missing):
    with pytest.raises(ValueError, match=rf"'walk\[0:3\]'.*lacks \['{missing}'\]"):
        NormalizedCameras.of_samples([sample(**{missing: None})], torch.device('cpu'))
