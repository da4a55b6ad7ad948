"""MMFiDataset: samples, splits, windows, frames that are left out, bad input."""

import copy
import pickle
import sys
import types

import mmfi_format
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from mmpose_ext.datasets import FrameStore, FrameStoreWriter, MMFiDataset
from mmpose_ext.datasets.mmfi_conversion import convert_tree
from mmpose_ext.datasets.mmfi_dataset import _nearest_true

FOUR = ('rgb', 'lidar', 'mmwave', 'wifi')
ONE = dict(rgb=1)
PIPELINE = [
    dict(type='NormalizeImageKeypoints'),
    dict(type='SubsamplePoints', key='lidar', max_points=8),
    dict(type='NormalizeChannelState'),
    dict(type='PackMultiModalInputs'),
]
# In protocol 1, A02 comes first: S01 and S04 of these validate it. A18 comes eighth:
# S04 and S05 do; see the table of test_mmfi_splits.
PEOPLE = ('S01', 'S04', 'S05', 'S11')
FRAMES = 6


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """A store of four people, two actions, 6 or 7 frames; what its files held."""
    root = tmp_path_factory.mktemp('mmfi')
    contents = mmfi_format.write_tree(root / 'tree', subjects=PEOPLE, frames=FRAMES)
    convert_tree(root / 'tree', root / 'store')
    return root / 'store', contents


@pytest.fixture(scope='module')
def store(made):
    return made[0]


def manual(subjects, actions=('A02', 'A18')):
    lists = dict(subjects=list(subjects), actions=list(actions))
    return dict(split='manual', manual=dict(train=lists, val=lists))


def dataset(store, **options):
    return MMFiDataset(store, **{**manual(PEOPLE), 'windows': ONE, **options})


def frames_of(data):
    return [(data[i]['sequence'], data[i]['frame_id']) for i in range(len(data))]


def edit(path, source, change, drop=(), **header):
    """Copy a store; `change(row, arrays)` edits the fields of a sequence."""
    old = FrameStore(source)
    options = {k: old.header[k] for k in ('joint_set', 'fps')}
    with FrameStoreWriter(path, **{**options, **header}) as writer:
        for row in old.sequences:
            arrays = {}
            for name in old:
                if name in drop:
                    continue
                if old.fields[name].ragged:
                    frames = range(row.start, row.start + row.length)
                    arrays[name] = [old.ragged(name, i).copy() for i in frames]
                else:
                    arrays[name] = old[name][row.start : row.start + row.length].copy()
            change(row, arrays)
            writer.add_sequence(row, arrays)
    return path


def unchanged(row, arrays):
    pass


