"""LabelledSubset: who is in it, and who is left."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS
from person_formats import write_coco, write_mpii

from mmpose_ext.datasets import LabelledSubset


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    """Config of a COCO data set of 12 people in 4 images."""
    init_default_scope('mmpose')
    root = tmp_path_factory.mktemp('coco')
    return dict(
        type='CocoDataset',
        data_root=str(root),
        ann_file=f'annotations/{write_coco(root).name}',
        data_prefix=dict(img='train2017/'),
    )


@pytest.fixture(scope='module')
def parent(coco):
    """The same, built."""
    return DATASETS.build(coco)


@pytest.fixture(scope='module')
def everybody(parent):
    """Annotation ids in the order of the stock dataset."""
    return [parent[i]['id'] for i in range(12)]


def test_first(coco, everybody):
    subset = DATASETS.build(
        dict(type='LabelledSubset', dataset=coco, num_instances=5, subset='first')
    )
    assert len(subset) == 5
    assert subset.ids == everybody[:5]
    assert subset.metainfo['dataset_name'] == 'coco'
    infos = [subset[i] for i in range(5)]
    assert [info['id'] for info in infos] == subset.ids
    assert infos[0]['keypoints'].shape == (1, 17, 2) and infos[0]['flip_indices']


def test_random_is_a_matter_of_the_seed(parent, everybody):
    def drawn(seed, number=5):
        return LabelledSubset(parent, num_instances=number, subset_seed=seed).ids

    seeds = [drawn(seed) for seed in range(20)]
    assert drawn(0) == seeds[0]
    assert len({tuple(ids) for ids in seeds}) > 3
    for ids in seeds:
        assert len(set(ids)) == 5
        assert ids == [i for i in everybody if i in ids], 'in the order of the file'
    assert set(sum(seeds, [])) == set(everybody)
    assert set(drawn(0, 3)) < set(seeds[0]), 'a smaller subset is part of a larger one'


def test_disjoint_from_the_rest(parent):
    subset = LabelledSubset(parent, num_instances=5)
    rest, everybody = subset.rest(), subset.everybody()
    assert len(rest) == 7 and not set(rest.ids) & set(subset.ids)
    assert sorted(rest.ids + subset.ids) == sorted(everybody.ids)
    assert rest.get_data_info(0)['id'] == rest.ids[0]
    assert rest.parent is subset.parent is parent


def test_all(parent):
    subset = LabelledSubset(parent)
    assert len(subset) == 12 and not len(subset.rest())


def test_the_file_is_parsed_once(coco, monkeypatch):
    parsed = []
    load = BaseCocoStyleDataset._load_annotations
    monkeypatch.setattr(
        BaseCocoStyleDataset,
        '_load_annotations',
        lambda self: parsed.append(1) or load(self),
    )
    subset = LabelledSubset(coco, num_instances=5)
    assert len(subset.rest()) + len(subset.ids) == 12
    assert parsed == [1]


def test_subset_file(parent, tmp_path):
    path = tmp_path / 'new' / 'coco_5.json'
    drawn = LabelledSubset(parent, num_instances=5, subset_file=path)
    assert json.loads(path.read_text()) == drawn.ids
    for options in (dict(subset_seed=1, num_instances=5), {}):
        again = LabelledSubset(parent, subset_file=path, **options)
        assert again.ids == drawn.ids
    path.write_text(json.dumps(drawn.ids[::-1]))
    assert LabelledSubset(parent, subset_file=path).ids == drawn.ids


def test_pipelines(coco):
    collect = dict(type='GetBBoxCenterScale')
    own = LabelledSubset({**coco, 'pipeline': [collect]}, num_instances=1)
    given = LabelledSubset(coco, num_instances=1, pipeline=[collect])
    none = LabelledSubset({**coco, 'pipeline': [collect]}, pipeline=[])
    assert 'bbox_scale' in own[0] and 'bbox_scale' in given[0]
    assert 'bbox_scale' not in none[0]


def test_mpii(tmp_path):
    write_mpii(tmp_path)
    config = dict(
        type='MpiiDataset',
        data_root=str(tmp_path),
        ann_file='annotations/mpii_train.json',
        data_prefix=dict(img='images/'),
    )
    subset = LabelledSubset(config, num_instances=3)
    assert len(subset) == 3 and len(subset.rest()) == 1
    assert sorted(subset.ids + subset.rest().ids) == [0, 1, 2, 3]


def test_failures_name_the_image(coco, tmp_path):
    subset = LabelledSubset(
        {**coco, 'data_prefix': dict(img='elsewhere/')},
        num_instances=1,
        pipeline=[dict(type='LoadImage')],
    )
    person = subset.ids[0]
    with pytest.raises(
        RuntimeError, match=rf'elsewhere/.*\.jpg \(person {person}\): FileNotFound'
    ):
        subset[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_instances=13), 'num_instances=13, but .* has only 12 people'),
        (dict(num_instances=0), 'num_instances=0; expected at least 1'),
        (dict(subset='last'), "subset='last'; expected one of"),
        (
            dict(dataset=dict(data_mode='bottomup')),
            "data_mode='bottomup'; people are counted with data_mode='topdown'",
        ),
    ],
)
def test_invalid(options, message, coco):
    dataset = {**coco, **options.pop('dataset', {})}
    with pytest.raises(ValueError, match=message):
        LabelledSubset(dataset, **options)


@pytest.mark.parametrize(
    ('content', 'number', 'message'),
    [
        ([1, 2, 900_000], None, '2 of 3 ids of .* are not among .*: 1, 2. Use the'),
        (list(range(12)), None, ': 0, 1, 2, 3, 4, 5, 6, 7, ...'),
        ([900_000], 5, 'has 1 ids, but num_instances=5; remove the file'),
        ([900_000] * 2, None, 'list of different annotation ids'),
        (dict(ids=[900_000]), None, 'list of different annotation ids'),
        ([], None, 'list of different annotation ids'),
    ],
)
def test_invalid_subset_file(content, number, message, parent, tmp_path):
    path = tmp_path / 'ids.json'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        LabelledSubset(parent, num_instances=number, subset_file=path)


def test_subset_file_that_nobody_wrote(parent, tmp_path):
    with pytest.raises(FileNotFoundError, match='give num_instances to draw'):
        LabelledSubset(parent, subset_file=tmp_path / 'ids.json')
    assert not (tmp_path / 'ids.json').exists()


def test_random_is_uniform(parent):
    """Over many seeds everybody is drawn as often as anybody."""
    counts = np.zeros(12)
    for seed in range(400):
        subset = LabelledSubset(parent, num_instances=3, subset_seed=seed)
        counts[subset.numbers] += 1
    np.testing.assert_allclose(counts, 100, atol=35)
