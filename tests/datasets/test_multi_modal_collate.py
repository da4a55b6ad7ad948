"""multi_modal_collate: stacks, padding and masks of clouds, bad input."""

import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS
from mmpose.structures import PoseDataSample

from mmpose_ext.datasets.multi_modal_collate import multi_modal_collate, pad_points
from mmpose_ext.datasets.transforms import PackMultiModalInputs

FOUR = ('rgb', 'lidar', 'mmwave', 'wifi')


def sample(number, lidar=4, mmwave=2, modalities=FOUR, valid=()):
    values = dict(
        rgb=np.full((3, 17, 2), number, np.float32),
        lidar=np.full((lidar, 3), number, np.float32),
        mmwave=np.full((mmwave, 5), number, np.float32),
        wifi=np.full((3, 114, 10), number, np.float32),
        pose=np.full((17, 3), number, np.float32),
        valid={name: name not in valid for name in FOUR},
        sequence='E01_S01_A02',
        sequence_id=0,
        frame_id=number,
        sample_idx=number,
        subject='S01',
        action='A02',
        environment='E01',
    )
    return PackMultiModalInputs(modalities)(values)


def test_shapes():
    batch = multi_modal_collate([sample(1), sample(2, lidar=6), sample(3, mmwave=0)])
    shapes = {name: tuple(value.shape) for name, value in batch['inputs'].items()}
    assert shapes == dict(
        rgb=(3, 3, 17, 2),
        lidar=(3, 6, 3),
        lidar_mask=(3, 6),
        mmwave=(3, 2, 5),
        mmwave_mask=(3, 2),
        wifi=(3, 3, 114, 10),
        valid=(3, 4),
    )
    kinds = {name: value.dtype for name, value in batch['inputs'].items()}
    for name, kind in kinds.items():
        flags = name == 'valid' or name.endswith('mask')
        assert kind == (torch.bool if flags else torch.float32)
    assert batch['targets']['pose'].shape == (3, 17, 3)
    assert all(isinstance(s, PoseDataSample) for s in batch['data_samples'])


def test_values():
    batch = multi_modal_collate(
        [sample(1, lidar=2), sample(2, lidar=3, valid=('wifi',))]
    )
    inputs = batch['inputs']
    assert inputs['lidar'][..., 0].tolist() == [[1, 1, 0], [2, 2, 2]]
    assert inputs['lidar_mask'].tolist() == [[True, True, False], [True] * 3]
    assert inputs['valid'].tolist() == [[True] * 4, [True, True, True, False]]
    assert batch['targets']['pose'][:, 0, 0].tolist() == [1, 2]
    assert inputs['rgb'][:, 0, 0, 0].tolist() == [1, 2]
    assert [s.frame_id for s in batch['data_samples']] == [1, 2]


def test_batch_of_one_without_points():
    inputs = multi_modal_collate([sample(1, lidar=0, mmwave=0)])['inputs']
    assert inputs['lidar'].shape == (1, 1, 3) and not inputs['lidar_mask'].any()
    assert not inputs['mmwave'].any()


def test_order_of_points_stays():
    clouds = [torch.rand(n, 3) for n in (3, 0, 5)]
    points, mask = pad_points(clouds)
    for cloud, row, kept in zip(clouds, points, mask, strict=True):
        assert torch.equal(row[kept], cloud) and not row[~kept].any()


def test_in_runner():
    collate = FUNCTIONS.get('multi_modal_collate')
    loader = torch.utils.data.DataLoader(
        [sample(i, lidar=i) for i in range(5)], batch_size=2, collate_fn=collate
    )
    assert [batch['inputs']['lidar'].shape[1] for batch in loader] == [1, 3, 4]


@pytest.mark.parametrize(
    ('samples', 'message'),
    [
        ([], 'PackMultiModalInputs'),
        ([dict(inputs={})], 'PackMultiModalInputs'),
        ([sample(1), sample(2, modalities=('rgb',))], 'give all datasets the same'),
    ],
)
def test_invalid(samples, message):
    with pytest.raises(ValueError, match=message):
        multi_modal_collate(samples)
