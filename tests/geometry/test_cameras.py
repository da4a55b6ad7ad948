"""Cameras: agreement with OpenCV and public numbers, round trips, torch = NumPy."""

import json

import cv2
import numpy as np
import pytest
import torch

from mmpose_ext.geometry import (
    camera_to_image_pose,
    camera_to_world,
    cameras,
    factor_to_root_depth,
    h36m_cameras,
    image_pose_to_camera,
    pixels_to_rays,
    project_to_pixels,
    root_depth_to_factor,
    world_to_camera,
)

RIGS = [(s, c) for s in ('S1', 'S9', 'S11') for c in h36m_cameras()[s]]


@pytest.fixture
def world():
    """Poses (2, 5, 17, 3) in the capture area of Human3.6M."""
    rng = np.random.default_rng(0)
    return rng.uniform([-1, -1, 0], [1, 1.5, 2], (2, 5, 17, 3))


def seen_by(world, subject, camera):
    rig = h36m_cameras()[subject][camera]
    return world_to_camera(world, **rig['extrinsics']), rig['intrinsics']


def matrix_of(lens):
    matrix = np.diag([*lens['f'], 1.0])
    matrix[:2, 2] = lens['c']
    return matrix


class TestShapes:
    def test_leading_dimensions(self, world):
        pose, lens = seen_by(world, 'S1', '54138969')
        image, factor = camera_to_image_pose(pose, **lens)
        assert image.shape == (2, 5, 17, 3)
        assert factor.shape == (2, 5)
        assert project_to_pixels(pose[0, 0, 0], **lens).shape == (2,)

    def test_a_camera_for_each_sample(self, world):
        ids = ['54138969', '60457274']
        rigs = [h36m_cameras()['S1'][c] for c in ids]

        def stacked(part, key, dims):
            value = np.stack([np.array(rig[part][key]) for rig in rigs])
            return value.reshape(2, *dims, *value.shape[1:])

        pose = world_to_camera(
            world,
            stacked('extrinsics', 'R', (1, 1)),
            stacked('extrinsics', 't', (1, 1)),
        )
        lens = {
            key: stacked('intrinsics', key, (1, 1)) for key in ('f', 'c', 'distortion')
        }
        image, factor = camera_to_image_pose(pose, **lens)
        for i, rig in enumerate(rigs):
            one = world_to_camera(world[i], **rig['extrinsics'])
            one_image, one_factor = camera_to_image_pose(one, **rig['intrinsics'])
            np.testing.assert_allclose(pose[i], one, atol=1e-12)
            np.testing.assert_allclose(image[i], one_image, atol=1e-9)
            np.testing.assert_allclose(factor[i], one_factor, atol=1e-15)
        back = image_pose_to_camera(image, factor, pose[..., 0, 2], **lens)
        np.testing.assert_allclose(back, pose, atol=1e-9)

    def test_dtype_is_kept(self, world):
        pose, lens = seen_by(world.astype(np.float32), 'S1', '54138969')
        image, factor = camera_to_image_pose(pose, **lens)
        assert {pose.dtype, image.dtype, factor.dtype} == {np.dtype('float32')}


