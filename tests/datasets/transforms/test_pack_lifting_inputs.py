"""PackLiftingInputs: what a model and a metric receive."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

from mmpose_ext.datasets import LiftingDataset, PackLiftingInputs

T = 9


def _encoded(results):
    """What a codec adds, in numbers that tell the keys apart."""
    shape = results['keypoints'].shape[:2]
    target = results['lifting_target']
    results['keypoint_labels'] = np.full((*shape, 3), 1, dtype=np.float32)
    results['lifting_target_label'] = np.full((*shape, 3), 2, dtype=np.float32)
    results['lifting_target_weight'] = results['lifting_target_visible']
    results['lifting_target_metric'] = target - target[:, :1]
    results['root_image'] = results['keypoints'][:, 0].copy()
    return results


@pytest.fixture
def sample(pose_store):
    return _encoded(LiftingDataset(pose_store, seq_len=T, target_root=True)[1])


def test_shapes(sample):
    packed = PackLiftingInputs()(sample)
    assert set(packed) == {'inputs', 'data_samples'}
    assert packed['inputs'].shape == (T, 17, 3)
    assert packed['inputs'].dtype == torch.float32
    data = packed['data_samples']
    assert isinstance(data, PoseDataSample)
    assert set(data.gt_instances.keys()) == {'lifting_target', 'pose_cam'}
    assert data.gt_instances.lifting_target.shape == (T, 17, 3)
    assert data.gt_instances.pose_cam.shape == (T, 17, 3)
    labels = data.gt_instance_labels
    assert set(labels.keys()) == {'lifting_target_label', 'lifting_target_weight'}
    assert labels.lifting_target_label.shape == (T, 17, 3)
    assert labels.lifting_target_weight.shape == (T, 17)
    assert len(labels) == len(data.gt_instances) == T
    for instances in (data.gt_instances, labels):
        for value in instances.values():
            assert isinstance(value, torch.Tensor) and value.dtype == torch.float32
    assert set(data.metainfo) == set(PackLiftingInputs.META_KEYS)


def test_values(sample):
    data = PackLiftingInputs()(sample)['data_samples']
    root_relative = sample['pose_cam'] - sample['pose_cam'][:, :1]
    np.testing.assert_array_equal(data.gt_instances.lifting_target, root_relative)
    np.testing.assert_array_equal(data.gt_instances.pose_cam, sample['pose_cam'])
    assert (data.gt_instance_labels.lifting_target_label == 2).all()
    assert (data.gt_instance_labels.lifting_target_weight == 1).all()
    assert data.metainfo['sample_name'] == 'S1_Walking.54138969[9:18]'
    assert data.metainfo['frame_ids'].tolist() == list(range(9, 18))
    assert data.metainfo['camera_param']['w'] == 1000
    np.testing.assert_array_equal(data.metainfo['root_cam'], sample['pose_cam'][:, 0])


def test_data_cannot_be_changed_through_a_sample(pose_store):
    dataset = LiftingDataset(pose_store, seq_len=T, pipeline=[_encoded])
    data = PackLiftingInputs()(dataset[0])['data_samples']
    data.gt_instances.pose_cam.zero_()
    data.gt_instance_labels.lifting_target_weight.zero_()
    again = PackLiftingInputs()(dataset[0])['data_samples']
    assert (again.gt_instances.pose_cam != 0).any()
    assert (again.gt_instance_labels.lifting_target_weight == 1).all()


def test_meta_keys(sample):
    sample['extra'] = 5
    build = TRANSFORMS.build
    data = build(dict(type='PackLiftingInputs', meta_keys=('subject', 'missing')))
    assert data(sample)['data_samples'].metainfo == {'subject': 'S1'}
    data = build(dict(type='PackLiftingInputs', extra_meta_keys=('extra', 'subject')))
    metainfo = data(sample)['data_samples'].metainfo
    assert metainfo['extra'] == 5 and metainfo['action'] == 'Walking'
    assert 'extra' in repr(data)


def test_inference_without_ground_truth():
    """The keys that MMPose's `inference_pose_lifter_model` gives, after a codec."""
    results = dict(
        keypoints=np.zeros((T, 17, 2)),
        keypoint_labels=np.zeros((T, 17, 3)),
        lifting_target=np.zeros((1, 17, 3), dtype=np.float32),
        lifting_target_label=None,
        factor=np.zeros(T, dtype=np.float32),
        camera_param=dict(w=640, h=480),
        flip_indices=list(range(17)),
        dataset_name='h36m',
    )
    packed = PackLiftingInputs()(results)
    assert packed['inputs'].dtype == torch.float32
    data = packed['data_samples']
    assert data.gt_instances.keys() == [] and data.gt_instance_labels.keys() == []
    assert set(data.metainfo) == {
        'factor',
        'camera_param',
        'flip_indices',
        'dataset_name',
    }


def test_invalid(sample):
    del sample['keypoint_labels']
    with pytest.raises(ValueError, match='needs keypoint_labels, which dict.*put it'):
        PackLiftingInputs()(sample)


def test_in_runner(pose_store):
    """Through collate, pickling between processes, and MMPose's preprocessor."""
    dataset = LiftingDataset(
        pose_store, seq_len=T, pipeline=[_encoded, PackLiftingInputs()]
    )
    samples = [pickle.loads(pickle.dumps(dataset[i])) for i in range(3)]
    batch = PoseDataPreprocessor()(pseudo_collate(samples), training=True)
    assert batch['inputs'].shape == (3, T, 17, 3)
    data = batch['data_samples'][2]
    assert data.gt_instances.lifting_target.shape == (T, 17, 3)
    assert (
        data.metainfo['score_mask'].tolist() == dataset.windows.score_mask(2).tolist()
    )
