"""SemiSupervisedDataset: two kinds of people, each seeing what it may."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS
from person_formats import (
    write_aic,
    write_coco,
    write_coco_unlabeled,
    write_mpii,
)

from mmpose_ext.datasets import SemiSupervisedDataset
from mmpose_ext.datasets.named_failures import run_pipeline

INPUT = (48, 64)
ROOT = Path(__file__).parents[2]
REAL = Path(__file__).parents[3] / 'shared/data/coco_mini'
HOW = 'to learn these alone of unlabelled people: '

LABELLED = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='ViewBBoxTransform'),
    dict(type='TopdownAffine', input_size=INPUT),
    dict(type='PackSemiSupervisedInputs', role='labelled'),
]
EASY_CROP = [*LABELLED[:-1], dict(type='PackSemiSupervisedInputs', role='unlabelled')]
SOURCE = [
    *LABELLED[:2],
    dict(type='CropPersonSource', input_size=INPUT),
    EASY_CROP[-1],
]
PIPELINES = dict(labelled_pipeline=LABELLED, unlabelled_pipeline=SOURCE)


@pytest.fixture(scope='module', autouse=True)
def _scope():
    init_default_scope('mmpose')


def stock(kind, root, path, images):
    return dict(
        type=kind,
        data_root=str(root),
        ann_file=str(path),
        data_prefix=dict(img=images),
        data_mode='topdown',
    )


@pytest.fixture(scope='module')
def coco(tmp_path_factory):
    """Config of a COCO data set of 12 people in 4 images."""
    root = tmp_path_factory.mktemp('coco')
    return stock('CocoDataset', root, write_coco(root), 'train2017/')


def subset(dataset, number=5):
    return dict(type='LabelledSubset', dataset=dataset, num_instances=number)


def make(labelled, unlabelled='rest', **options):
    return SemiSupervisedDataset(
        labelled, unlabelled, **{**PIPELINES, 'seed': 0, **options}
    )


def same(one, other):
    """Whether two packed people are equal to the last bit."""
    metas = [person['data_samples'].metainfo for person in (one, other)]
    maps = [meta.pop('source_to_input', torch.zeros(())) for meta in metas]
    return (
        torch.equal(one['inputs'], other['inputs'])
        and metas[0] == metas[1]
        and torch.equal(*maps)
    )


def test_values(coco):
    config = dict(
        type='SemiSupervisedDataset', labelled=subset(coco), unlabelled='rest'
    )
    dataset = DATASETS.build({**config, **PIPELINES})
    assert len(dataset) == 12 and dataset.cumulative_sizes == [5, 12]
    people = [dataset[i] for i in range(12)]
    for number, person in enumerate(people):
        sample = person['data_samples']
        assert sample.role == ('labelled' if number < 5 else 'unlabelled')
        assert ('gt_instance_labels' in sample) == (number < 5)
        assert ('source_to_input' in sample) == (number >= 5)
    assert {p['inputs'].shape for p in people[:5]} == {(3, INPUT[1], INPUT[0])}
    ids = [person['data_samples'].id for person in people]
    assert len(set(ids)) == 12
    assert ids[:5] == dataset.datasets[0].ids and ids[5:] == dataset.datasets[1].ids
    assert dataset[-1]['data_samples'].id == ids[-1]
    with pytest.raises(IndexError, match='sample 12 of 12'):
        dataset[12]


def test_metainfo(coco):
    dataset = make(subset(coco))
    assert dataset.metainfo['dataset_name'] == 'coco'
    assert dataset.metainfo['shared_joints'].tolist() == [True] * 17


def test_all(coco):
    """As in the released code: the labelled people are among the unlabelled ones."""
    dataset = make(subset(coco), 'all')
    assert len(dataset) == 5 + 12
    assert set(dataset.datasets[0].ids) < set(dataset.datasets[1].ids)


def test_labels(coco):
    """Joints of a crop without augmentation are those of the file."""
    plain = [LABELLED[0], LABELLED[1], *LABELLED[4:]]
    dataset = make(subset(coco, 12), 'all', labelled_pipeline=plain)
    content = json.loads(Path(coco['ann_file']).read_text())
    annotations = {a['id']: a for a in content['annotations']}
    for number in range(12):
        labels = dataset[number]['data_samples'].gt_instance_labels
        info = dataset.get_data_info(number)
        annotation = annotations[info['id']]
        keypoints = np.reshape(annotation['keypoints'], (17, 3))
        visible = keypoints[:, 2] > 0
        np.testing.assert_array_equal(labels.keypoint_weights[0], visible)
        x, y, width, height = annotation['bbox']
        zoom = 48 / (1.25 * max(width, height * 0.75))
        centre = [x + width / 2, y + height / 2]
        expected = (keypoints[:, :2] - centre) * zoom + [24, 32]
        found = labels.keypoints[0].numpy()
        np.testing.assert_allclose(found[visible], expected[visible], atol=0.02)


@pytest.mark.parametrize('pipeline', [SOURCE, EASY_CROP], ids=['image', 'easy_crop'])
def test_no_label_of_an_unlabelled_person_is_used(pipeline, coco, tmp_path):
    """Nothing changes if they are lost, and no transform ever sees one."""

    def lose(content):
        for annotation in content['annotations']:
            if annotation['id'] in unlabelled:
                annotation['keypoints'] = [float('nan')] * 51
                annotation['segmentation'] = [[0.0] * 6]
                annotation['area'] = 1.0

    whole = make(subset(coco), unlabelled_pipeline=pipeline)
    unlabelled = set(whole.datasets[1].ids)
    path = write_coco(tmp_path, edit=lose)
    config = stock('CocoDataset', coco['data_root'], path, 'train2017/')
    lost = make(subset(config), unlabelled_pipeline=pipeline)
    assert set(lost.datasets[1].ids) == unlabelled
    info = lost.datasets[1].get_data_info(0)
    assert np.isnan(info['keypoints']).all(), 'the file has really lost them'
    for number in range(12):
        assert same(whole[number, number], lost[number, number])
    for number in range(5, 12):
        info = whole.get_data_info(number)
        assert not {'keypoints', 'keypoints_visible', 'raw_ann_info', 'area'} & set(
            info
        )
        assert {'bbox', 'img_path', 'img_id', 'id'} < set(info)


def test_summary(coco):
    dataset = make(subset(coco), unlabelled_pipeline=EASY_CROP)
    labelled, unlabelled = dataset.summary().split('\n')
    every = sum(map(len, dataset.datasets))
    for line, role, part in zip(
        (labelled, unlabelled),
        ('labelled', 'unlabelled'),
        dataset.datasets,
        strict=True,
    ):
        assert line.startswith(f'{role}:')
        assert f'{len(part)} of the {every} people of ' in line


def test_numbered_draws(coco):
    dataset = make(subset(coco), unlabelled_pipeline=EASY_CROP)
    first = dataset[2, 40]
    np.random.rand(5)
    assert same(dataset[2, 40], first)
    assert not same(dataset[2, 41], first)
    assert not same(make(subset(coco), seed=1)[2, 40], first)
    assert not same(dataset[7, 40], dataset[7, 41])
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    dataset[2, 40]
    assert np.random.rand() == expected
    np.random.seed(0)
    once = dataset[2]
    assert not same(dataset[2], once), 'without a number transforms go on'


def test_seed_is_that_of_the_run_if_absent(coco):
    seeds = []
    for run in (3, 3, 4):
        np.random.seed(run)  # as the runner does
        seeds.append(make(subset(coco), seed=None).seed)
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_in_loader(num_workers, coco):
    loader = Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=num_workers,
            dataset=dict(
                type='SemiSupervisedDataset', labelled=subset(coco), **PIPELINES
            ),
            sampler=dict(type='SourceTargetSampler', infinite=False, draws=True),
            collate_fn=dict(type='semi_supervised_collate'),
        ),
        seed=3,
    )
    batches = list(loader)
    assert len(batches) == len(loader) == 4
    order = list(loader.sampler)
    dataset = pickle.loads(pickle.dumps(loader.dataset))  # as spawned workers get it
    for number, batch in enumerate(batches):
        drawn = order[4 * number : 4 * number + 4]
        for role, mine in (('labelled', drawn[0::2]), ('unlabelled', drawn[1::2])):
            people = [dataset[one] for one in mine]
            names = [sample.id for sample in batch['data_samples'][role]]
            assert names == [person['data_samples'].id for person in people]
            for image, person in zip(batch['inputs'][role], people, strict=True):
                height, width = person['inputs'].shape[1:]
                assert torch.equal(image[:, :height, :width], person['inputs'])


def test_mpii_and_aic(tmp_path):
    mpii = stock('MpiiDataset', tmp_path, write_mpii(tmp_path), 'images/')
    aic = stock('AicDataset', tmp_path, write_aic(tmp_path), 'aic/')
    dataset = make(mpii, aic)
    assert dataset.cumulative_sizes == [4, 7]
    assert dataset.metainfo['dataset_name'] == 'mpii'
    assert dataset.shared_joints.sum() == 13
    # What the config of Table 5 tells people to type.
    option = 'model.pseudo_labels.joints=0,1,2,3,4,5,9,10,11,12,13,14,15'
    config = ROOT / 'configs/dual_student/dual_w32_mpii_aic.py'
    assert option in config.read_text(encoding='utf-8')
    assert (
        dataset.summary().splitlines()[2].endswith(f'13 of 16 in both; {HOW}{option}')
    )
    labels = dataset[0]['data_samples'].gt_instance_labels
    assert labels.keypoints.shape == (1, 16, 2)
    assert (labels.keypoint_weights[0] == 0).nonzero().flatten().tolist() == [6, 7]
    assert all(dataset[i]['inputs'].shape[0] == 3 for i in range(4, 7))
    whole = [*SOURCE[:2], {**SOURCE[2], 'max_side': 500}, SOURCE[3]]
    other_way = make(aic, mpii, unlabelled_pipeline=whole)
    assert other_way[0]['data_samples'].gt_instance_labels.keypoints.shape[1] == 14
    person = other_way[3]
    assert 'gt_instance_labels' not in person['data_samples']
    scale = json.loads(Path(mpii['ann_file']).read_text())[0]['scale']
    zoom = float(person['data_samples'].source_to_input[1, 1])
    # A square box of 200 * scale, padded by 1.25, in an input of 48 x 64.
    assert zoom == pytest.approx(48 / (200 * 1.25 * scale), rel=1e-3)


def test_own_map_of_joints(coco, tmp_path):
    mpii = stock('MpiiDataset', tmp_path, write_mpii(tmp_path), 'images/')
    dataset = make(coco, mpii, joint_map=dict(left_wrist='left_wrist'))
    assert dataset.shared_joints.sum() == 1


def test_wild(coco, tmp_path):
    wild = dict(
        type='UnlabelledPersons',
        boxes='whole_image',
        data_root=str(tmp_path),
        ann_file=str(write_coco_unlabeled(tmp_path)),
        data_prefix=dict(img='unlabeled2017/'),
        pipeline=SOURCE,
    )
    dataset = make(coco, wild, unlabelled_pipeline=None)
    assert dataset.cumulative_sizes == [12, 15]
    assert dataset.shared_joints.all()
    assert dataset[12]['data_samples'].img_path.endswith(
        'unlabeled2017/000000000500.jpg'
    )


@pytest.mark.skipif(not REAL.exists(), reason='no real COCO here')
def test_real_coco():
    path = REAL / 'annotations/person_keypoints_train2017.json'
    dataset = make(subset(stock('CocoDataset', REAL, path, 'train2017/'), 20))
    annotations = json.loads(path.read_text())['annotations']
    usable = [a for a in annotations if not a['iscrowd'] and a['num_keypoints'] > 0]
    assert len(dataset) == len(usable)
    sides = [max(dataset[i]['inputs'].shape) for i in range(20, 60)]
    assert min(sides) > 10 and max(sides) <= 424 * 64 // 256
    assert all(dataset[i]['data_samples'].gt_instance_labels for i in range(20))


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        ('missing', 'FileNotFoundError'),
        ('truncated', 'the file is cut off: a JPEG without its end marker; fetch it'),
        ('empty', 'the file is empty; fetch it again'),
        ('text', "the file is no image but text that begins with '<html>'"),
        ('flipped', 'failed to load image'),
    ],
)
@pytest.mark.parametrize('number', [0, 1], ids=['labelled', 'unlabelled'])
def test_broken_images_are_named(damage, message, number, tmp_path):
    """Truncated JPEGs must not become half-grey pictures."""
    root = tmp_path
    config = stock(
        'CocoDataset', root, write_coco(root, images=2, people=1), 'train2017/'
    )
    dataset = make(subset(config, 1))
    path = Path(dataset.get_data_info(number)['img_path'])
    content = path.read_bytes()
    path.unlink()
    if damage != 'missing':
        parts = dict(
            truncated=content[: len(content) // 2],
            empty=b'',
            text=b'<html>',
            flipped=bytes([content[0] ^ 1]) + content[1:],
        )
        path.write_bytes(parts[damage])
    with pytest.raises(RuntimeError, match=f'{path.name}.*person.*{message}'):
        dataset[number, 0]


def test_cut_off_images_never_reach_the_decoder(tmp_path):
    """Some versions of OpenCV 4 make a picture of half a JPEG."""
    path = tmp_path / 'half.jpg'
    picture = cv2.imencode('.jpg', np.full((40, 60, 3), 90, np.uint8))[1].tobytes()
    path.write_bytes(picture[:-100])
    seen = []
    with pytest.raises(RuntimeError, match='half.jpg.*cut off'):
        run_pipeline(seen.append, dict(img_path=str(path)))
    assert not seen
    path.write_bytes(picture)
    assert run_pipeline(len, dict(img_path=str(path))) == 1
    assert run_pipeline(len, dict(img_path='s3://bucket/half.jpg')) == 1


def test_samples_are_never_skipped():
    with pytest.raises(RuntimeError, match='a.jpg: a transform returned None; .*never'):
        run_pipeline(lambda sample: None, dict(img_path='a.jpg'))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(unlabelled='others'), "unlabelled='others'; expected 'rest', 'all' or"),
        (dict(number=12), 'all 12 people are labelled and nobody is left'),
        (dict(number=13), 'num_instances=13'),
        (dict(labelled_pipeline=None), 'labelled_pipeline is missing'),
        (dict(unlabelled_pipeline=None), 'unlabelled_pipeline is missing'),
    ],
)
def test_invalid(change, message, coco):
    labelled = subset(coco, change.pop('number', 5))
    with pytest.raises(ValueError, match=message):
        make(labelled, **change)


def test_rest_of_a_whole_dataset(coco):
    with pytest.raises(
        ValueError, match='needs labelled=.*LabelledSubset.*CocoDataset'
    ):
        make(coco)


def test_missing_data(tmp_path):
    config = stock('CocoDataset', tmp_path / 'gone', 'people.json', '')
    with pytest.raises(FileNotFoundError, match='gone/people.json does not exist; put'):
        make(subset(config))
    config['data_root'] = str(tmp_path / 'synthetic_few/')
    with pytest.raises(FileNotFoundError) as caught:
        make(subset(config))
    assert str(caught.value) == (
        f'{tmp_path}/synthetic_few/people.json does not exist; make it: python '
        f'tools/make_synthetic_data.py coco {tmp_path}/synthetic_few --images 3000 '
        '--val-images 500 --max-people 1 --looks 12 --occlusion 0.1 --facing 1 '
        '--motions walk reach gesture wave'
    )


def test_nobody(coco, tmp_path):
    path = write_coco_unlabeled(tmp_path)
    wild = stock('CocoDataset', tmp_path, path, 'unlabeled2017/')
    with pytest.raises(ValueError, match='CocoDataset finds nobody in .*Unlabelled'):
        make(coco, wild)


def test_other_skeleton(coco, tmp_path):
    hands = dict(
        type='UnlabelledPersons',
        boxes='whole_image',
        data_root=str(tmp_path),
        ann_file=str(write_coco_unlabeled(tmp_path)),
        metainfo=dict(from_file='configs/_base_/datasets/onehand10k.py'),
    )
    with pytest.raises(ValueError, match='no joint in common: nose.*against wrist'):
        make(coco, hands)