class TestSample:
    def test_shapes(self, store):
        sample = dataset(store, windows=dict(rgb=5, mmwave=3))[0]
        shapes = {k: v.shape for k, v in sample.items() if isinstance(v, np.ndarray)}
        assert shapes['rgb'] == (5, 17, 2) and shapes['pose'] == (17, 3)
        assert shapes['wifi'] == shapes['wifi_phase'] == (3, 114, 10)
        assert shapes['lidar'][1] == 3 and shapes['mmwave'][1] == 5
        names = {k: v for k, v in sample.items() if k not in shapes}
        assert names == dict(
            valid=dict.fromkeys(FOUR, True),
            image_size=(640, 480),
            sequence='E01_S01_A02',
            sequence_id=0,
            frame_id=0,
            sample_idx=0,
            subject='S01',
            action='A02',
            environment='E01',
        )

    def test_values(self, made):
        path, contents = made
        data = dataset(path, empty_radar='keep')
        assert len(data) == 4 * (6 + 7)
        for i in (0, 7, 12, 40, 51, -1):
            sample = data[i]
            true = contents[sample['subject'], sample['action']]
            frame = sample['frame_id']
            np.testing.assert_array_equal(sample['rgb'][0], true['rgb'][frame])
            for name in ('lidar', 'mmwave'):
                np.testing.assert_array_equal(
                    sample[name], true[name][frame].astype('f4')
                )
            np.testing.assert_allclose(sample['pose'], true['pose'][frame], rtol=1e-6)
            amplitude, phase = (part[frame].astype('f4') for part in true['wifi-csi'])
            known = np.isfinite(amplitude)
            np.testing.assert_array_equal(sample['wifi'][known], amplitude[known])
            np.testing.assert_array_equal(sample['wifi_phase'][known], phase[known])
        assert data[-1]['sample_idx'] == 51
        assert data[-1]['sequence'] == 'E02_S11_A18' and data[-1]['frame_id'] == 6

    def test_windows(self, made):
        path, contents = made
        windows = dict(rgb=5, mmwave=3, lidar=3)
        data = dataset(path, windows=windows, empty_radar='keep', **manual(['S01']))
        true = contents['S01', 'A02']
        for frame in range(6):
            sample = data[frame]
            around = np.clip(np.arange(frame - 2, frame + 3), 0, 5)
            np.testing.assert_array_equal(sample['rgb'], true['rgb'][around])
            points = range(max(frame - 1, 0), min(frame + 1, 5) + 1)
            for name in ('lidar', 'mmwave'):
                expected = np.concatenate([true[name][i] for i in points])
                np.testing.assert_array_equal(sample[name], expected.astype('f4'))
            assert sample['valid']['mmwave'], 'a neighbour has points'

    def test_default_windows(self, store):
        data = dataset(store, windows=None)
        assert data[0]['rgb'].shape == (27, 17, 2)
        assert data.windows == dict(rgb=27, mmwave=5)

    @pytest.mark.parametrize('modalities', [('rgb',), ('lidar', 'wifi'), ('mmwave',)])
    def test_some_modalities(self, store, modalities):
        sample = dataset(store, modalities=modalities)[0]
        assert set(sample['valid']) == set(modalities) == set(FOUR) & set(sample)

    def test_absent_by_request(self, store):
        data = dataset(store, modalities=('rgb', 'mmwave', 'wifi'))
        sample = data[(3, (1, 2))]
        assert sample['valid'] == dict(rgb=True, mmwave=False, wifi=False)
        assert sample['frame_id'] == data[3]['frame_id'] and sample['sample_idx'] == 3
        assert all(data[3]['valid'].values())
        with pytest.raises(IndexError):
            data[(3, (3,))]

    def test_keypoints_of_the_nearest_frame(self, store, tmp_path):
        def spoil(row, arrays):
            arrays['modality_valid'][[1, 2]] &= ~np.uint8(1)
            arrays['keypoints_rgb'][[1, 2]] = 0

        path = edit(tmp_path / 'store', store, spoil)
        options = dict(windows=dict(rgb=3), empty_radar='keep')
        true = dataset(store, **options)
        data = dataset(path, **options)
        assert [data[i]['valid']['rgb'] for i in range(4)] == [True, False, False, True]
        one = dataset(store, empty_radar='keep')
        expected = [one[i]['rgb'][0] for i in (0, 0, 3)]
        np.testing.assert_array_equal(data[1]['rgb'], expected)
        np.testing.assert_array_equal(data[5]['rgb'], true[5]['rgb'])

    def test_nearest_true(self):
        flags = np.array([0, 1, 0, 0, 0, 1, 0, 0, 1, 0], bool)
        found = _nearest_true(flags, [(0, 6), (6, 2), (8, 2)])
        assert found.tolist() == [1, 1, 1, 1, 5, 5, 6, 7, 8, 8]


