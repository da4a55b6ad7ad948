"""Pictures of simulated people in COCO's layout."""

import json
import os

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS, METRICS
from mmpose.utils import register_all_modules

from mmpose_ext.datasets import synthetic_coco
from mmpose_ext.datasets.synthetic_coco import (
    SyntheticCocoOptions,
    annotate,
    run_lengths,
    write_coco,
)
from mmpose_ext.simulation.scenes import Scene, SeenPerson

TINY = dict(num_images=10, num_val_images=6, size=(128, 96))

OFFICIAL_SKELETON = (
    '16-14 14-12 17-15 15-13 12-13 6-12 7-13 6-7 6-8 7-9 8-10 9-11 2-3 1-2 1-3 2-4 '
    '3-5 4-6 5-7'
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_coco(tmp_path_factory.mktemp('coco') / 'data' / 'set', **TINY)


def read(folder, split):
    file = folder / 'annotations' / f'person_keypoints_{split}.json'
    return json.loads(file.read_text())


def decoded(segmentation):
    """Mask of COCO's run lengths, column after column, pixels off first."""
    height, width = segmentation['size']
    pixels = []
    for number, length in enumerate(segmentation['counts']):
        pixels += length * [number % 2 == 1]
    return np.array(pixels).reshape(width, height).T


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob('*'))
        if file.is_file()
    }


def test_shapes(folder):
    assert sorted(entry.name for entry in folder.iterdir()) == [
        *('annotations', 'synthetic.json', 'train2017', 'val2017')
    ]
    assert [entry.name for entry in folder.parent.iterdir()] == ['set']
    identifiers = []
    for split, count in (('train2017', 10), ('val2017', 6)):
        content = read(folder, split)
        assert len(content['images']) == count
        for image in content['images']:
            picture = cv2.imread(str(folder / split / image['file_name']))
            assert picture.shape == (image['height'], image['width'], 3) == (96, 128, 3)
        assert len(list((folder / split).iterdir())) == count
        identifiers += [image['id'] for image in content['images']]
        people = [annotation['id'] for annotation in content['annotations']]
        assert len(set(people)) == len(people) >= count
    assert len(set(identifiers)) == 16


def test_category_is_the_official_one(folder):
    (category,) = read(folder, 'train2017')['categories']
    assert (category['id'], category['name']) == (1, 'person')
    bones = ' '.join('-'.join(map(str, bone)) for bone in category['skeleton'])
    assert bones == OFFICIAL_SKELETON
    config = {'type': 'CocoDataset', 'lazy_init': True}
    register_all_modules()
    meta = DATASETS.build(config).metainfo
    names = [meta['keypoint_id2name'][i] for i in range(17)]
    assert category['keypoints'] == names


@pytest.mark.parametrize('split', ['train2017', 'val2017'])
def test_boxes_areas_and_masks_agree(folder, split):
    for annotation in read(folder, split)['annotations']:
        mask = decoded(annotation['segmentation'])
        assert mask.shape == (96, 128)
        rows, columns = np.nonzero(mask)
        assert annotation['area'] == mask.sum() >= 40 and annotation['iscrowd'] == 0
        left, top, width, height = annotation['bbox']
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)
        assert annotation['category_id'] == 1


@pytest.mark.parametrize('split', ['train2017', 'val2017'])
def test_keypoints_are_in_the_picture_and_the_box(folder, split):
    near = []
    for annotation in read(folder, split)['annotations']:
        keypoints = np.reshape(annotation['keypoints'], (17, 3))
        flags = keypoints[:, 2]
        assert set(flags) <= {0, 1, 2}
        assert annotation['num_keypoints'] == np.count_nonzero(flags) >= 9
        assert not keypoints[flags == 0].any()
        seen = keypoints[flags > 0, :2]
        assert (seen >= 0).all() and (seen <= (127, 95)).all()
        left, top, width, height = annotation['bbox']
        low, high = np.array([left, top]) - 3, np.array([left + width, top + height])
        visible = keypoints[flags == 2, :2]
        near += ((visible >= low) & (visible <= high + 3)).all(axis=1).tolist()
    assert np.mean(near) > 0.98


