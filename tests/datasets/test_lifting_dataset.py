"""LiftingDataset: samples, filters, bad input, workers."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import types

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, DefaultSampler, pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from mmpose_ext.datasets import (
    FrameStore,
    FrameStoreWriter,
    LiftingDataset,
    PackLiftingInputs,
    add_field,
)

T = 9
_DOMAINS = (('S1', 'camera'), ('S2', None))
_PIPELINE = [
    dict(type='GenerateTarget', encoder=dict(type='LiftingLabel', confidence=False)),
    dict(type='PackLiftingInputs'),
]


def _dataset(store, **options):
    return LiftingDataset(store, **{'seq_len': T, **options})


def _edit(path, source, field=None, change=None, drop=(), **header):
    """Copy a store, editing one field or leaving some out."""
    old = FrameStore(source)
    options = {k: old.header[k] for k in ('joint_set', 'fps', 'licence', 'source')}
    with FrameStoreWriter(path, **{**options, **header}) as writer:
        for row in old.sequences:
            rows = slice(row.start, row.start + row.length)
            arrays = {n: old[n][rows].copy() for n in old if n not in drop}
            if field is not None:
                arrays[field] = change(row, arrays[field])
            writer.add_sequence(row, arrays)
    return path


def _masked(path, source, **header):
    """A store that marks frames, joints and activities."""
    rng = np.random.default_rng(5)
    old = FrameStore(source)
    options = dict(joint_set='h36m17', fps=50.0, activities=['?', 'Walk', 'Sit'])
    extra = {
        k: v for k, v in {**options, **header}.items() if k not in ('joint_set', 'fps')
    }
    with FrameStoreWriter(path, joint_set='h36m17', fps=50.0, extra=extra) as writer:
        for row in old.sequences:
            rows = slice(row.start, row.start + row.length)
            arrays = {name: old[name][rows].copy() for name in old}
            arrays['valid'] = rng.random(row.length) < 0.6
            arrays['joint_valid'] = (rng.random((row.length, 17)) < 0.8).astype('f4')
            arrays['activity'] = rng.integers(1, 3, row.length).astype(np.uint8)
            writer.add_sequence(row, arrays)
    return path


class _Keep:
    """A transform that keeps only what collates as tensors."""

    def __call__(self, results):
        return {
            'inputs': torch.from_numpy(results['keypoints'].copy()),
            'data_samples': results['sample_name'],
        }


def test_shapes(pose_store):
    dataset = _dataset(pose_store, target='image', keypoints_2d='det')
    sample = dataset[0]
    shapes = {
        'keypoints': (T, 17, 2),
        'keypoints_visible': (T, 17),
        'lifting_target': (T, 17, 3),
        'lifting_target_visible': (T, 17),
        'factor': (T,),
        'pose_cam': (T, 17, 3),
    }
    for key, shape in shapes.items():
        assert sample[key].shape == shape, key
        assert sample[key].dtype == np.float32, key
    assert sample['score_mask'].shape == (T,) and sample['score_mask'].dtype == bool
    assert sample['frame_ids'].shape == (T,) and sample['frame_ids'].dtype == np.int64
    assert sample['subject'] == 'S1' and sample['action'] == 'Walking'
    assert sample['camera_name'] == '54138969'
    assert sample['sequence'] == 'S1_Walking.54138969'
    assert sample['sample_name'] == 'S1_Walking.54138969[0:9]'
    assert sample['dataset_name'] == 'h36m'
    camera = sample['camera_param']
    assert (camera['w'], camera['h']) == (1000, 1002)
    assert {k: camera[k].shape for k in ('f', 'c', 'R', 't')} == {
        'f': (2,),
        'c': (2,),
        'R': (3, 3),
        't': (3,),
    }


@pytest.mark.parametrize('tail', ['drop', 'last_window', 'pad'])
@pytest.mark.parametrize('short', ['pad', 'stretch', 'drop'])
def test_values(pose_store, tail, short):
    store = FrameStore(pose_store)
    dataset = _dataset(pose_store, seq_len=15, stride=6, tail=tail, short=short)
    scored = np.zeros(len(store), dtype=int)
    valid = np.zeros(len(store), dtype=bool)
    for i, sample in enumerate(dataset):
        row = store.sequences[sample['sequence_id']]
        assert row.name == sample['sequence'] and sample['sample_idx'] == i
        frames = row.start + sample['frame_ids']
        np.testing.assert_array_equal(sample['pose_cam'], store['pose_cam'][frames])
        np.testing.assert_array_equal(sample['lifting_target'], sample['pose_cam'])
        image = store['pose_image'][frames, :, :2]
        np.testing.assert_array_equal(sample['keypoints'], image)
        np.testing.assert_array_equal(sample['factor'], store['factor'][frames])
        assert (sample['keypoints_visible'] == 1).all()
        visible = sample['lifting_target_visible']
        assert ((visible == 0) | (visible == 1)).all()
        assert (visible == visible[:, :1]).all()
        valid[frames[visible[:, 0] > 0]] = True
        np.add.at(scored, frames[sample['score_mask']], 1)
    np.testing.assert_array_equal(scored, valid)
    if tail != 'drop' and short != 'drop':
        assert valid.all()
    elif short == 'drop':
        assert not valid.all()


def test_values_of_targets_and_sources(pose_store):
    store = FrameStore(pose_store)
    sample = _dataset(pose_store, target='image', keypoints_2d='det')[1]
    rows = slice(9, 18)
    np.testing.assert_array_equal(sample['lifting_target'], store['pose_image'][rows])
    np.testing.assert_array_equal(sample['keypoints'], store['keypoints_det'][rows])
    scores = store['scores_det'][rows]
    np.testing.assert_array_equal(sample['keypoints_visible'], scores)


@pytest.mark.parametrize('scored', ['all', 'centre'])
def test_valid_frames_and_joints(pose_store, tmp_path, scored):
    store = FrameStore(_masked(tmp_path / 'store', pose_store))
    dataset = _dataset(store.path, scored=scored)
    scores = np.zeros(len(store), dtype=int)
    for sample in dataset:
        row = store.sequences[sample['sequence_id']]
        frames = row.start + sample['frame_ids']
        np.add.at(scores, frames[sample['score_mask']], 1)
        np.testing.assert_array_equal(sample['pose_cam'], store['pose_cam'][frames])
        padded = np.flatnonzero(np.diff(sample['frame_ids']) == 0)
        weight = store['valid'][frames][:, None] * store['joint_valid'][frames]
        visible = sample['lifting_target_visible']
        real = np.ones(T, bool)
        if len(padded) and sample['frame_ids'][0] == sample['frame_ids'][1]:
            real[: np.flatnonzero(np.diff(sample['frame_ids']))[0]] = False
        if len(padded) and sample['frame_ids'][-1] == sample['frame_ids'][-2]:
            real[np.flatnonzero(np.diff(sample['frame_ids']))[-1] + 2 :] = False
        np.testing.assert_array_equal(visible, weight * real[:, None])
        assert visible.dtype == np.float32
        names = np.array(['?', 'Walk', 'Sit'])[store['activity'][frames]]
        assert sample['activity'].tolist() == names.tolist()
    np.testing.assert_array_equal(scores, store['valid'])


def test_centre_windows(pose_store):
    store = FrameStore(pose_store)
    dataset = _dataset(pose_store, scored='centre', split='test', test_mode=True)
    rows = [row for row in store.sequences if row.split == 'test']
    assert len(dataset) == sum(row.length for row in rows)
    for number, sample in enumerate(dataset.get_data_info(i) for i in range(12)):
        ids = np.clip(number + np.arange(-4, 5), 0, 11)
        np.testing.assert_array_equal(sample['frame_ids'], ids)
        assert sample['score_mask'].tolist() == [False] * 4 + [True] + [False] * 4
        begin, end = max(number - 4, 0), min(number + 5, 12)
        assert sample['sample_name'].endswith(f'[{begin}:{end}]')
    assert dataset.summary().splitlines()[0].endswith('which alone is scored')
    # Equal on every start, whatever the state of random generators.
    np.random.seed(1)
    again = _dataset(pose_store, scored='centre', split='test')
    np.testing.assert_array_equal(again.windows.start, dataset.windows.start)


def test_all_valid_frames_leave_the_masks_shared(pose_store, tmp_path):
    """The usual window costs no masks of its own."""
    old = FrameStore(pose_store)
    with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50) as writer:
        for row in old.sequences:
            rows = slice(row.start, row.start + row.length)
            valid = np.full(row.length, row.split == 'train')
            arrays = {name: old[name][rows].copy() for name in old}
            writer.add_sequence(row, {**arrays, 'valid': valid})
    train = _dataset(tmp_path / 'store', split='train')
    assert train[0]['score_mask'] is train[1]['score_mask']
    assert train[0]['lifting_target_visible'] is train[1]['lifting_target_visible']
    test = _dataset(tmp_path / 'store', split='test')
    assert not test[0]['score_mask'].any()
    assert not test[0]['lifting_target_visible'].any()
    with pytest.raises(ValueError, match="scored='centre'.*valid frames"):
        _dataset(tmp_path / 'store', split='test', scored='centre')


def test_protocol(pose_store, tmp_path):
    header = dict(annotation='univ_annot3')
    store = FrameStore(_masked(tmp_path / 'first', pose_store, **header))
    count = int(store['valid'][[r.split == 'test' for r in _rows(store)]].sum())
    known = dict(count=count, known_as='the count of a test')
    path = _masked(tmp_path / 'second', pose_store, valid_frames=known, **header)
    dataset = _dataset(path, split='test', test_mode=True, scored='centre')
    assert dataset.metainfo['protocol'] == {
        'scored': 'centre',
        'seq_len': T,
        'annotation': 'univ_annot3',
        'valid_frames': count,
        'valid_frames_known_as': 'the count of a test',
    }
    assert dataset.summary().splitlines()[-1] == (
        f'  annotation: univ_annot3; valid frames: {count}; '
        'valid frames known as: the count of a test'
    )
    part = _dataset(path, cameras='54138969', split='test', test_mode=True)
    assert 'valid_frames_known_as' not in part.metainfo['protocol']
    assert 'protocol' not in _dataset(path, split='train').metainfo
    plain = _dataset(pose_store, split='test', test_mode=True)
    assert plain.metainfo['protocol'] == {'scored': 'all', 'seq_len': T}


def _rows(store):
    """The row of the sequence table of each frame."""
    return [row for row in store.sequences for _ in range(row.length)]


def test_stride_and_its_other_name(pose_store):
    for options in (dict(stride=3), dict(seq_step=3), dict(stride=3, seq_step=3)):
        dataset = _dataset(pose_store, **options)
        assert [dataset[i]['frame_ids'][0] for i in range(3)] == [0, 3, 6]
    assert _dataset(pose_store)[1]['frame_ids'][0] == T


def test_metainfo(pose_store):
    metainfo = _dataset(pose_store).metainfo
    assert metainfo['dataset_name'] == 'h36m'
    assert metainfo['num_keypoints'] == 17
    flip = metainfo['flip_indices']
    assert flip == [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
    assert _dataset(pose_store)[0]['flip_indices'] == flip
    # What MMPose's inferencer computes with, as numbers that compare.
    assert metainfo['stats_info'] == {'bbox_center': [528, 427], 'bbox_scale': 400}


def test_concatenates(pose_store):
    parts = [_dataset(pose_store, subjects=s, target=t) for s, t in _DOMAINS]
    both = ConcatDataset(parts)
    assert len(both) == len(parts[0]) + len(parts[1])
    assert both[0]['subject'] == 'S1' and 'lifting_target' in both[0]
    assert both[-1]['subject'] == 'S2' and 'lifting_target' not in both[-1]


def test_registered_and_relative_to_data_root(pose_store):
    config = dict(
        type='LiftingDataset',
        data_root=str(pose_store.parent),
        ann_file=pose_store.name,
        seq_len=T,
    )
    dataset = DATASETS.build(config)
    assert type(dataset) is LiftingDataset
    assert len(dataset) == len(_dataset(pose_store))


def test_filters(pose_store):
    def names(**options):
        dataset = _dataset(pose_store, **options)
        return {sample['sequence'] for sample in dataset}

    assert names(subjects=['S2'], actions='Sitting', cameras=['60457274']) == {
        'S2_Sitting.60457274'
    }
    assert {n[:2] for n in names(split='train')} == {'S1', 'S2'}
    assert {n[:2] for n in names(split='test')} == {'S3'}
    assert len(names(subjects=['S1', 'S3'])) == 8
    ids = {s['sequence_id'] for s in _dataset(pose_store, subjects='S3')}
    assert ids == {8, 9, 10, 11}


def test_subsets(pose_store):
    full = _dataset(pose_store, stride=3)
    names = [sample['sample_name'] for sample in full]
    assert len(set(names)) == len(names)

    def of(dataset):
        return [sample['sample_name'] for sample in dataset]

    assert of(_dataset(pose_store, stride=3, indices=4)) == names[:4]
    assert of(_dataset(pose_store, stride=3, indices=-4)) == names[-4:]
    assert of(_dataset(pose_store, stride=3, indices=[7, 2])) == [names[7], names[2]]
    assert of(full.get_subset([5])) == [names[5]]
    assert of(full) == names
    full.get_subset_(2)
    assert of(full) == names[:2]
    assert full[-1]['sample_idx'] == 1
    with pytest.raises(IndexError):
        full[2]


def test_samples_do_not_share_what_transforms_may_set(pose_store):
    dataset = _dataset(pose_store)
    first = dataset[0]
    first['camera_param']['w'] = 1
    first['subject'] = 'other'
    assert dataset[0]['camera_param']['w'] == 1000
    assert dataset[0]['subject'] == 'S1'
    with pytest.raises(ValueError, match='read-only'):
        dataset[0]['keypoints'][:] = 0
    with pytest.raises(ValueError, match='read-only'):
        dataset[0]['lifting_target_visible'][:] = 0


def test_store_without_camera_poses(pose_store, tmp_path):
    store = _edit(tmp_path / 'store', pose_store, drop=('pose_cam', 'scores_det'))
    sample = _dataset(store, target='image')[0]
    assert 'pose_cam' not in sample and 'factor' in sample
    with pytest.raises(ValueError, match="no field 'pose_cam', which.*it has"):
        _dataset(store)
    with pytest.raises(ValueError, match="no field 'scores_det'"):
        _dataset(store, target='image', keypoints_2d='det')


def test_lazy_init(pose_store, tmp_path):
    dataset = _dataset(tmp_path / 'later', lazy_init=True)
    assert dataset.metainfo['dataset_name'] == 'h36m'
    with pytest.raises(FileNotFoundError):
        dataset.full_init()
    dataset = _dataset(pose_store, lazy_init=True)
    assert len(dataset) == len(_dataset(pose_store))


def test_pickle_and_deepcopy(pose_store):
    dataset = _dataset(pose_store)
    data = pickle.dumps(dataset)
    assert len(data) < 20_000
    for other in (pickle.loads(data), copy.deepcopy(dataset), copy.copy(dataset)):
        assert len(other) == len(dataset)
        sample = other[3]
        assert sample['sample_name'] == dataset[3]['sample_name']
        np.testing.assert_array_equal(sample['pose_cam'], dataset[3]['pose_cam'])


def test_summary(pose_store):
    lines = (
        _dataset(pose_store, split='train', keypoints_2d='det').summary().split('\n')
    )
    assert '8 sequences, 208 frames -> 28 windows of 9 frames, stride 9' in lines[0]
    assert '2 subjects: S1, S2' in lines[1]
    assert '2D: detector; target: camera' in lines[2] and 'train' in lines[2]


def test_synthetic_data_is_made_on_first_use(pose_store, tmp_path, monkeypatch):
    calls = []

    def ensure_synthetic_store(path, **options):
        calls.append(options)
        _edit(path, pose_store)

    module = types.ModuleType('mmpose_ext.datasets.synthetic_store')
    module.ensure_synthetic_store = ensure_synthetic_store
    monkeypatch.setitem(sys.modules, module.__name__, module)
    dataset = _dataset(
        'made', data_root=tmp_path, synthetic=dict(seed=3), lazy_init=True
    )
    assert calls == []
    assert len(dataset) == len(_dataset(pose_store))
    assert calls == [dict(seed=3)] and (tmp_path / 'made' / 'header.json').is_file()


def test_errors_name_the_sample(pose_store):
    def fail(results):
        raise KeyError('oops')

    for transform, message in ((fail, 'KeyError'), (lambda results: None, 'None')):
        dataset = _dataset(pose_store, pipeline=[transform])
        with pytest.raises(RuntimeError, match=r'S1_Walking.54138969\[9:18\]') as error:
            dataset[1]
        assert message in str(error.value)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(seq_len=0), 'seq_len and stride must be at least 1, got 0'),
        (dict(stride=0), 'at least 1, got 9 and 0'),
        (dict(stride=3, seq_step=4), 'mean the same, got 3 and 4'),
        (dict(scored='middle'), r"one of \('all', 'centre'\), got 'middle'"),
        (dict(scored='centre', stride=3), 'leave stride and seq_step out'),
        (dict(tail='keep'), "tail must be one of .* got 'keep'"),
        (dict(short='keep'), "short must be one of .* got 'keep'"),
        (dict(keypoints_2d='cpn'), r"one of \('gt', 'det'\), got 'cpn'"),
        (dict(target='world'), r"one of \('camera', 'image', None\), got 'world'"),
        (dict(intrinsics=True), r"one of \('optional', 'required'\), got True"),
        (dict(without_valid='keep'), r"one of \('error', 'drop'\), got 'keep'"),
        (
            dict(subjects=['S1', 'S9']),
            r"unknown subject \['S9'\].*\['S1', 'S2', 'S3'\]",
        ),
        (dict(actions='Run'), r"unknown action \['Run'\].*\['Sitting', 'Walking'\]"),
        (dict(cameras='1'), 'unknown camera'),
        (dict(split='val'), r"unknown split \['val'\].*\['test', 'train'\]"),
        (dict(subjects='S1', split='test'), 'no sequence of .* passes all of'),
        (
            dict(seq_len=33, short='drop'),
            r'the longest has 32 frames, seq_len=33',
        ),
        (dict(ann_file='x'), 'give the folder of the FrameStore'),
    ],
)
def test_invalid(pose_store, options, message):
    with pytest.raises(ValueError, match=message):
        _dataset(pose_store, **options)


def test_invalid_path(tmp_path):
    with pytest.raises(ValueError, match='give the folder of the FrameStore'):
        _dataset('')
    with pytest.raises(FileNotFoundError, match='is not a FrameStore; make one with'):
        _dataset(tmp_path / 'nothing')


def test_invalid_joint_set(pose_store, tmp_path):
    store = _edit(tmp_path / 'store', pose_store, joint_set='coco17')
    for target in ('camera', None):
        with pytest.raises(ValueError, match="'coco17', LiftingDataset needs 'h36m17'"):
            _dataset(store, target=target)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda row, x: x[:, :16], r"'pose_cam' is float32 \[16, 3\], .* \[17, 3\]"),
        (lambda row, x: x[..., :2], r'is float32 \[17, 2\]'),
        (lambda row, x: x.astype(float), r'is float64 \[17, 3\], expected float32'),
    ],
)
def test_invalid_joint_count_and_type(pose_store, tmp_path, change, message):
    store = _edit(tmp_path / 'store', pose_store, 'pose_cam', change)
    with pytest.raises(ValueError, match=message):
        _dataset(store)


def _spoil(name, frame, channel, value=np.nan):
    def change(row, array):
        if row.name == name:
            array[frame, ..., channel] = value
        return array

    return change


@pytest.mark.parametrize('chunk', [7, 1 << 14])
def test_invalid_values(pose_store, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr('mmpose_ext.datasets.pose_store_checks._CHECK_FRAMES', chunk)
    name = 'S2_Walking.60457274'
    spoil = _spoil(name, 30, 0)
    cases = {
        'pose_cam': dict(),
        'pose_image': dict(),
        'keypoints_det': dict(keypoints_2d='det'),
    }
    for field, options in cases.items():
        store = _edit(tmp_path / field, pose_store, field, spoil)
        with pytest.raises(ValueError, match=f"{field!r} .*'{name}', frame 30;"):
            _dataset(store, **options)
        assert len(_dataset(store, **options, check_finite=False))
        assert len(_dataset(store, **options, subjects=['S1', 'S3']))
    # The depth channel of pose_image and the detections do not matter here.
    depth = _spoil(name, 3, 2, np.inf)
    store = _edit(tmp_path / 'depth', pose_store, 'pose_image', depth)
    assert len(_dataset(store))
    with pytest.raises(ValueError, match=f"'pose_image' .*'{name}', frame 3;"):
        _dataset(store, target='image')
    assert len(_dataset(tmp_path / 'keypoints_det'))


def test_invalid_factor_only_matters_where_it_is_needed(pose_store, tmp_path):
    def change(row, factor):
        return np.full_like(factor, np.nan) if row.split == 'test' else factor

    store = _edit(tmp_path / 'store', pose_store, 'factor', change)
    for options in (dict(target='image'), dict(test_mode=True)):
        assert len(_dataset(store, **options))
    with pytest.raises(ValueError, match="'factor' is not finite in sequence 'S3_"):
        _dataset(store, target='image', test_mode=True)


def test_invalid_image_size(pose_store, tmp_path):
    old = FrameStore(pose_store)
    row = old.sequences[0]
    with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50) as writer:
        arrays = {n: old[n][: row.length].copy() for n in old}
        writer.add_sequence(type(row)(name='bare'), arrays)
    with pytest.raises(ValueError, match="'bare' has no image_size"):
        _dataset(tmp_path / 'store')


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('valid', np.ones(8, np.float32), r'float32 \[\], expected bool'),
        (
            'joint_valid',
            np.ones((8, 16), np.float32),
            r'\[16\], expected float32 \[17\]',
        ),
        ('joint_valid', np.full((8, 17), np.nan, np.float32), 'not finite'),
        ('activity', np.ones(8, np.uint8), 'does not name the activities'),
    ],
)
def test_invalid_masks(pose_store, tmp_path, field, value, message):
    old = FrameStore(pose_store)
    with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50) as writer:
        arrays = {name: old[name][:8].copy() for name in old}
        writer.add_sequence(old.sequences[0], {**arrays, field: value})
    with pytest.raises(ValueError, match=f'{field}.*{message}'):
        _dataset(tmp_path / 'store')


def test_invalid_sequence_without_frames(pose_store, tmp_path):
    old = FrameStore(pose_store)
    with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50) as writer:
        for row, frames in zip(old.sequences, (12, 0), strict=False):
            writer.add_sequence(row, {name: old[name][:frames].copy() for name in old})
    with pytest.raises(ValueError, match="'S1_Walking.60457274' has no frames"):
        _dataset(tmp_path / 'store')
    assert len(_dataset(tmp_path / 'store', cameras='54138969')) == 2


@pytest.mark.parametrize('num_workers', [0, 2])
def test_in_runner(pose_store, num_workers):
    init_default_scope('mmpose')
    dataset = _dataset(pose_store, pipeline=[_Keep()])
    loader = Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=num_workers,
            dataset=dataset,
            sampler=dict(type=DefaultSampler, shuffle=False),
            collate_fn=pseudo_collate,
        ),
        seed=0,
    )
    batches = list(loader)
    names = [name for batch in batches for name in batch['data_samples']]
    assert names == [
        dataset.get_data_info(i)['sample_name'] for i in range(len(dataset))
    ]
    inputs = torch.stack([x for batch in batches for x in batch['inputs']])
    expected = np.stack(
        [dataset.get_data_info(i)['keypoints'] for i in range(len(names))]
    )
    np.testing.assert_array_equal(inputs.numpy(), expected)


def test_features(pose_store, tmp_path):
    """Further fields travel with the window, padded frames included."""
    store = FrameStore(_edit(tmp_path / 'store', pose_store))
    frames = np.arange(len(store), dtype=np.float16).reshape(-1, 1, 1, 1)
    maps = frames + np.zeros((1, 2, 3, 4), dtype=np.float16)
    add_field(
        store.path,
        'maps',
        {row.name: maps[row.start :][: row.length] for row in store.sequences},
        progress=False,
    )
    longest = max(row.length for row in store.sequences)
    dataset = _dataset(store.path, seq_len=longest + 3, features=['maps'])
    for sample in (dataset[0], pickle.loads(pickle.dumps(dataset))[0]):
        row = store.sequences[sample['sequence_id']]
        found = sample['features']['maps']
        assert found.shape == (longest + 3, 2, 3, 4)
        assert np.array_equal(found[:, 0, 0, 0], row.start + sample['frame_ids'])
    sample['keypoint_labels'] = sample['keypoints']
    packed = PackLiftingInputs()(sample)['inputs']
    assert set(packed) == {'keypoints', 'maps'}
    assert packed['maps'].dtype == packed['keypoints'].dtype == torch.float32
    assert 'features' not in _dataset(store.path)[0]
    with pytest.raises(ValueError, match=r"no field 'other'.*features=\['other'\]"):
        _dataset(store.path, features='other')


class TestWithoutTarget:
    """2D alone, as an unlabelled domain has it."""

    @pytest.fixture(autouse=True)
    def scope(self):
        init_default_scope('mmpose')

    def spoilt(self, path, source):
        """A store whose 3D is NaN wherever there is some."""
        store = _edit(path, source, 'pose_image', _spoil_all(2))
        store = _edit(f'{path}_b', store, 'pose_cam', _spoil_all(slice(None)))
        return _edit(f'{path}_c', store, 'factor', _spoil_all(()))

    def test_3d_is_never_read(self, pose_store, tmp_path):
        store = self.spoilt(tmp_path / 'store', pose_store)
        plain = _dataset(pose_store)
        dataset = _dataset(store, target=None, pipeline=_PIPELINE)
        assert len(dataset) == len(plain)
        for index in range(len(dataset)):
            sample = dataset.get_data_info(index)
            absent = {'lifting_target', 'pose_cam', 'factor', 'root_cam'}
            assert not absent & set(sample)
            expected = plain.get_data_info(index)['keypoints']
            np.testing.assert_array_equal(sample['keypoints'], expected)
            data = dataset[index]['data_samples']
            assert set(data.gt_instances.keys()) == set()
            assert set(data.gt_instance_labels.keys()) == {'lifting_target_weight'}
        assert set(dataset._columns) == {'keypoints'}
        assert dataset._joint_valid is None
        assert '2D: ground truth; target: none' in dataset.summary()
        with pytest.raises(ValueError, match="'pose_cam' is not finite"):
            _dataset(store)

    def test_store_without_3d(self, pose_store, tmp_path):
        drop = ('pose_cam', 'pose_image', 'factor')
        store = _edit(tmp_path / 'store', pose_store, drop=drop)
        dataset = _dataset(store, target=None, keypoints_2d='det')
        expected = FrameStore(pose_store)['keypoints_det'][:T]
        np.testing.assert_array_equal(dataset[0]['keypoints'], expected)
        for options in (dict(keypoints_2d='gt'), dict(target_root=True)):
            options = {'keypoints_2d': 'det', **options}
            with pytest.raises(ValueError, match='no field .*target=None'):
                _dataset(store, target=None, **options)

    @pytest.mark.parametrize('keypoints_2d', ['gt', 'det'])
    def test_weight(self, keypoints_2d, pose_store, tmp_path):
        """Projections of unknown joints are unknown too, detections are not."""
        store = FrameStore(_masked(tmp_path / 'store', pose_store))
        options = dict(keypoints_2d=keypoints_2d, seq_len=12, tail='pad')
        dataset = _dataset(store.path, target=None, without_valid='drop', **options)
        plain = {s['sample_name']: s for s in _dataset(store.path, **options)}
        assert len(plain) - 4 < len(dataset) <= len(plain)
        for sample in dataset:
            labelled = plain[sample['sample_name']]
            row = store.sequences[sample['sequence_id']]
            frames = row.start + sample['frame_ids']
            weight = np.repeat(store['valid'][frames, None], 17, axis=1)
            weight[1:] *= (np.diff(sample['frame_ids']) > 0)[:, None]
            if keypoints_2d == 'gt':
                weight = weight * store['joint_valid'][frames]
            np.testing.assert_array_equal(sample['lifting_target_visible'], weight)
            expected = labelled['score_mask']
            np.testing.assert_array_equal(sample['score_mask'], expected)

    def test_true_root(self, pose_store, tmp_path):
        def spoil(row, pose):
            pose[:, 1:] = np.nan
            return pose

        store = _edit(tmp_path / 'store', pose_store, 'pose_cam', spoil)
        options = dict(target=None, target_root=True, test_mode=True)
        dataset = _dataset(store, pipeline=_PIPELINE, **options)
        sample = dataset[1]['data_samples']
        root = FrameStore(pose_store)['pose_cam'][T : 2 * T, 0]
        np.testing.assert_array_equal(sample.metainfo['root_cam'], root)
        assert 'pose_cam' not in sample.gt_instances
        assert dataset.metainfo['protocol']['root'] == 'ground truth'
        assert 'root: ground truth' in dataset.summary()
        labelled = _dataset(pose_store, target_root=True)[1]
        np.testing.assert_array_equal(labelled['root_cam'], root)
        store = _edit(tmp_path / 'bad', pose_store, 'pose_cam', _spoil_all(0))
        with pytest.raises(ValueError, match="'pose_cam' is not finite"):
            _dataset(store, **options)

    def test_windows_without_a_valid_frame(self, pose_store, tmp_path):
        old = FrameStore(pose_store)
        with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50) as writer:
            for row in old.sequences:
                rows = slice(row.start, row.start + row.length)
                valid = np.ones(row.length, dtype=bool)
                if row.name == 'S2_Walking.60457274':
                    valid[7:20] = False
                    valid[-2:] = False
                if row.name == 'S1_Walking.54138969':
                    # Windows of which only the last or the first frame is valid.
                    valid[:8] = valid[10:18] = False
                if row.split == 'test':
                    valid[:] = False
                arrays = {name: old[name][rows].copy() for name in old}
                writer.add_sequence(row, {**arrays, 'valid': valid})
        store = tmp_path / 'store'
        options = dict(target=None, split='train')
        message = r'1 of 28 windows .* no valid frame, .*S2_Walking.60457274\[9:18\]'
        with pytest.raises(ValueError, match=message):
            _dataset(store, **options)
        plain = [sample['sample_name'] for sample in _dataset(store, split='train')]
        dataset = _dataset(store, **options, without_valid='drop')
        kept = [sample['sample_name'] for sample in dataset]
        assert set(plain) - set(kept) == {'S2_Walking.60457274[9:18]'}
        assert len(kept) == 27
        assert len(_dataset(store, **options, scored='centre'))
        assert len(_dataset(store, target=None, subjects='S1')) == 12
        for without_valid in ('error', 'drop'):
            with pytest.raises(ValueError, match='8 of 8 windows'):
                _dataset(store, target=None, split='test', without_valid=without_valid)

    @pytest.mark.parametrize(
        'intrinsics',
        [
            None,
            {'f': [1000, 1000]},
            {'f': [1000, 1000], 'c': None},
            {'f': 1000, 'c': [500, 500]},
            {'f': [0, 1000], 'c': [500, 500]},
            {'f': [1000, float('nan')], 'c': [500, 500]},
        ],
    )
    def test_required_intrinsics(self, intrinsics, pose_store, tmp_path):
        old = FrameStore(pose_store)
        with FrameStoreWriter(tmp_path / 'store', joint_set='h36m17', fps=50) as writer:
            for row in old.sequences[:3]:
                rows = slice(row.start, row.start + row.length)
                if row is old.sequences[1]:
                    row = dataclasses.replace(row, intrinsics=intrinsics)
                writer.add_sequence(row, {name: old[name][rows].copy() for name in old})
        options = dict(target=None, intrinsics='required')
        message = r"'S1_Walking.60457274' has the intrinsics .*'f'.*'c' are needed"
        with pytest.raises(ValueError, match=message):
            _dataset(tmp_path / 'store', **options)
        assert len(_dataset(tmp_path / 'store', **options, cameras='54138969'))
        assert len(_dataset(pose_store, **options))

    def test_pickle(self, pose_store):
        dataset = _dataset(pose_store, target=None, target_root=True)
        again = pickle.loads(pickle.dumps(dataset))[2]
        assert set(again) == set(dataset[2]) and 'lifting_target' not in again


def _spoil_all(channel):
    def change(row, array):
        array[(..., channel) if channel != () else ...] = np.nan
        return array

    return change
