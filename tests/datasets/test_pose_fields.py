"""World poses to store fields."""

import numpy as np
import pytest

from mmpose_ext.datasets.pose_fields import outside_image, world_pose_to_fields

LENS = {'f': [1000.0, 1000.0], 'c': [500.0, 500.0]}
UPRIGHT = {'R': [[1, 0, 0], [0, 0, -1], [0, 1, 0]], 't': [0, 1, 4]}


def pose():
    return np.random.default_rng(0).uniform(-0.5, 0.5, (6, 17, 3))


def test_shapes():
    fields = world_pose_to_fields(pose(), LENS, UPRIGHT)
    assert {name: value.shape for name, value in fields.items()} == {
        'pose_cam': (6, 17, 3),
        'pose_image': (6, 17, 3),
        'factor': (6,),
    }
    assert {value.dtype for value in fields.values()} == {np.dtype('float32')}


def test_values():
    fields = world_pose_to_fields(pose(), LENS, UPRIGHT)
    x, y, z = np.moveaxis(pose(), -1, 0)
    np.testing.assert_allclose(fields['pose_cam'][..., 1], 1 - z, atol=1e-6)
    np.testing.assert_allclose(fields['pose_cam'][..., 2], y + 4, atol=1e-6)
    u = 1000 * x / (y + 4) + 500
    np.testing.assert_allclose(fields['pose_image'][..., 0], u, atol=1e-3)
    factor = 1 / (1000 / (y[:, 0] + 4) + 0.5)
    np.testing.assert_allclose(fields['factor'], factor, rtol=1e-6)
    depth = (y - y[:, :1]) / factor[:, None]
    np.testing.assert_allclose(fields['pose_image'][..., 2], depth, atol=1e-3)


def test_distortion_is_applied():
    bent = {**LENS, 'distortion': [-0.2, 0.2, 0, 0, 0]}
    straight = world_pose_to_fields(pose(), LENS, UPRIGHT)['pose_image']
    curved = world_pose_to_fields(pose(), bent, UPRIGHT)['pose_image']
    assert np.abs(straight - curved)[..., :2].max() > 1
    np.testing.assert_array_equal(straight[..., 2], curved[..., 2])


def test_outside_image():
    cam = np.ones((4, 2, 3))
    image = np.full((4, 2, 3), 50.0)
    image[1, 0, 0] = 100.0
    image[2, 1, 1] = -0.5
    cam[3, 0, 2] = -1
    assert outside_image(cam, image, (100, 200)).tolist() == [False, True, True, True]


@pytest.mark.parametrize('bad', [np.zeros((17, 3)), np.zeros((2, 17, 2))])
def test_wrong_shape(bad):
    with pytest.raises(ValueError, match='expected'):
        world_pose_to_fields(bad, LENS, UPRIGHT)


def test_nan():
    broken = pose()
    broken[4, 3, 1] = np.nan
    with pytest.raises(ValueError, match='frame 4'):
        world_pose_to_fields(broken, LENS, UPRIGHT)
