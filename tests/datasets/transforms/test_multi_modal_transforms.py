"""Transforms of frames of several sensors."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import (
    NormalizeChannelState,
    NormalizeImageKeypoints,
    PackMultiModalInputs,
    SubsamplePoints,
)

RNG = np.random.default_rng(0)


def cloud(points=50, sequence='E01_S01_A02', frame=3):
    values = np.arange(points, dtype=np.float32)[:, None].repeat(3, 1)
    values.flags.writeable = False
    return dict(lidar=values, sequence=sequence, sequence_id=0, frame_id=frame)


def chosen(transform, **options):
    return transform(cloud(**options))['lidar'][:, 0].tolist()


class TestSubsamplePoints:
    def test_shapes(self):
        result = SubsamplePoints('lidar', 10)(cloud())
        assert result['lidar'].shape == (10, 3)
        assert result['lidar'].dtype == np.float32

    def test_values(self):
        transform = SubsamplePoints('lidar', 10)
        points = chosen(transform)
        assert points == sorted(set(points)), 'in order, none twice'
        assert chosen(transform) == points, 'the same again'
        others = [
            chosen(transform, frame=4),
            chosen(transform, sequence='E01_S01_A03'),
            chosen(SubsamplePoints('lidar', 10, seed=1)),
        ]
        assert points not in others

    def test_every_point_has_its_chance(self):
        transform = SubsamplePoints('lidar', 10)
        counts = np.zeros(50)
        for frame in range(2000):
            counts[np.array(chosen(transform, frame=frame), int)] += 1
        # 400 expected, deviation 18.
        assert counts.min() > 320 and counts.max() < 480

    @pytest.mark.parametrize('points', [0, 1, 10])
    def test_small_clouds_stay(self, points):
        before = cloud(points)
        assert SubsamplePoints('lidar', 10)(before)['lidar'] is before['lidar']

    def test_invalid(self):
        for options in (dict(max_points=0), dict(max_points=3, seed=-1)):
            with pytest.raises(ValueError, match='at least one point'):
                SubsamplePoints('lidar', **options)
        with pytest.raises(ValueError, match="key='rgb'"):
            SubsamplePoints('rgb', 5)

    def test_other_sensors_pass(self):
        sample = cloud()
        assert SubsamplePoints('mmwave', 5)(dict(sample)).keys() == sample.keys()


class TestNormalizeImageKeypoints:
    def test_values(self):
        pixels = np.array([[[0, 0], [640, 480], [320, 240]]], np.float32)
        result = NormalizeImageKeypoints()(dict(rgb=pixels, image_size=(640, 480)))
        expected = [[[-1, -0.75], [1, 0.75], [0, 0]]]
        np.testing.assert_allclose(result['rgb'], expected, atol=1e-7)
        assert result['rgb'].dtype == np.float32 and pixels[0, 1, 0] == 640

    def test_invalid(self):
        with pytest.raises(ValueError, match='needs the image_size'):
            NormalizeImageKeypoints()(dict(rgb=np.zeros((1, 17, 2))))

    def test_other_sensors_pass(self):
        assert NormalizeImageKeypoints()(dict(lidar=1)) == dict(lidar=1)
        assert NormalizeChannelState()(dict(lidar=1)) == dict(lidar=1)


class TestNormalizeChannelState:
    def sample(self):
        return dict(
            wifi=RNG.uniform(20, 60, (3, 114, 10)).astype('f4'),
            wifi_phase=RNG.uniform(-9, 9, (3, 114, 10)).astype('f4'),
        )

    def test_values(self):
        before = self.sample()
        result = NormalizeChannelState()(dict(before))
        assert set(result) == {'wifi'} and result['wifi'].dtype == np.float32
        assert (result['wifi'].min(), result['wifi'].max()) == (0, 1)
        slope = np.polyfit(before['wifi'].ravel(), result['wifi'].ravel(), 1)[0]
        assert slope == pytest.approx(1 / np.ptp(before['wifi']), rel=1e-3)

    def test_none(self):
        before = self.sample()
        assert NormalizeChannelState('none')(dict(before))['wifi'] is before['wifi']

    def test_phase(self):
        before = self.sample()
        result = NormalizeChannelState(phase=True)(dict(before))['wifi']
        assert result.shape == (6, 114, 10) and result.dtype == np.float32
        assert abs(result).max() <= 1
        turn = np.exp(1j * np.pi * result[3:])
        np.testing.assert_allclose(turn, np.exp(1j * before['wifi_phase']), atol=1e-5)

    def test_frame_without_signal(self):
        silent = dict(wifi=np.zeros((3, 114, 10), np.float32))
        assert not NormalizeChannelState()(silent)['wifi'].any()

    def test_invalid(self):
        with pytest.raises(ValueError, match="mode='minmax'"):
            NormalizeChannelState('minmax')
        with pytest.raises(ValueError, match='no phase'):
            NormalizeChannelState(phase=True)(dict(wifi=np.zeros((3, 114, 10))))


class TestPackMultiModalInputs:
    def sample(self):
        rgb = np.ones((3, 17, 2), np.float32)
        rgb.flags.writeable = False
        return dict(
            rgb=rgb,
            lidar=np.ones((0, 3), np.float32),
            pose=np.ones((17, 3), np.float32),
            valid=dict(rgb=True, lidar=False),
            sequence='E01_S01_A02',
            frame_id=5,
            subject='S01',
        )

    def test_shapes(self):
        packed = PackMultiModalInputs(('rgb', 'lidar'))(self.sample())
        assert set(packed) == {'inputs', 'targets', 'data_samples'}
        shapes = {name: tuple(x.shape) for name, x in packed['inputs'].items()}
        assert shapes == dict(rgb=(3, 17, 2), lidar=(0, 3), valid=(2,))
        assert packed['targets']['pose'].shape == (17, 3)

    def test_values(self):
        packed = PackMultiModalInputs(('rgb', 'lidar'))(self.sample())
        sample = packed['data_samples']
        assert sample.metainfo == dict(
            sequence='E01_S01_A02', frame_id=5, subject='S01', valid=[True, False]
        )
        assert list(sample.keys()) == []
        assert packed['inputs']['valid'].dtype == torch.bool
        one = PackMultiModalInputs(('lidar',))(self.sample())
        assert one['inputs']['valid'].tolist() == [False]
        packed['inputs']['rgb'][:] = 0
        assert self.sample()['rgb'].all()

    def test_invalid(self):
        with pytest.raises(ValueError, match=r"no \['mmwave', 'wifi'\]; give the data"):
            PackMultiModalInputs(['rgb', 'mmwave', 'wifi'])(self.sample())

    def test_all_that_the_dataset_uses(self):
        packed = PackMultiModalInputs()(self.sample())
        assert list(packed['inputs']) == [*self.sample()['valid'], 'valid']


def test_in_runner():
    init_default_scope('mmpose')
    for config in (
        dict(type='SubsamplePoints', key='lidar', max_points=4),
        dict(type='NormalizeImageKeypoints'),
        dict(type='NormalizeChannelState', phase=True),
        dict(type='PackMultiModalInputs', modalities=('rgb',)),
    ):
        transform = TRANSFORMS.build(config)
        assert repr(transform).startswith(config['type'])
