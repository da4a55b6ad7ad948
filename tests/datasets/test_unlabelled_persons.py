"""UnlabelledPersons: boxes from three places, and no joints."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from person_formats import SIZE, write_coco, write_coco_unlabeled, write_detections

from mmpose_ext.datasets import UnlabelledPersons

BOX = [10.0, 20, 30, 40]


@pytest.fixture(scope='module', autouse=True)
def _scope():
    init_default_scope('mmpose')


@pytest.fixture
def wild(tmp_path):
    """Options for COCO's unlabelled images 500 to 502."""
    return dict(
        data_root=str(tmp_path),
        ann_file=str(write_coco_unlabeled(tmp_path)),
        data_prefix=dict(img='unlabeled2017/'),
    )


def detected(wild, tmp_path, rows, **options):
    path = write_detections(tmp_path / 'detections.json', rows)
    return UnlabelledPersons(**wild, boxes='detections', bbox_file=str(path), **options)


def test_detections(wild, tmp_path):
    rows = [
        (501, 1, BOX, 0.9),
        (501, 3, BOX, 0.99),
        (500, 1, [-5.0, 60, 30, 60], 0.5),
        (502, 1, BOX, 0.1),
        (502, 1, [119.5, 10, 30, 20], 0.8),
        (500, 1, [0.0, 0, 0.5, 40], 0.8),
    ]
    dataset = detected(wild, tmp_path, rows, score_threshold=0.3)
    assert [info['img_id'] for info in dataset] == [501, 500]
    first, second = dataset
    assert set(first) == {
        'img_id',
        'img_path',
        'id',
        'bbox',
        'bbox_score',
        'sample_idx',
    }
    assert first['img_path'].endswith('unlabeled2017/000000000501.jpg')
    assert first['bbox'].dtype == np.float32 and first['id'] == 0
    assert first['bbox'].tolist() == [[10, 20, 40, 60]]
    assert second['bbox'].tolist() == [[0, 60, 25, SIZE[1] - 1]], 'inside the image'
    np.testing.assert_allclose(second['bbox_score'], [0.5])
    assert len(detected(wild, tmp_path, rows)) == 3
    assert len(detected(wild, tmp_path, rows, min_size=27)) == 2
    assert dataset.metainfo == {}


def test_whole_images(wild):
    dataset = DATASETS.build(
        dict(type='UnlabelledPersons', boxes='whole_image', **wild, indices=2)
    )
    assert [info['img_id'] for info in dataset] == [500, 501]
    assert dataset[0]['bbox'].tolist() == [[0, 0, SIZE[0] - 1, SIZE[1] - 1]]


def test_annotations(tmp_path):
    """People with and without labelled joints, no crowds, no joints."""

    def add_a_dog(content):
        content['categories'].append(dict(id=18, name='dog'))
        dog = dict(image_id=100, category_id=18, bbox=BOX, id=5)
        content['annotations'].append(dog)

    path = write_coco(tmp_path, edit=add_a_dog)
    dataset = UnlabelledPersons(
        str(path),
        data_root=str(tmp_path),
        data_prefix=dict(img='train2017/'),
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
    )
    annotations = json.loads(path.read_text())['annotations']
    assert [info['id'] for info in dataset] == [
        a['id'] for a in annotations if not a.get('iscrowd') and a['category_id'] == 1
    ]
    assert len(dataset) == 13
    x, y, width, height = annotations[0]['bbox']
    np.testing.assert_allclose(
        dataset[0]['bbox'][0], [x, y, x + width, y + height], rtol=1e-6
    )
    assert not any('keypoint' in key for key in dataset[0])
    assert dataset.metainfo['num_keypoints'] == 17


def test_pipeline_and_failures(wild):
    pipeline = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
    dataset = UnlabelledPersons(boxes='whole_image', **wild, pipeline=pipeline)
    sample = dataset[1]
    assert sample['img'].shape == (SIZE[1], SIZE[0], 3)
    wild['data_prefix'] = dict(img='gone/')
    dataset = UnlabelledPersons(boxes='whole_image', **wild, pipeline=pipeline)
    with pytest.raises(RuntimeError, match=r'gone/000000000501.jpg \(person 501\)'):
        dataset[1]


def test_without_boxes(wild):
    """What a user meets first with unlabeled2017."""
    with pytest.raises(
        ValueError, match="has no boxes; .*detector.*bbox_file.*boxes='whole_image'"
    ):
        UnlabelledPersons(**wild)


