import json
import pickle

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmfi_format import write_tree
from mmpose.registry import DATASETS
from torch.utils.data import DataLoader

from mmpose_ext.datasets import MMFiDataset, NoisyModalityDataset, multi_modal_collate
from mmpose_ext.datasets.mmfi_conversion import convert_tree
from mmpose_ext.datasets.mmfi_layout import MODALITIES

MANUAL = dict(
    train=dict(subjects=['S01', 'S02', 'S11'], actions=['A02', 'A18']),
    val=dict(subjects=['S02'], actions=['A02']),
)
PIPELINE = [
    dict(type='NormalizeImageKeypoints'),
    dict(type='NormalizeChannelState'),
    dict(type='PackMultiModalInputs'),
]


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """Six sequences of 6 and 7 frames; the second of each has an empty radar."""
    init_default_scope('mmpose')
    root = tmp_path_factory.mktemp('mmfi')
    write_tree(root / 'tree')
    convert_tree(root / 'tree', root / 'store')
    return root / 'store'


@pytest.fixture(scope='module')
def clean(store):
    return MMFiDataset(
        store,
        split='manual',
        manual=MANUAL,
        windows=dict(rgb=3, mmwave=3),
        drop_on=(),
        pipeline=PIPELINE,
    )


def noisy_version(clean, modality, **options):
    options = dict(ratio=0.4, seed=3) | options
    return NoisyModalityDataset(clean, modality=modality, **options)


def same(a, b):
    """Whether two raw samples have the same inputs and poses."""
    return {name: np.array_equal(a[name], b[name]) for name in (*MODALITIES, 'pose')}


@pytest.mark.parametrize('modality', MODALITIES)
@pytest.mark.parametrize('kind', ['raw', 'unaligned'])
def test_only_one_modality_of_the_noisy_samples(clean, modality, kind):
    dataset = noisy_version(clean, modality, kind=kind)
    assert len(dataset) == len(clean) == 39
    assert dataset.noisy.sum() == 16, 'round(0.4 * 39)'
    for i in range(len(dataset)):
        before, after = clean.get_data_info(i), dataset.get_data_info(i)
        assert after['noisy'] is bool(dataset.noisy[i])
        assert after['sample_idx'] == i and after['frame_id'] == before['frame_id']
        equal = same(before, after)
        assert equal.pop(modality) != dataset.noisy[i]
        assert all(equal.values())
        if kind == 'raw':
            assert after[modality].shape == before[modality].shape
            assert after['valid'] == before['valid']
            phase = np.array_equal(after['wifi_phase'], before['wifi_phase'])
            assert phase != (dataset.noisy[i] and modality == 'wifi')


def test_reproducible(clean):
    first, again = (noisy_version(clean, 'lidar') for _ in range(2))
    other = noisy_version(clean, 'lidar', seed=4)
    assert np.array_equal(first.noisy, again.noisy)
    assert not np.array_equal(first.noisy, other.noisy)
    unaligned = noisy_version(clean, 'lidar', kind='unaligned')
    assert np.array_equal(first.noisy, unaligned.noisy)
    fewer = noisy_version(clean, 'lidar', ratio=0.2).noisy
    assert fewer.sum() == 8 and first.noisy[fewer].all()
    number = int(np.flatnonzero(first.noisy)[5])
    np.random.seed(0)
    cloud = first.get_data_info(number)['lidar']
    np.random.seed(1)
    for dataset in (first, again, pickle.loads(pickle.dumps(first))):
        assert np.array_equal(dataset.get_data_info(number)['lidar'], cloud)
    next_one = int(np.flatnonzero(first.noisy)[6])
    assert not np.array_equal(first.get_data_info(next_one)['lidar'][:5], cloud[:5])
    assert not np.array_equal(
        noisy_version(clean, 'lidar', seed=5, ratio=0.99).get_data_info(number)[
            'lidar'
        ],
        cloud,
    )


def test_raw_values(clean):
    dataset = noisy_version(clean, 'mmwave', ratio=0.9)
    points = np.concatenate([clean.get_data_info(i)['mmwave'] for i in range(39)])
    noise = np.concatenate(
        [dataset.get_data_info(i)['mmwave'] for i in np.flatnonzero(dataset.noisy)]
    )
    low, high = points.min(0), points.max(0)
    assert (noise >= low).all() and (noise <= high).all()
    assert np.abs(noise.mean(0) - (low + high) / 2).max() < 0.15 * np.ptp(points)
    dataset = noisy_version(clean, 'rgb', ratio=0.9)
    keypoints = np.stack([clean.get_data_info(i)['rgb'] for i in range(39)])
    noise = np.stack(
        [dataset.get_data_info(i)['rgb'] for i in np.flatnonzero(dataset.noisy)]
    )
    assert noise.dtype == np.float32
    np.testing.assert_allclose(
        noise.mean((0, 1, 2)), keypoints.mean((0, 1, 2)), rtol=0.1
    )
    np.testing.assert_allclose(noise.std((0, 1, 2)), keypoints.std((0, 1, 2)), rtol=0.1)
    assert (noise[:, 0] != noise[:, 1]).all(), 'the whole window is noise'
    dataset = noisy_version(clean, 'wifi', ratio=0.9)
    number = int(np.flatnonzero(dataset.noisy)[0])
    packed = dataset[number]
    amplitude = packed['inputs']['wifi'].double()
    assert amplitude.min() == 0 and amplitude.max() == 1
    assert amplitude.mean() == pytest.approx(0.5, abs=0.02)
    assert amplitude.std() == pytest.approx(12**-0.5, abs=0.02)
    assert packed['data_samples'].noisy is True


