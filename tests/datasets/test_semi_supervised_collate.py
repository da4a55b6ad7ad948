"""semi_supervised_collate: batches by role, and how much is sent of them."""

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import FUNCTIONS, init_default_scope

from mmpose_ext.datasets import batch_bytes, semi_supervised_collate
from mmpose_ext.datasets.transforms import PackSemiSupervisedInputs

SHIFT = np.array([[1.0, 0, 3], [0, 1, 4]])


def person(role, *, size=(4, 6), number=0):
    """A packed person of ``size`` (width, height)."""
    results = dict(
        img=np.full((size[1], size[0], 3), 10 + number, np.uint8),
        id=number,
        img_path=f'{number}.jpg',
        transformed_keypoints=np.full((1, 3, 2), number),
        keypoints_visible=np.array([[1, 0, 1]]),
        source_to_input=SHIFT * (number + 1),
    )
    return PackSemiSupervisedInputs(role).transform(results)


def pairs():
    """Two pairs; the unlabelled ones of different sizes."""
    return [
        person('labelled', number=0),
        person('unlabelled', number=1, size=(3, 5)),
        person('labelled', number=2),
        person('unlabelled', number=3, size=(7, 2)),
    ]


def test_values():
    batch = FUNCTIONS.get('semi_supervised_collate')(pairs())
    assert set(batch) == {'inputs', 'data_samples', 'targets'}
    labelled, unlabelled = batch['inputs']['labelled'], batch['inputs']['unlabelled']
    assert labelled.dtype == unlabelled.dtype == torch.uint8
    assert labelled.shape == (2, 3, 6, 4) and unlabelled.shape == (2, 3, 5, 7)
    assert labelled[:, 0, 0, 0].tolist() == [10, 12]
    first, second = unlabelled
    assert (first[:, :, :3] == 11).all() and not first[:, :, 3:].any()
    assert (second[:, :2] == 13).all() and not second[:, 2:].any()
    targets = batch['targets']
    assert targets['keypoints'].shape == (2, 3, 2)
    assert targets['keypoints'][:, 0, 0].tolist() == [0, 2]
    assert targets['keypoint_weights'].tolist() == [[1, 0, 1]] * 2
    assert targets['source_size'].tolist() == [[3, 5], [7, 2]]
    np.testing.assert_array_equal(targets['source_to_input'][1], SHIFT * 4)


def test_samples_carry_names_alone():
    samples = semi_supervised_collate(pairs())['data_samples']
    for role, numbers in (('labelled', [0, 2]), ('unlabelled', [1, 3])):
        assert [sample.id for sample in samples[role]] == numbers
        for sample in samples[role]:
            assert set(sample.all_keys()) == {'role', 'id', 'img_path'}


def test_reach_of_pieces_travels():
    """The model has to know it."""
    people = pairs()
    for sample in people[1::2]:
        sample['data_samples'].set_metainfo(dict(source_reach=1.5))
    samples = semi_supervised_collate(people)['data_samples']['unlabelled']
    assert [sample.source_reach for sample in samples] == [1.5, 1.5]


def test_order_within_a_batch_does_not_matter():
    people = pairs()
    batch = semi_supervised_collate([people[i] for i in (1, 3, 0, 2)])
    assert batch['targets']['source_size'].tolist() == [[3, 5], [7, 2]]
    assert batch['inputs']['labelled'][:, 0, 0, 0].tolist() == [10, 12]


@pytest.mark.parametrize(
    ('source', 'limit'), [('easy_crop', 0.35), ('image', 0.7)], ids=str
)
def test_traffic(source, limit):
    """Megabytes a pair at 256 x 192, of people who fill a large image."""
    init_default_scope('mmpose')
    box = [
        dict(type='GetBBoxCenterScale'),
        dict(type='ViewBBoxTransform'),
    ]
    crop = [
        dict(type='TopdownAffine', input_size=(192, 256)),
    ]
    piece = [dict(type='CropPersonSource', input_size=(192, 256), reach=1.5)]

    def sample(role, transforms):
        pipeline = Compose(
            [*transforms, dict(type='PackSemiSupervisedInputs', role=role)]
        )
        return pipeline(
            dict(
                img=np.zeros((2000, 3000, 3), np.uint8),
                bbox=np.array([[1200.0, 400, 1800, 1200]], np.float32),
                keypoints=np.zeros((1, 17, 2), np.float32),
                keypoints_visible=np.ones((1, 17), np.float32),
                id=1,
                img_path='a.jpg',
            )
        )

    unlabelled = [*box, *crop] if source == 'easy_crop' else [*box[:1], *piece]
    batch = semi_supervised_collate(
        [sample('labelled', [*box, *crop]), sample('unlabelled', unlabelled)] * 2
    )
    assert 0.29e6 < batch_bytes(batch) / 2 <= limit * 1e6


def test_batch_bytes():
    batch = dict(a=torch.zeros(3), b=[torch.zeros(2, dtype=torch.uint8), 'name'], c=5)
    assert batch_bytes(batch) == 14


@pytest.mark.parametrize(
    ('samples', 'message'),
    [
        ([person('labelled')] * 2, 'batch of 2 holds nobody unlabelled.*SourceTarget'),
        ([person('unlabelled')], 'nobody labelled'),
        (
            [person('labelled'), person('labelled', size=(5, 6)), person('unlabelled')],
            r'\(3, 6, 4\), \(3, 6, 5\).*input_size of one TopdownAffine',
        ),
    ],
)
def test_invalid(samples, message):
    with pytest.raises(ValueError, match=message):
        semi_supervised_collate(samples)


def test_other_samples():
    stranger = person('labelled')
    del stranger['data_samples'].role
    with pytest.raises(ValueError, match='PackSemiSupervisedInputs'):
        semi_supervised_collate([stranger])