class TestChoice:
    def test_splits(self, store):
        parts = {}
        for subset in ('train', 'val'):
            data = MMFiDataset(store, windows=ONE, subset=subset, empty_radar='keep')
            parts[subset] = list(dict.fromkeys(s for s, _ in frames_of(data)))
        assert parts['val'] == [
            *('E01_S01_A02', 'E01_S04_A02', 'E01_S04_A18', 'E01_S05_A18')
        ]
        # S01 trains none of the first actions, so it comes after the others.
        assert parts['train'] == [
            *('E01_S05_A02', 'E02_S11_A02', 'E02_S11_A18', 'E01_S01_A18')
        ]

    def test_cross_subject(self, store):
        options = dict(windows=ONE, split='cross_subject')
        val = MMFiDataset(store, subset='val', **options)
        assert {name for name, _ in frames_of(val)} == {'E01_S05_A02', 'E01_S05_A18'}
        train = MMFiDataset(store, **options)
        assert {train[i]['subject'] for i in range(len(train))} == {'S01', 'S04', 'S11'}

    def test_order_of_the_lists(self, store):
        data = dataset(store, **manual(['S11', 'S01'], ['A18', 'A02']))
        names = list(dict.fromkeys(name for name, _ in frames_of(data)))
        assert names == ['E02_S11_A18', 'E02_S11_A02', 'E01_S01_A18', 'E01_S01_A02']

    def test_same_frames_with_and_without_radar(self, store):
        """The second frame of each sequence has no radar points."""
        with_radar, without = (
            frames_of(dataset(store, modalities=m)) for m in (FOUR, ('rgb',))
        )
        assert with_radar == without and len(without) == 4 * (5 + 6)
        assert 1 not in {frame for _, frame in without}
        kept = dataset(store, empty_radar='keep')
        assert len(kept) == 4 * (6 + 7) and not kept[1]['valid']['mmwave']
        assert kept[1]['mmwave'].shape == (0, 5)
        assert frames_of(dataset(store, drop_on=())) == frames_of(kept)

    def test_drop_on_others(self, store, tmp_path):
        def spoil(row, arrays):
            arrays['modality_valid'][3] &= ~np.uint8(8)

        path = edit(tmp_path / 'store', store, spoil)
        data = dataset(path, modalities=('lidar',), drop_on=('mmwave', 'wifi'))
        assert {1, 3} & {frame for _, frame in frames_of(data)} == set()
        data = dataset(path, drop_on='wifi', empty_radar='drop')
        assert {1, 3} & {frame for _, frame in frames_of(data)} == {1}
        assert not dataset(path)[2]['valid']['wifi']

    def test_actions(self, store):
        data = dataset(store, actions=['A18'])
        assert {name[-3:] for name, _ in frames_of(data)} == {'A18'}
        assert data.facts()['actions'] == ['A18']

    def test_stride_and_indices(self, store):
        every = dataset(store, frame_stride=3, empty_radar='keep')
        assert [frame for _, frame in frames_of(every)][:5] == [0, 3, 0, 3, 6]
        everything = frames_of(dataset(store))
        assert frames_of(dataset(store, indices=5)) == everything[:5]
        assert frames_of(dataset(store, indices=-5)) == everything[-5:]
        assert frames_of(dataset(store, indices=[7, 2])) == [
            everything[7],
            everything[2],
        ]
        data = dataset(store)
        assert frames_of(data.get_subset([3])) == everything[3:4]
        assert len(data) == len(everything)

    @pytest.mark.parametrize(
        ('options', 'message'),
        [
            (dict(modalities=('wifi', 'rgb')), r'modalities=.*in this order'),
            (dict(modalities=('rgb', 'sound')), r"'sound'.*expected some of"),
            (dict(modalities=()), 'expected some of'),
            (dict(protocol=4), 'unknown protocol 4; expected 1'),
            (dict(split='s3', manual=None), "unknown split 's3'.*'cross_environment'"),
            (dict(subset='test'), r"subset must be one of \('train', 'val'\)"),
            (dict(empty_radar='skip'), 'empty_radar must be one of'),
            (dict(drop_on=('radar',)), r"drop_on=\['radar'\]"),
            (dict(windows=dict(rgb=4)), r"windows\['rgb'\]=4; expected an odd number"),
            (dict(windows=dict(wifi=3)), r"1 for 'wifi'"),
            (dict(windows=dict(sound=3)), r"unknown modalities \['sound'\]"),
            (dict(actions=['A01']), r"\['A01'\] are not among.*\['A02', 'A18'\]"),
            (dict(actions=[]), 'are not among'),
            (dict(frame_stride=0), 'frame_stride=0'),
            (manual(['S30']), r"no sample .*subjects \['S01', 'S04', 'S05', 'S11'\]"),
            (
                dict(split='cross_environment', manual=None, subset='val'),
                "no sample .*belongs to 'val' of protocol 1, split 'cross_environment'",
            ),
        ],
    )
    def test_invalid(self, store, options, message):
        with pytest.raises(ValueError, match=message):
            dataset(store, **options)


