"""SemiSupervisedDataPreprocessor: training batches as they are, others as ever."""

import pytest
import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from mmpose_ext.models.data_preprocessors import SemiSupervisedDataPreprocessor

OPTIONS = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
)


def batch():
    """Two pairs as the loader sends them."""
    blue = torch.zeros(2, 3, 8, 6, dtype=torch.uint8)
    blue[:, 0] = 200
    return dict(
        inputs=dict(labelled=blue, unlabelled=torch.cat([blue, blue], dim=-1)),
        data_samples=dict(labelled=[PoseDataSample()], unlabelled=[PoseDataSample()]),
        targets=dict(
            keypoints=torch.ones(2, 17, 2),
            keypoint_weights=torch.ones(2, 17),
            source_to_input=torch.eye(2, 3).repeat(2, 1, 1),
            source_size=torch.tensor([[6, 8], [5, 8]]),
        ),
    )


def test_training_batch():
    config = dict(type='SemiSupervisedDataPreprocessor', **OPTIONS)
    preprocessor = MODELS.build(config)
    given = batch()
    found = preprocessor(given, training=True)
    assert set(found) == {'inputs', 'data_samples'}
    for role, images in given['inputs'].items():
        assert found['inputs'][role].dtype == torch.uint8
        assert torch.equal(found['inputs'][role], images[:, [2, 1, 0]])
    assert found['data_samples'].pop('samples') is given['data_samples']
    assert found['data_samples'] == given['targets']


def test_colours_are_left_alone_unless_asked():
    preprocessor = SemiSupervisedDataPreprocessor(**{**OPTIONS, 'bgr_to_rgb': False})
    given = batch()
    found = preprocessor(given, training=True)
    assert torch.equal(found['inputs']['labelled'], given['inputs']['labelled'])


@pytest.mark.parametrize('training', [False, True])
def test_other_batches_are_those_of_mmpose(training):
    images = torch.randint(256, (2, 3, 8, 6), dtype=torch.uint8)
    results = []
    for kind in (SemiSupervisedDataPreprocessor, PoseDataPreprocessor):
        samples = [PoseDataSample(), PoseDataSample()]
        data = dict(inputs=list(images), data_samples=samples)
        results.append(kind(**OPTIONS)(data, training))
    ours, stock = results
    assert torch.equal(ours['inputs'], stock['inputs'])
    assert [s.metainfo for s in ours['data_samples']] == [
        s.metainfo for s in stock['data_samples']
    ]


def test_normalized_as_mmpose_does():
    """A training image that is normalised last is what validation would see."""
    preprocessor = SemiSupervisedDataPreprocessor(**OPTIONS)
    given = batch()
    images = preprocessor(given, training=True)['inputs']['labelled']
    data = dict(
        inputs=list(given['inputs']['labelled']),
        data_samples=[PoseDataSample(), PoseDataSample()],
    )
    expected = preprocessor(data)['inputs']
    torch.testing.assert_close(preprocessor.normalize(images.float()), expected)


def test_fill_becomes_zero():
    preprocessor = SemiSupervisedDataPreprocessor(**OPTIONS)
    fill = preprocessor.fill
    assert fill.tolist() == pytest.approx(OPTIONS['mean'])
    assert not preprocessor.normalize(fill.view(1, 3, 1, 1)).any()
    plain = SemiSupervisedDataPreprocessor()
    assert plain.fill.tolist() == [0, 0, 0]
    assert plain.normalize(fill) is fill
    grey = SemiSupervisedDataPreprocessor(mean=[9.0], std=[2.0])
    assert grey.fill.tolist() == [9, 9, 9]


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_device():
    preprocessor = SemiSupervisedDataPreprocessor(**OPTIONS).cuda()
    found = preprocessor(batch(), training=True)
    tensors = [*found['inputs'].values(), found['data_samples']['keypoints']]
    assert all(tensor.is_cuda for tensor in tensors)
    assert preprocessor.fill.is_cuda


def test_invalid():
    with pytest.raises(ValueError, match='occlusions'):
        SemiSupervisedDataPreprocessor(batch_augments=[dict(type='Anything')])
