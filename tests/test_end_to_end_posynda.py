"""Adaptation: source training, then a small PoSynDA run, killed, resumed and tested."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from killed_run import Killed, KillHook, log_of
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_ext.engine.checkpoints import load_checkpoint

ROOT = Path(__file__).parents[1]
STEPS = 4


@pytest.fixture(scope='module')
def tiny(pose_store):
    """Loads a config of the family with the small store and a small model."""

    def load(name, work_dir, *, epochs=False, **options):
        cfg = Config.fromfile(ROOT / f'configs/posynda/{name}.py')
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            loader = cfg[key]
            loader.update(batch_size=4, num_workers=0, persistent_workers=False)
            for data in loader.dataset.get('datasets', [loader.dataset]):
                data.store = str(pose_store)
        # Stochastic depth, as in the configs of full size.
        cfg.model.backbone.update(
            embed_dims=8, num_heads=2, depth=2, drop_path_rate=0.5
        )
        cfg.model.head.update(in_channels=8)
        cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
        cfg.default_hooks.checkpoint.interval = 2
        cfg.default_hooks.checkpoint.max_keep_ckpts = -1
        cfg.default_hooks.logger.interval = 1
        del cfg.default_hooks.learning_curve
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = f'{name}_{Path(work_dir).name}_{len(options)}'
        cfg.merge_from_dict(options)
        return cfg

    return load


@pytest.fixture(scope='module')
def source(tiny, tmp_path_factory):
    """The checkpoint of a source."""
    work_dir = tmp_path_factory.mktemp('source')
    Runner.from_cfg(tiny('d3dp_mocap_9', work_dir)).train()
    return work_dir / f'iter_{STEPS}.pth'


@pytest.fixture(scope='module')
def adapted(tiny, source, tmp_path_factory):
    """An uninterrupted adaptation."""
    work_dir = tmp_path_factory.mktemp('adapted')
    runner = Runner.from_cfg(tiny('posynda_mocap_9', work_dir, load_from=str(source)))
    runner.train()
    return SimpleNamespace(
        work_dir=work_dir,
        checkpoint=work_dir / f'iter_{STEPS}.pth',
        metrics=runner.test(),
    )


def plain(name: str) -> str:
    return name.replace('.base_layer.', '.')


def test_adapts(source, adapted):
    """Only the adapters and the bias move; the rest is the source's, bit by bit."""
    before = load_checkpoint(source)['state_dict']
    after = load_checkpoint(adapted.checkpoint)['state_dict']
    small = {name for name in after if '.lora_' in name or name == 'bias.bias'}
    assert {plain(name) for name in after if name not in small} == set(before)
    for name, value in after.items():
        if name not in small:
            assert torch.equal(value, before[plain(name)]), name
    assert all(after[name].any() for name in small)
    assert 0 < adapted.metrics['MPJPE'] < 2000
    assert not any(adapted.work_dir.glob('best_*')), 'no choice by the score'
    log = log_of(adapted.work_dir)
    assert 'reprojection' in log and 'adaptation: inductive' in log


@pytest.mark.parametrize('teacher', [None, dict(momentum=0.5)])
def test_killed_run_ends_where_the_uninterrupted_one_does(
    teacher, tiny, source, tmp_path
):
    options = {'model.teacher': teacher, 'load_from': str(source)}
    whole = tmp_path / 'whole'
    Runner.from_cfg(tiny('posynda_mocap_9', whole, **options)).train()
    killed = Runner.from_cfg(tiny('posynda_mocap_9', tmp_path / 'killed', **options))
    killed.register_hook(KillHook(3))
    with pytest.raises(Killed):
        killed.train()
    options.update(resume=True, load_from=None)  # what `tools/train.py --resume` does
    resumed = tiny('posynda_mocap_9', tmp_path / 'killed', **options)
    Runner.from_cfg(resumed).train()
    expected, found = (
        load_checkpoint(folder / f'iter_{STEPS}.pth')['state_dict']
        for folder in (whole, tmp_path / 'killed')
    )
    assert expected.keys() == found.keys()
    assert not [k for k, v in expected.items() if not torch.equal(found[k], v)]
    assert any(k.startswith('teacher.') for k in expected) == (teacher is not None)


def test_target_3d_is_never_read(tiny, source, adapted, tmp_path, pose_store):
    """A target store with spoilt 3D gives the same weights."""
    from mmpose_ext.datasets.frame_store import FrameStore

    spoilt = tmp_path / 'spoilt'
    FrameStore(pose_store)  # the store that is copied is whole
    spoilt.mkdir()
    for file in Path(pose_store).iterdir():
        (spoilt / file.name).write_bytes(file.read_bytes())
    for name, part in (('pose_cam', np.s_[:]), ('pose_image', np.s_[..., 2])):
        array = np.load(spoilt / f'{name}.npy', mmap_mode='r+')
        array[part] = np.nan
        array.flush()
    cfg = tiny('posynda_mocap_9', tmp_path / 'run', load_from=str(source))
    cfg.train_dataloader.dataset.datasets[1].store = str(spoilt)
    Runner.from_cfg(cfg).train()
    expected = load_checkpoint(adapted.checkpoint)['state_dict']
    found = load_checkpoint(tmp_path / 'run' / f'iter_{STEPS}.pth')['state_dict']
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_upper_bound_trains_everything(tiny, source, tmp_path):
    cfg = tiny('d3dp_mocap_target_9', tmp_path, load_from=str(source))
    Runner.from_cfg(cfg).train()
    before = load_checkpoint(source)['state_dict']
    after = load_checkpoint(tmp_path / f'iter_{STEPS}.pth')['state_dict']
    assert before.keys() == after.keys()
    assert not [
        name for name, value in before.items() if torch.equal(after[name], value)
    ]
