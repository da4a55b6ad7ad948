"""PackSemiSupervisedInputs: what each role carries."""

import numpy as np
import pytest
import torch
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import PackSemiSupervisedInputs

IMAGE = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)


def person(**options):
    """What the transforms before leave of a labelled person."""
    return {
        **dict(
            img=IMAGE,
            id=7,
            img_id=70,
            img_path='a.jpg',
            keypoints=np.full((1, 3, 2), 90.0),
            transformed_keypoints=np.array([[[1.5, 2], [0, 0], [3, 1]]]),
            keypoints_visible=np.array([[1.0, 0, 2]]),
            input_size=(4, 2),
        ),
        **options,
    }


def test_labelled():
    pack = TRANSFORMS.build(dict(type='PackSemiSupervisedInputs', role='labelled'))
    packed = pack.transform(person())
    assert set(packed) == {'inputs', 'data_samples'}
    assert packed['inputs'].dtype == torch.uint8
    np.testing.assert_array_equal(packed['inputs'].permute(1, 2, 0), IMAGE)
    sample = packed['data_samples']
    labels = sample.gt_instance_labels
    assert labels.keypoints.tolist() == [[[1.5, 2], [0, 0], [3, 1]]]
    assert labels.keypoint_weights.tolist() == [[1, 0, 1]]
    assert labels.keypoints.dtype == labels.keypoint_weights.dtype == torch.float32
    names = dict(role='labelled', id=7, img_id=70, img_path='a.jpg')
    assert sample.metainfo == names


def test_weights_of_a_keypoint_converter():
    visible = np.array([[[1, 1], [1, 0], [0, 1]]])
    pack = PackSemiSupervisedInputs('labelled')
    sample = pack.transform(person(keypoints_visible=visible))['data_samples']
    assert sample.gt_instance_labels.keypoint_weights.tolist() == [[1, 0, 0]]


def test_unlabelled_carries_no_joint():
    map_ = np.array([[2.0, 0, 1], [0, 2, 3]])
    packed = PackSemiSupervisedInputs('unlabelled').transform(
        person(source_to_input=map_)
    )
    sample = packed['data_samples']
    assert not sample.keys(), 'meta information and nothing else'
    assert sample.source_to_input.dtype == torch.float32
    np.testing.assert_array_equal(sample.source_to_input, map_)
    assert set(sample.metainfo_keys()) == {
        *('role', 'id', 'img_id', 'img_path', 'source_to_input')
    }


def test_reach_of_a_piece_travels():
    """By it the model knows whether its views end in black."""
    piece = person(source_to_input=np.eye(2, 3), source_reach=1.5)
    sample = PackSemiSupervisedInputs('unlabelled').transform(piece)['data_samples']
    assert sample.source_reach == 1.5


def test_easy_crop_is_the_input_itself():
    packed = PackSemiSupervisedInputs('unlabelled').transform(person())
    assert packed['data_samples'].source_reach == 1
    found = packed['data_samples'].source_to_input
    assert found.tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ('role', 'results', 'message'),
    [
        (
            'labelled',
            person(transformed_keypoints=np.zeros([])),
            r'shape \(\); put .*TopdownAffine',
        ),
        ('labelled', person(img=IMAGE.astype(np.float32)), 'float32.*expected uint8'),
        ('unlabelled', dict(img=IMAGE), 'CropPersonSource.*TopdownAffine'),
    ],
)
def test_invalid_sample(role, results, message):
    with pytest.raises(ValueError, match=message):
        PackSemiSupervisedInputs(role).transform(results)


def test_invalid():
    with pytest.raises(ValueError, match="role='teacher'; expected one of"):
        PackSemiSupervisedInputs('teacher')