class TestStores:
    def test_missing_modality(self, store, tmp_path):
        path = edit(tmp_path / 'store', store, unchanged, drop=('csi_amplitude',))
        with pytest.raises(
            ValueError, match=r"modality 'wifi'; it has \['rgb', 'lidar', 'mmwave'\]"
        ) as error:
            dataset(path)
        assert 'keypoints_rgb' in str(error.value)
        assert len(dataset(path, modalities=('rgb', 'lidar')))

    def test_without_radar(self, store, tmp_path):
        """Which frames to leave out is unknown then, so this must be said."""
        path = edit(tmp_path / 'store', store, unchanged, drop=('mmwave',))
        with pytest.raises(
            ValueError, match="which frames lack it.*empty_radar='keep'"
        ):
            dataset(path, modalities=('rgb',))
        assert len(dataset(path, modalities=('rgb',), empty_radar='keep')) == 52

    def test_without_phase(self, store, tmp_path):
        path = edit(tmp_path / 'store', store, unchanged, drop=('csi_phase',))
        assert 'wifi_phase' not in dataset(path)[0]

    def test_all_frames_invalid(self, store, tmp_path):
        def spoil(row, arrays):
            arrays['modality_valid'][:] = 0

        path = edit(tmp_path / 'store', store, spoil)
        with pytest.raises(ValueError, match=r"all 52 frames are invalid .*'mmwave'"):
            dataset(path)

    def test_other_stores(self, store, pose_store, tmp_path):
        with pytest.raises(ValueError, match='is no store of MM-Fi.*mmfi_to_store'):
            dataset(pose_store)
        path = edit(tmp_path / 'store', store, unchanged, joint_set='coco17')
        with pytest.raises(ValueError, match="joint set 'coco17'"):
            dataset(path)
        with pytest.raises(FileNotFoundError, match='is not a FrameStore'):
            dataset(tmp_path / 'nothing')

    @pytest.mark.parametrize('field', ['pose_cam', 'keypoints_rgb'])
    def test_undefined_values(self, store, tmp_path, field):
        def spoil(row, arrays):
            if row.name == 'E01_S04_A18':
                arrays[field][3, 4] = np.nan

        path = edit(tmp_path / 'store', store, spoil)
        with pytest.raises(ValueError, match=f'{field}.*E01_S04_A18.*frame 3'):
            dataset(path)
        if field == 'keypoints_rgb':
            dataset(path, modalities=('lidar',))

    def test_other_shapes(self, store, tmp_path):
        def spoil(row, arrays):
            arrays['csi_amplitude'] = arrays['csi_amplitude'][..., :5]

        path = edit(tmp_path / 'store', store, spoil)
        with pytest.raises(ValueError, match=r'\[3, 114, 5\], expected float32'):
            dataset(path)

    def test_made_on_first_use(self, store, tmp_path, monkeypatch):
        calls = []

        def ensure_synthetic_mmfi(path, **options):
            calls.append(options)
            edit(path, store, unchanged, extra=dict(synthetic=options))

        module = types.ModuleType('mmpose_ext.datasets.synthetic_mmfi')
        module.ensure_synthetic_mmfi = ensure_synthetic_mmfi
        monkeypatch.setitem(sys.modules, module.__name__, module)
        data = dataset('made', data_root=tmp_path, mmfi=dict(seed=3), lazy_init=True)
        assert calls == []
        assert len(data) == 44 and calls == [dict(seed=3)]
        assert data.facts()['simulated'] is True