def test_added_noise(clean):
    recipe = dict(
        rgb=dict(mode='add', strength=0.5), wifi=dict(mode='add', strength=2.0)
    )
    dataset = noisy_version(clean, 'rgb', recipe=recipe)
    numbers = np.flatnonzero(dataset.noisy)
    added = [
        dataset.get_data_info(i)['rgb'] - clean.get_data_info(i)['rgb'] for i in numbers
    ]
    keypoints = np.stack([clean.get_data_info(i)['rgb'] for i in range(39)])
    std = 0.5 * keypoints.std((0, 1, 2))
    np.testing.assert_allclose(np.std(added, axis=(0, 1, 2)), std, rtol=0.1)
    assert abs(np.mean(added)) < 10
    dataset = noisy_version(clean, 'wifi', recipe=recipe)
    number = int(np.flatnonzero(dataset.noisy)[0])
    before = clean.get_data_info(number)['wifi']
    after = dataset.get_data_info(number)['wifi']
    assert after.min() >= 0
    above = after > 0
    assert (after - before)[above].std() == pytest.approx(2 * before.std(), rel=0.1)


def test_unaligned_values(clean):
    dataset = noisy_version(clean, 'mmwave', kind='unaligned', ratio=0.7)
    partners = dataset.partners
    numbers = np.arange(39)
    assert (partners[dataset.noisy] != numbers[dataset.noisy]).all()
    assert np.array_equal(partners[~dataset.noisy], numbers[~dataset.noisy])
    assert len(set(partners[dataset.noisy])) == dataset.noisy.sum()
    for i in numbers:
        other, sample = clean.get_data_info(int(partners[i])), dataset.get_data_info(i)
        assert np.array_equal(sample['mmwave'], other['mmwave'])
        assert sample['valid']['mmwave'] == other['valid']['mmwave']
        assert np.array_equal(sample['pose'], clean.get_data_info(i)['pose'])
    dataset = noisy_version(clean, 'wifi', kind='unaligned')
    i = int(np.flatnonzero(dataset.noisy)[0])
    other = clean.get_data_info(int(dataset.partners[i]))
    phase = dataset.get_data_info(i)['wifi_phase']
    assert np.array_equal(phase, other['wifi_phase'])


def test_dropped_modalities(clean):
    for kind in ('raw', 'unaligned'):
        dataset = noisy_version(clean, 'lidar', kind=kind)
        number = int(np.flatnonzero(dataset.noisy)[0])
        sample = dataset.get_data_info((number, (1, 3)))
        assert sample['valid'] == {**dict.fromkeys(MODALITIES, True)} | {
            'lidar': False,
            'wifi': False,
        }
        plain = dataset.get_data_info(number)
        assert all(same(plain, sample).values()) and plain['valid']['lidar']
        assert dataset[(number, (1, 3))]['inputs']['valid'].tolist() == [1, 0, 1, 0]


def test_a_cloud_without_points_stays_empty(clean):
    single = MMFiDataset(
        clean.ann_file,
        split='manual',
        manual=MANUAL,
        windows=dict(rgb=1),
        drop_on=(),
    )
    dataset = noisy_version(single, 'mmwave', ratio=0.99)
    empty = [i for i in range(39) if not single.get_data_info(i)['valid']['mmwave']]
    assert len(empty) == 6
    for i in empty:
        sample = dataset.get_data_info(i)
        assert sample['mmwave'].shape == (0, 5) and not sample['valid']['mmwave']


def test_without_noise(clean):
    for dataset in (
        NoisyModalityDataset(clean),
        noisy_version(clean, 'rgb', ratio=0.0, kind='unaligned'),
    ):
        assert not dataset.noisy.any() and dataset.noise is None
        assert 'none corrupted' in dataset.summary()
        assert dataset[0]['data_samples'].noisy is False
        assert all(same(dataset.get_data_info(5), clean.get_data_info(5)).values())
        assert 'noise' not in dataset.facts()