class TestValues:
    @pytest.mark.parametrize(('subject', 'camera'), RIGS)
    def test_agrees_with_opencv(self, world, subject, camera):
        pose, lens = seen_by(world, subject, camera)
        extrinsics = h36m_cameras()[subject][camera]['extrinsics']
        expected, _ = cv2.projectPoints(
            world.reshape(-1, 3),
            cv2.Rodrigues(np.array(extrinsics['R']))[0],
            np.array(extrinsics['t']),
            matrix_of(lens),
            np.array(lens['distortion']),
        )
        actual = project_to_pixels(pose, **lens)
        np.testing.assert_allclose(actual, expected.reshape(2, 5, 17, 2), atol=1e-3)

    def test_every_distortion_coefficient_matters(self, world):
        pose, lens = seen_by(world, 'S1', '54138969')
        for i in range(5):
            distortion = np.zeros(5)
            distortion[i] = 0.1
            expected, _ = cv2.projectPoints(
                pose.reshape(-1, 3),
                np.zeros(3),
                np.zeros(3),
                matrix_of(lens),
                distortion,
            )
            actual = project_to_pixels(pose, lens['f'], lens['c'], distortion)
            np.testing.assert_allclose(actual.reshape(-1, 2), expected[:, 0], atol=1e-6)

    @pytest.mark.parametrize(('subject', 'camera'), RIGS[:4])
    def test_pixels_to_rays_in_the_whole_image(self, subject, camera):
        lens = h36m_cameras()[subject][camera]['intrinsics']
        pixels = np.random.default_rng(1).uniform(0, 1000, (200, 2))
        rays = pixels_to_rays(pixels, **lens)
        points = 3 * np.concatenate([rays, np.ones((200, 1))], axis=1)
        np.testing.assert_allclose(project_to_pixels(points, **lens), pixels, atol=1e-6)

    def test_hand_computed(self):
        point = np.array([1.0, -0.5, 2.0])
        pixel = project_to_pixels(point, [100, 200], [50, 60])
        np.testing.assert_allclose(pixel, [100, 10])
        turn = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
        moved = world_to_camera(point, turn, [1, 2, 3])
        np.testing.assert_allclose(moved, [1.5, 3, 5])

    def test_factor_is_the_width_of_the_box(self):
        focal, centre, root = 1145.0, 512.5, np.array([0.4, 0.1, 4.7])
        box = np.stack([root - [1, 0, 0], root + [1, 0, 0]])
        left, right = project_to_pixels(box, [focal, 1143.0], [centre, 515.0])[:, 0]
        expected = 2 / (right - left + 1)
        factor = root_depth_to_factor(root[2], [focal, 1143.0])
        assert factor == pytest.approx(expected, rel=1e-12)
        assert factor == pytest.approx(1 / (focal / 4.7 + 0.5), rel=1e-12)
        assert factor_to_root_depth(factor, [focal, 0]) == pytest.approx(4.7, rel=1e-12)

    def test_depth_channel(self, world):
        pose, lens = seen_by(world, 'S1', '58860488')
        image, factor = camera_to_image_pose(pose, **lens, root=3)
        assert np.all(image[..., 3, 2] == 0)
        expected = pose[..., 2] - pose[..., 3:4, 2]
        np.testing.assert_allclose(image[..., 2] * factor[..., None], expected)

    def test_positions_that_videopose3d_publishes(self):
        # Camera centres in the world, millimetres.
        published = {
            ('S1', '54138969'): [1841.107, 4955.285, 1563.445],
            ('S9', '60457274'): [-1696.043, -3827.100, 1591.413],
            ('S11', '55011271'): [2083.182, -4912.173, 1561.079],
        }
        for (subject, camera), expected in published.items():
            rig = h36m_cameras()[subject][camera]
            centre = camera_to_world(np.zeros(3), **rig['extrinsics'])
            np.testing.assert_allclose(1000 * centre, expected, atol=2e-2)


class TestRoundTrips:
    @pytest.mark.parametrize(('subject', 'camera'), RIGS)
    def test_world(self, world, subject, camera):
        rig = h36m_cameras()[subject][camera]['extrinsics']
        back = camera_to_world(world_to_camera(world, **rig), **rig)
        np.testing.assert_allclose(back, world, atol=1e-12)

    @pytest.mark.parametrize('distorted', [True, False])
    def test_image_pose(self, world, distorted):
        pose, lens = seen_by(world, 'S9', '55011271')
        distortion = lens['distortion'] if distorted else None
        image, factor = camera_to_image_pose(pose, lens['f'], lens['c'], distortion)
        back = image_pose_to_camera(
            image,
            factor,
            pose[..., 0, 2],
            lens['f'],
            lens['c'],
            distortion=distortion,
        )
        np.testing.assert_allclose(back, pose, atol=1e-9)

    def test_offset_of_the_depth_channel_cancels(self, world):
        pose, lens = seen_by(world, 'S9', '55011271')
        image, factor = camera_to_image_pose(pose, lens['f'], lens['c'])
        image[..., 2] += 12.5
        back = image_pose_to_camera(
            image, factor, pose[..., 0, 2], lens['f'], lens['c']
        )
        np.testing.assert_allclose(back, pose, atol=1e-9)


