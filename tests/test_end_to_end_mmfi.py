"""Small configs of MM-Fi's sensors on files in which much is broken."""

from __future__ import annotations

import json
import math
from pathlib import Path

import mmfi_format
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.mmfi_conversion import convert_tree

ROOT = Path(__file__).parents[1]
PEOPLE, FRAMES, BATCH = ('S01', 'S02', 'S11'), 5, 5
METHODS = {
    'attention': {},
    'mlp': {},
    'awc': {'default_hooks.fisher.window': 1, 'default_hooks.fisher.num_batches': 2},
    'relearning': {'default_hooks.relearning.epoch': 0},
    'gradient_blending': {
        'default_hooks.blending.super_epoch': 1,
        'default_hooks.blending.num_batches': 1,
    },
    'ogm_ge': {},
    'agm': {},
    'modality_resampling': {'default_hooks.resampling.warm_up': 1},
    'mm_pareto': {},
    'wifi': {},
}


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """Of three people; the second one has no radar point, its last frame no LiDAR."""
    root = tmp_path_factory.mktemp('broken')
    contents = mmfi_format.write_tree(
        root / 'tree', PEOPLE, actions=('A02',), frames=FRAMES
    )

    def file_of(subject, modality, number):
        return mmfi_format.frame_file(root / 'tree', subject, 'A02', modality, number)

    for subject in PEOPLE:
        content = contents[subject, 'A02']
        amplitude, phase = content['wifi-csi']
        amplitude[1], phase[1] = np.nan, np.nan
        amplitude[2, ..., 4], phase[2, ..., 4] = -np.inf, 0
        for i in (1, 2):
            file = file_of(subject, 'wifi-csi', i + 1)
            mmfi_format.write_frame(file, 'wifi-csi', content, i)
        file_of(subject, 'rgb', 4).unlink()
    for number in range(1, FRAMES + 2):
        file_of('S02', 'mmwave', number).write_bytes(b'')
    file_of('S02', 'lidar', FRAMES + 1).write_bytes(b'')
    convert_tree(root / 'tree', root / 'store')
    return root / 'store'


def load(name, store, work_dir, **options):
    """A small config on these files: 11 frames to train, the last batch is of one."""
    cfg = Config.fromfile(ROOT / f'configs/mmfi/{name}_synthetic.py')
    lists = {
        part: dict(subjects=list(people), actions=['A02'])
        for part, people in (('train', PEOPLE[:2]), ('val', PEOPLE[2:]))
    }
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        loader.dataset.update(
            dict(store=str(store), mmfi=None, empty_radar='keep'),
            split='manual',
            manual=lists,
        )
    cfg.train_dataloader.drop_last = False
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    cfg.default_hooks.logger.interval = 1
    cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    # Drawing takes longer than the training.
    del cfg.default_hooks.learning_curve
    cfg.work_dir, cfg.experiment_name = str(work_dir), Path(work_dir).name
    cfg.merge_from_dict(METHODS.get(name, {}) | options)
    return cfg


def trained(*args, **options):
    runner = Runner.from_cfg(load(*args, **options))
    runner.train()
    return runner


def test_the_files_are_broken(store):
    store = FrameStore(store)
    valid = store['modality_valid'].tolist()
    ordinary = [15, 15 - 4 - 8, 15, 15 - 1, 15]
    without_radar = [bits & ~4 for bits in ordinary]
    assert valid == [*ordinary, *without_radar, 15 - 2 - 4, *ordinary]


@pytest.mark.parametrize('name', METHODS)
def test_never_nan(name, store, tmp_path):
    """Frames without a sensor, points or packets, and a batch of one."""
    runner = trained(name, store, tmp_path / name)
    assert all(value.isfinite().all() for value in runner.model.state_dict().values())
    scores = json.loads((tmp_path / name / 'contributions.json').read_text())
    assert scores['epochs'] == [1, 2]
    for column in ('scores', 'deviations_mm'):
        for values in scores[column].values():
            assert np.isfinite(values).all()
    metrics = runner.val_loop.run()
    assert len([n for n in metrics if n.startswith('MPJPE/subset/')]) == (
        1 if name == 'wifi' else 15
    )
    assert all(map(math.isfinite, metrics.values()))
    for group in ('action/A02', 'subject/S11', 'environment/E02'):
        assert metrics[f'root/MPJPE/{group}'] == metrics['root/MPJPE']


def test_resumed(store, tmp_path):
    options = {'default_hooks.fisher.window': 2}
    whole = trained('awc', store, tmp_path / 'whole', **options)
    file = tmp_path / 'whole' / 'epoch_1.pth'
    again = trained(
        'awc', store, tmp_path / 'again', load_from=str(file), resume=True, **options
    )
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value), name
    assert again.test() == whole.test()


def test_fewer_sensors_at_test_time(store, tmp_path):
    """The errors of a subset, without the other sensors' data."""
    whole = trained('mlp', store, tmp_path / 'whole')
    expected = whole.test()
    for names in (['lidar'], ['rgb', 'wifi']):
        options = {
            'model.test_cfg': dict(modalities=names),
            'test_dataloader.dataset.modalities': names,
            'load_from': str(tmp_path / 'whole' / 'epoch_2.pth'),
        }
        cfg = load('mlp', store, tmp_path / '_'.join(names), **options)
        found = Runner.from_cfg(cfg).test()
        for metric in ('MPJPE', 'P-MPJPE', 'root/MPJPE'):
            same = expected[f'{metric}/subset/{"+".join(names)}']
            assert found[metric] == pytest.approx(same, rel=1e-5)
        of_subsets = [name for name in found if name.startswith('MPJPE/subset/')]
        assert len(of_subsets) == 2 ** len(names) - 1