def test_subset(clean):
    whole = noisy_version(clean, 'lidar', kind='raw')
    numbers = [30, 2, 17, *np.flatnonzero(whole.noisy)[:2].tolist()]
    subset = whole.get_subset(numbers)
    assert len(subset) == 5 and len(whole) == 39
    assert np.array_equal(subset.noisy, whole.noisy[numbers])
    assert np.array_equal(subset.partners, whole.partners[numbers])
    for position, number in enumerate(numbers):
        part, full = subset.get_data_info(position), whole.get_data_info(number)
        assert all(same(part, full).values()) and part['noisy'] == full['noisy']
        assert part['sample_idx'] == position
    assert subset.get_data_info(-1)['sample_idx'] == 4
    assert '5 of its samples used' in subset.summary()
    assert subset.facts()['frames'] == 5
    nested = subset.get_subset(2)
    assert nested.get_data_info(0)['sequence'] == whole.get_data_info(30)['sequence']
    assert len(whole.get_subset(-3)) == 3


def test_facts(clean):
    dataset = noisy_version(clean, 'wifi', kind='unaligned')
    assert dataset.modalities == MODALITIES
    assert dataset.metainfo['dataset_name'] == clean.metainfo['dataset_name']
    assert dataset.mean_pose() == clean.mean_pose()
    noise = dict(modality='wifi', kind='unaligned', ratio=0.4, seed=3)
    assert dataset.noise == noise == dataset.facts()['noise']
    assert '16 with unaligned noise on wifi (seed 3)' in dataset.summary()


@pytest.mark.parametrize('kind', ['raw', 'unaligned'])
def test_mask_file(clean, kind, tmp_path):
    dataset = noisy_version(clean, 'mmwave', kind=kind)
    file = tmp_path / 'new' / 'noise.json'
    dataset.get_subset(3).save_mask(file)
    content = json.loads(file.read_text())
    assert content['samples'] == np.flatnonzero(dataset.noisy).tolist()
    info = clean.get_data_info(content['samples'][4])
    assert content['sequences'][4] == info['sequence']
    assert content['frames'][4] == info['frame_id']
    assert content['partners'] == dataset.partners[dataset.noisy].tolist()
    assert content['num_samples'] == len(dataset)
    assert content['kind'] == kind and content['seed'] == dataset.seed


@pytest.mark.parametrize('ratio', [-0.1, 1.0, 1.5, float('nan')])
def test_ratio_out_of_range(clean, ratio):
    with pytest.raises(ValueError, match='share of noisy samples'):
        noisy_version(clean, 'rgb', ratio=ratio)


def test_invalid(clean, store):
    with pytest.raises(ValueError, match='kind'):
        noisy_version(clean, 'rgb', kind='other')
    with pytest.raises(ValueError, match='a seed from 0 on'):
        noisy_version(clean, 'rgb', seed=-1)
    two = MMFiDataset(
        store,
        modalities=('rgb', 'wifi'),
        split='manual',
        manual=MANUAL,
        pipeline=[dict(type='PackMultiModalInputs', modalities=['rgb', 'lidar'])],
    )
    with pytest.raises(ValueError, match=r"'lidar' cannot.*\['rgb', 'wifi'\]"):
        noisy_version(two, 'lidar')
    for recipe in (
        dict(depth={}),
        dict(rgb=dict(mode='blur')),
        dict(rgb=dict(strength=0)),
        dict(rgb=dict(sigma=1)),
    ):
        with pytest.raises(ValueError, match='expected'):
            noisy_version(clean, 'rgb', recipe=recipe)
    one = clean.get_subset([0])
    with pytest.raises(ValueError, match='there is only 1'):
        noisy_version(one, 'rgb', kind='unaligned', ratio=0.9)
    assert noisy_version(one, 'rgb', ratio=0.9).noisy.tolist() == [True]
    broken = noisy_version(two, 'rgb')
    with pytest.raises(RuntimeError, match=r'frame 0 of E01_S01_A02.*no .*lidar'):
        broken[0]


def test_in_a_loader(store):
    config = ConfigDict(
        type='NoisyModalityDataset',
        modality='lidar',
        ratio=0.4,
        dataset=dict(
            type='MMFiDataset',
            store=str(store),
            split='manual',
            manual=MANUAL,
            windows=dict(rgb=3),
            pipeline=PIPELINE,
        ),
    )
    dataset = DATASETS.build(config)
    epochs = []
    for workers in (0, 0, 2):
        loader = DataLoader(
            dataset, 7, num_workers=workers, collate_fn=multi_modal_collate
        )
        epochs.append(list(loader))
    assert len(epochs[0][0]['inputs']['lidar']) == 7
    noisy = [s.noisy for batch in epochs[0] for s in batch['data_samples']]
    assert noisy == dataset.noisy.tolist()
    for one, two, three in zip(*epochs, strict=True):
        assert torch.equal(one['inputs']['lidar'], two['inputs']['lidar'])
        assert torch.equal(one['inputs']['lidar'], three['inputs']['lidar'])