@pytest.mark.parametrize('distorted', [True, False])
def test_torch_equals_numpy(world, distorted):
    rig = h36m_cameras()['S5']['54138969']
    lens = dict(rig['intrinsics'])
    if not distorted:
        lens['distortion'] = None
    pose = world_to_camera(world, **rig['extrinsics'])
    tensor = world_to_camera(torch.from_numpy(world), **rig['extrinsics'])
    image, factor = camera_to_image_pose(pose, **lens)
    tensor_image, tensor_factor = camera_to_image_pose(tensor, **lens)
    back = image_pose_to_camera(tensor_image, tensor_factor, tensor[..., 0, 2], **lens)
    assert isinstance(tensor_image, torch.Tensor)
    np.testing.assert_allclose(tensor.numpy(), pose, atol=1e-12)
    np.testing.assert_allclose(tensor_image.numpy(), image, atol=1e-9)
    np.testing.assert_allclose(tensor_factor.numpy(), factor, atol=1e-15)
    np.testing.assert_allclose(back.numpy(), pose, atol=1e-9)
    world_back = camera_to_world(tensor, **rig['extrinsics'])
    np.testing.assert_allclose(world_back.numpy(), world, atol=1e-12)


def test_gradients():
    points = torch.rand(3, 3, dtype=torch.float64) + torch.tensor([0.0, 0.0, 3.0])
    lens = h36m_cameras()['S1']['54138969']['intrinsics']
    assert torch.autograd.gradcheck(
        lambda p: project_to_pixels(p, **lens), points.requires_grad_()
    )


class TestPackagedCameras:
    def test_content(self):
        rigs = h36m_cameras()
        assert {'S1', 'S5', 'S6', 'S7', 'S8', 'S9', 'S11'} <= set(rigs)
        for views in rigs.values():
            assert len(views) == 4
            for camera, rig in views.items():
                tall = camera in ('54138969', '60457274')
                assert rig['image_size'] == ((1000, 1002) if tall else (1000, 1000))
                rotation = np.array(rig['extrinsics']['R'])
                np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
                assert np.linalg.det(rotation) == pytest.approx(1)
                assert 3 < np.linalg.norm(rig['extrinsics']['t']) < 8

    def test_the_caller_owns_the_result(self):
        h36m_cameras()['S1']['54138969']['intrinsics']['f'][0] = 0
        assert h36m_cameras()['S1']['54138969']['intrinsics']['f'][0] > 1000

    def test_licence_travels_with_the_file(self):
        file = cameras._CAMERA_FILE
        entries = json.loads(file.read_text())
        assert 'MIT' in entries[next(iter(entries))]
        assert 'Karim Iskakov' in file.with_name('LICENSE.h36m_cameras').read_text()


class TestInvalid:
    @pytest.mark.parametrize(
        'arguments',
        [
            dict(points_cam=np.zeros((5, 2)), f=[1, 1], c=[0, 0]),
            dict(points_cam=np.ones((5, 3)), f=[1], c=[0, 0]),
            dict(points_cam=np.ones((5, 3)), f=[1, 1], c=[0, 0, 0]),
            dict(points_cam=np.ones((5, 3)), f=[1, 1], c=[0, 0], distortion=[0] * 4),
        ],
    )
    def test_projection(self, arguments):
        with pytest.raises(ValueError, match='last dimensions must be'):
            project_to_pixels(**arguments)

    def test_translation_as_a_column(self):
        with pytest.raises(ValueError, match=r't has shape \(3, 1\)'):
            world_to_camera(np.zeros((4, 3)), np.eye(3), np.zeros((3, 1)))