@pytest.mark.parametrize(
    ('rows', 'options', 'message'),
    [
        ([(7, 1, BOX, 1.0), (9, 1, BOX, 1.0)], {}, '2 images.*image_id 7, 9; .*same'),
        ([(500, 1, BOX, 0.2)], dict(score_threshold=0.5), 'none of the 0 boxes.*0.5'),
        ([(500, 1, BOX, 0.2)], dict(min_size=50), '1 boxes.*50 pixels wide and high'),
        ([], {}, 'none of the 0 boxes'),
    ],
)
def test_invalid_detections(rows, options, message, wild, tmp_path):
    with pytest.raises(ValueError, match=message):
        detected(wild, tmp_path, rows, **options)


def test_detections_of_another_form(wild, tmp_path):
    path = tmp_path / 'other.json'
    path.write_text('{"annotations": []}')
    with pytest.raises(ValueError, match='holds a dict; expected a list'):
        UnlabelledPersons(**wild, boxes='detections', bbox_file=str(path))


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        (dict(boxes='none'), ValueError, "boxes='none'; expected one of"),
        (dict(boxes='detections'), ValueError, "boxes='detections' and bbox_file=None"),
        (dict(bbox_file='a.json'), ValueError, 'only then'),
        (
            dict(boxes='detections', bbox_file='gone.json'),
            FileNotFoundError,
            "bbox_file 'gone.json' does not exist; run a person detector",
        ),
        (
            dict(boxes='whole_image', ann_file='gone.json'),
            FileNotFoundError,
            'annotation file .*gone.json.* does not exist',
        ),
    ],
)
def test_invalid(options, error, message, wild):
    with pytest.raises(error, match=message):
        UnlabelledPersons(**{**wild, **options})


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([], 'lists no images'),
        (dict(images=[]), 'lists no images'),
        (dict(images=[dict(id=1, file_name='a.jpg')]), 'image 1 has no width'),
    ],
)
def test_invalid_annotation_file(content, message, tmp_path):
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        UnlabelledPersons(str(path), boxes='whole_image')


GOOD = dict(image_id=500, category_id=1, bbox=BOX, score=0.9)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[{"image_id": 500, "cat', r'bbox_file .*broken.json cannot be read.*cut off'),
        (
            ['person'],
            r"broken.json: entry 0 is 'person'; expected a dict with image_id",
        ),
        ([GOOD, {**GOOD, 'score': None}], 'entry 1 has score=None; expected a number'),
        ([dict(image_id=500, bbox=BOX)], 'entry 0 has no category_id, score'),
        (
            [GOOD, {**GOOD, 'bbox': None}],
            r'entry 1 has bbox=None; expected \[x, y, wid',
        ),
        ([{**GOOD, 'bbox': []}], r'entry 0 has bbox=\[\]'),
        ([{**GOOD, 'bbox': [1, 2, 3, 'x']}], r"entry 0 has bbox=\[1, 2, 3, 'x'\]"),
    ],
)
def test_damaged_detections(text, message, wild, tmp_path):
    path = tmp_path / 'broken.json'
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    with pytest.raises(ValueError, match=message):
        UnlabelledPersons(**wild, boxes='detections', bbox_file=str(path))


PICTURE = dict(id=1, file_name='a.jpg', width=100, height=100)
PERSON = dict(id=5, image_id=1, category_id=1, bbox=BOX)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"images": [', 'annotation file .*broken.json cannot be read'),
        (
            dict(images=['a.jpg']),
            r"broken.json: images\[0\] is 'a.jpg'; expected a dict",
        ),
        (dict(images=[dict(id=1)]), r'images\[0\] has no file_name'),
        (dict(images=[{**PICTURE, 'width': None}]), r'images\[0\] has width=None'),
        (dict(images=[PICTURE], annotations=[7]), r'annotations\[0\] is 7'),
        (
            dict(images=[PICTURE], annotations=[PERSON, {**PERSON, 'bbox': None}]),
            r'broken.json: annotations\[1\] has bbox=None',
        ),
        (
            dict(images=[PICTURE], annotations=[dict(bbox=BOX, image_id=1)]),
            r'annotations\[0\] has no id',
        ),
        (
            dict(images=[PICTURE], annotations=[PERSON], categories=[dict(id=1)]),
            r'categories\[0\] has no name',
        ),
    ],
)
def test_damaged_annotations(text, message, tmp_path):
    path = tmp_path / 'broken.json'
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    with pytest.raises(ValueError, match=message):
        UnlabelledPersons(str(path))