class TestMetainfo:
    def test_facts(self, store):
        data = MMFiDataset(store, subset='val', windows=ONE, test_mode=True, ratio=0.75)
        protocol = data.metainfo['protocol']
        assert protocol == dict(
            protocol=1,
            split='random',
            ratio=0.75,
            split_seed=0,
            dropped_on=['mmwave'],
            frames=len(data),
            simulated=False,
        )
        assert data.metainfo['dataset_name'] == 'h36m'
        train = MMFiDataset(store, windows=ONE)
        assert 'protocol' not in train.metainfo

    def test_mean_pose(self, store):
        """That of the training part, whichever part this is and how much of it."""
        train = MMFiDataset(store, windows=ONE)
        expected = np.mean([train[i]['pose'] for i in range(len(train))], axis=0)
        val = MMFiDataset(store, windows=ONE, subset='val', test_mode=True, indices=3)
        np.testing.assert_allclose(val.metainfo['mean_pose'], expected, atol=1e-6)
        lists = dict(val=dict(subjects=['S01']))
        alone = dataset(store, manual=lists, subset='val', test_mode=True)
        assert alone.metainfo['mean_pose'] is None

    def test_summary(self, store):
        text = dataset(store, modalities=('rgb', 'lidar')).summary()
        for words in (
            *(
                'protocol 1, manual, train',
                '4 people, 2 actions, 8 sequences, 44 frames',
            ),
            *('(15.4% left out for want of mmwave)', 'rgb+lidar'),
        ):
            assert words in text
        assert '\n' not in text
        assert 'left out' not in dataset(store, empty_radar='keep').summary()
        random = MMFiDataset(store, windows=ONE, ratio=0.75).summary()
        assert 'random split 0.75 (seed 0)' in random


class TestInRunner:
    def test_pickle_and_deepcopy(self, store):
        data = dataset(store)
        content = pickle.dumps(data)
        assert len(content) < 20_000
        for other in (pickle.loads(content), copy.deepcopy(data), copy.copy(data)):
            np.testing.assert_array_equal(other[5]['lidar'], data[5]['lidar'])

    def test_errors_name_the_sample(self, store):
        def fail(results):
            raise KeyError('oops')

        for transform, message in ((fail, 'KeyError'), (lambda results: None, 'None')):
            data = dataset(store, pipeline=[transform])
            with pytest.raises(RuntimeError, match='frame 2 of E01_S01_A02') as error:
                data[1]
            assert message in str(error.value)

    @pytest.mark.parametrize('num_workers', [0, 1])
    def test_loader(self, store, num_workers):
        init_default_scope('mmpose')
        loader = Runner.build_dataloader(
            dict(
                batch_size=5,
                num_workers=num_workers,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='multi_modal_collate'),
                dataset=dict(
                    type='MMFiDataset',
                    store=str(store),
                    windows=dict(rgb=3, mmwave=3),
                    pipeline=PIPELINE,
                    **manual(PEOPLE),
                ),
            )
        )
        batches = list(loader)
        assert [len(b['data_samples']) for b in batches] == [5] * 8 + [4]
        inputs = batches[0]['inputs']
        assert inputs['rgb'].shape == (5, 3, 17, 2)
        assert inputs['lidar'].shape[1] <= 8 and inputs['lidar_mask'].any(1).all()
        assert inputs['wifi'].shape == (5, 3, 114, 10)
        assert inputs['wifi'].min() == 0 and inputs['wifi'].max() == 1
        assert inputs['valid'].all() and inputs['valid'].shape == (5, 4)
        for batch in batches:
            for name, values in batch['inputs'].items():
                assert torch.isfinite(values.float()).all(), name
        sample = batches[0]['data_samples'][1]
        assert (sample.sequence, sample.frame_id) == ('E01_S01_A02', 2)

    def test_registered(self, store):
        config = dict(type='MMFiDataset', store=store, windows=ONE, **manual(PEOPLE))
        data = DATASETS.build(config)
        assert isinstance(data, MMFiDataset) and len(DefaultSampler(data)) == 44
