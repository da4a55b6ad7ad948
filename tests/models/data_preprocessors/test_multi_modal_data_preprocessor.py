"""MultiModalDataPreprocessor: batches come to the device as they are."""

import pytest
import torch
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.data_preprocessors import MultiModalDataPreprocessor


def batch():
    return dict(
        inputs=dict(
            rgb=torch.rand(2, 3, 17, 2),
            lidar=torch.rand(2, 4, 3),
            lidar_mask=torch.ones(2, 4, dtype=torch.bool),
            valid=torch.ones(2, 2, dtype=torch.bool),
        ),
        targets=dict(pose=torch.rand(2, 17, 3)),
        data_samples=[PoseDataSample(), PoseDataSample()],
    )


@pytest.mark.parametrize('training', [False, True])
def test_values(training):
    preprocessor = MODELS.build(dict(type='MultiModalDataPreprocessor'))
    given = batch()
    found = preprocessor(given, training)
    assert set(found) == {'inputs', 'data_samples'}
    for name, values in given['inputs'].items():
        assert torch.equal(found['inputs'][name], values)
        assert found['inputs'][name].dtype == values.dtype
    assert torch.equal(found['data_samples']['pose'], given['targets']['pose'])
    assert found['data_samples']['samples'] is given['data_samples']


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_device():
    found = MultiModalDataPreprocessor().cuda()(batch())
    tensors = [*found['inputs'].values(), found['data_samples']['pose']]
    assert all(tensor.is_cuda for tensor in tensors)


@pytest.mark.parametrize(
    'data', [dict(inputs=torch.rand(2, 3)), dict(inputs=dict(rgb=torch.rand(2)))]
)
def test_invalid(data):
    with pytest.raises(ValueError, match=r"collate_fn=dict\(type='multi_modal_collate"):
        MultiModalDataPreprocessor()(data)