def test_stock_dataset_and_metric_give_full_marks_to_the_truth(folder):
    register_all_modules()
    file = str(folder / 'annotations' / 'person_keypoints_val2017.json')
    dataset = DATASETS.build(
        dict(
            type='CocoDataset',
            data_root=str(folder),
            ann_file='annotations/person_keypoints_val2017.json',
            data_prefix=dict(img='val2017/'),
            test_mode=True,
            pipeline=[
                dict(type='LoadImage'),
                dict(type='GetBBoxCenterScale'),
                dict(type='TopdownAffine', input_size=(96, 128)),
                dict(type='PackPoseInputs'),
            ],
        )
    )
    assert len(dataset) == len(read(folder, 'val2017')['annotations'])
    metric = METRICS.build(dict(type='CocoMetric', ann_file=file))
    metric.dataset_meta = dataset.metainfo
    for sample in dataset:
        assert sample['inputs'].shape == (3, 128, 96)
        truth = sample['data_samples']
        predicted = truth.to_dict()
        keypoints = truth.gt_instances.keypoints
        predicted['pred_instances'] = dict(
            keypoints=keypoints, keypoint_scores=np.ones(keypoints.shape[:2])
        )
        metric.process(pseudo_collate([sample]), [predicted])
    scores = metric.evaluate(len(dataset))
    assert scores['coco/AP'] == pytest.approx(1) and scores['coco/AR'] == 1


def test_looks(tmp_path):
    """Who looks alike still stands in another way in each picture."""
    tiny = dict(num_images=4, num_val_images=2, size=(96, 72), max_people=1, looks=1)
    made = write_coco(tmp_path / 'one', **tiny, occlusion=0.0)
    assert json.loads((made / 'synthetic.json').read_text())['looks'] == 1
    people = [a for s in ('train2017', 'val2017') for a in read(made, s)['annotations']]
    assert len({tuple(person['keypoints']) for person in people}) == len(people) == 6


def test_motions_and_facing(tmp_path):
    options = dict(num_images=1, num_val_images=1, size=(96, 72), occlusion=0.0)
    made = write_coco(tmp_path / 'walk', **options, motions=['walk'], facing=0.0)
    recorded = json.loads((made / 'synthetic.json').read_text())
    assert recorded['motions'] == ['walk'] and recorded['facing'] == 0
    everybody = [
        person
        for seed in range(12)
        for person in Scene.sample(
            np.random.default_rng(seed), size=(96, 72), motions=['walk'], facing=1.0
        ).people
    ]
    assert {person.action for person in everybody} <= {'walk', 'lie'}
    towards = [abs(person.heading) > np.pi / 2 for person in everybody]
    assert np.mean(towards) > 0.8


def test_same_seed_same_data_however_many(folder, tmp_path):
    """Neither the number of pictures nor of processes changes a picture."""
    few = write_coco(
        tmp_path / 'few',
        **{**TINY, 'num_images': 3, 'num_val_images': 2},
        num_workers=2,
    )
    for split, count in (('train2017', 3), ('val2017', 2)):
        wanted, found = read(folder, split), read(few, split)
        names = [image['file_name'] for image in found['images']]
        assert found['images'] == wanted['images'][:count]
        last = found['images'][-1]['id']
        assert found['annotations'] == [
            a for a in wanted['annotations'] if a['image_id'] <= last
        ]
        for name in names:
            assert (few / split / name).read_bytes() == (
                (folder / split / name).read_bytes()
            )
    other = write_coco(
        tmp_path / 'other', **{**TINY, 'num_images': 1, 'num_val_images': 1}, seed=1
    )
    one, two = (contents(f)['train2017/000000000001.jpg'] for f in (few, other))
    assert one != two
    first, second = (
        cv2.imread(str(folder / name))
        for name in ('train2017/000000000001.jpg', 'val2017/000010000001.jpg')
    )
    assert np.abs(first.astype(int) - second).mean() > 10


def test_header_records_the_options(folder):
    recorded = json.loads((folder / 'synthetic.json').read_text())
    options = SyntheticCocoOptions(**TINY)
    assert recorded == options.to_header()
    assert recorded['size'] == [128, 96] and recorded['generator'] == 'coco-1'
    assert read(folder, 'val2017')['info']['synthetic'] == recorded


def test_annotation_by_hand():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:5] = True
    mask[1, 4] = False
    keypoints = np.full((17, 2), 2.345)
    keypoints[1] = (-3, 1)
    visibility = np.full(17, 2)
    visibility[:2] = (1, 0)
    person = SeenPerson(keypoints, visibility, mask, 'walk')
    found = annotate(person, 7, 1)
    assert found['id'] == 701 and found['image_id'] == 7
    assert found['bbox'] == [2, 1, 3, 2] and found['area'] == 5
    assert found['keypoints'][:9] == [2.35, 2.35, 1, 0, 0, 0, 2.35, 2.35, 2] or (
        found['keypoints'][:9] == [2.34, 2.34, 1, 0, 0, 0, 2.34, 2.34, 2]
    )
    assert found['num_keypoints'] == 16
    assert found['segmentation'] == {'size': [4, 5], 'counts': [9, 2, 2, 2, 3, 1, 1]}


def test_run_lengths_are_those_of_coco():
    generator = np.random.default_rng(0)
    for density in (0.0, 0.2, 0.5, 1.0):
        mask = generator.random((6, 9)) < density
        found = decoded({'size': [6, 9], 'counts': run_lengths(mask)})
        np.testing.assert_array_equal(found, mask)
        reference = pytest.importorskip('pycocotools.mask')
        encoded = reference.encode(np.asfortranarray(mask, np.uint8))
        lengths = {'size': [6, 9], 'counts': run_lengths(mask)}
        assert reference.frPyObjects(lengths, 6, 9) == encoded


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'num_images': 0}, 'num_images=0; expected 1 to'),
        ({'num_val_images': -1}, 'num_val_images=-1'),
        ({'size': (20, 96)}, r'size=\(20, 96\); expected \(width, height\)'),
        ({'max_people': 0}, 'max_people=0; expected 1 to 20'),
        ({'occlusion': 1.5}, r'occlusion=1.5 and facing=0.5 must lie in \[0, 1\]'),
        ({'facing': -0.1}, r'facing=-0.1 must lie in \[0, 1\]'),
        ({'motions': ['walk', 'swim']}, r"'swim'\); expected some of walk, run, turn"),
        ({'motions': []}, r'motions=\(\); expected some of'),
        ({'seed': -1}, 'seed=-1 must'),
        ({'looks': 0}, 'looks=0; expected at least 1, or None'),
        ({'num_workers': 0}, 'num_workers=0; expected at least one'),
    ],
)
def test_invalid(tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        write_coco(tmp_path / 'set', **{**TINY, **options})
    assert not list(tmp_path.iterdir())


def test_existing_folders_are_safe(folder, tmp_path):
    before = contents(folder)
    with pytest.raises(FileExistsError, match='exists; choose another folder or pass'):
        write_coco(folder, **TINY)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'thesis.txt').write_text('years of work')
    with pytest.raises(FileExistsError, match='was not made here'):
        write_coco(tmp_path / 'mine', **TINY, overwrite=True)
    assert (tmp_path / 'mine' / 'thesis.txt').exists()
    assert contents(folder) == before


def test_overwrites_when_told_and_reports_progress(tmp_path):
    tiny = dict(num_images=2, num_val_images=1, size=(64, 48))
    seen = []
    write_coco(tmp_path / 's', **tiny, progress=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    write_coco(tmp_path / 's', **tiny, seed=5, overwrite=True)
    assert json.loads((tmp_path / 's' / 'synthetic.json').read_text())['seed'] == 5
    assert os.listdir(tmp_path) == ['s']


def test_an_interrupted_set_leaves_nothing_behind(tmp_path, monkeypatch):
    make = synthetic_coco._make_picture

    def interrupted(folder, options, split, number):
        if number == 1:
            raise KeyboardInterrupt
        return make(folder, options, split, number)

    monkeypatch.setattr(synthetic_coco, '_make_picture', interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_coco(tmp_path / 'set', **TINY)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, 'imwrite', lambda *_: False)
    with pytest.raises(OSError, match=r'cannot write .*000000000001\.jpg'):
        write_coco(tmp_path / 'set', **TINY)
    assert not list(tmp_path.iterdir())
