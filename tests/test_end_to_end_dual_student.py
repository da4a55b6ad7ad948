"""Rendered people: small runs of the family, killed, resumed, tested, exported."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from killed_run import Killed, KillHook
from mmengine.config import Config
from mmengine.runner import Runner

from mmpose_ext.datasets.synthetic_coco import write_coco
from mmpose_ext.engine.checkpoints import load_checkpoint

ROOT = Path(__file__).parents[1]
STEPS = 4


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    """A folder of pictures in COCO's layout."""
    folder = tmp_path_factory.mktemp('people') / 'coco'
    return write_coco(
        folder, num_images=8, num_val_images=3, max_people=2, size=(160, 120)
    )


@pytest.fixture(scope='module')
def tiny(people):
    """Loads a config of the family with few people and a narrow network."""

    def point_at(node):
        """Every data set to the small folder."""
        if 'data_root' in node:
            node.data_root = f'{people}/'
        for key in ('dataset', 'labelled'):
            if isinstance(node.get(key), dict):
                point_at(node[key])

    def load(name, work_dir, **options):
        cfg = Config.fromfile(ROOT / f'configs/dual_student/{name}.py')
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            loader = cfg[key]
            loader.update(batch_size=4, num_workers=0, persistent_workers=False)
            point_at(loader)
        data = cfg.train_dataloader.dataset
        data.get('labelled', data).num_instances = 4
        for key in ('val_evaluator', 'test_evaluator'):
            cfg[key].scored_by[0].ann_file = cfg.val_dataloader.dataset.ann_file = str(
                people / 'annotations/person_keypoints_val2017.json'
            )
        for network in cfg.model.get('students') or [
            cfg.model.get('student', cfg.model)
        ]:
            network.backbone.base_channels = 8
            network.head.update(in_channels=64, deconv_out_channels=(8, 8, 8))
        cfg.optim_wrapper.type = 'OptimWrapper'
        cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
        cfg.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=-1)
        cfg.default_hooks.logger.interval = 1
        cfg.default_hooks.collapse_monitor.update(interval=1, burn_in=0)
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = f'{name}_{Path(work_dir).name}_{len(options)}'
        cfg.merge_from_dict(options)
        return cfg

    return load


@pytest.fixture(scope='module')
def trained(tiny, tmp_path_factory):
    """An uninterrupted run of the method."""
    work_dir = tmp_path_factory.mktemp('trained')
    runner = Runner.from_cfg(tiny('dual_jc_synthetic', work_dir))
    runner.train()
    return SimpleNamespace(
        work_dir=work_dir,
        checkpoint=work_dir / f'iter_{STEPS}.pth',
        scores=runner.test(),
    )


def test_trains_and_scores(trained):
    networks = {name.partition('/')[0] for name in trained.scores}
    assert networks == {'student0', 'student1', 'ensemble', 'mean'}
    one, other = (trained.scores[f'student{k}/PCK'] for k in (0, 1))
    assert trained.scores['mean/PCK'] == pytest.approx((one + other) / 2)
    assert all(math.isfinite(value) for value in trained.scores.values())
    assert list(trained.work_dir.glob('best_mean_AP_*.pth'))
    assert (trained.work_dir / 'collapse.png').stat().st_size > 1000


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('dual_jc_synthetic', {}),
        (
            'single_synthetic',
            {'model.teacher': dict(type='ExponentialMovingAverage', momentum=0.1)},
        ),
    ],
)
def test_killed_run_ends_where_the_uninterrupted_one_does(
    name, options, tiny, tmp_path
):
    Runner.from_cfg(tiny(name, tmp_path / 'whole', **options)).train()
    killed = Runner.from_cfg(tiny(name, tmp_path / 'killed', **options))
    killed.register_hook(KillHook(3))
    with pytest.raises(Killed):
        killed.train()
    Runner.from_cfg(tiny(name, tmp_path / 'killed', resume=True, **options)).train()
    expected, found = (
        load_checkpoint(tmp_path / run / f'iter_{STEPS}.pth')['state_dict']
        for run in ('whole', 'killed')
    )
    assert expected.keys() == found.keys()
    assert not [k for k, v in expected.items() if not torch.equal(found[k], v)]


def test_supervised_then_pseudo_labels(tiny, tmp_path):
    """The checkpoint of the supervised run is the teacher of the next."""
    Runner.from_cfg(tiny('supervised_synthetic', tmp_path / 'teacher')).train()
    checkpoint = tmp_path / 'teacher' / f'iter_{STEPS}.pth'
    teacher = dict(type='FrozenTeacher', checkpoint=str(checkpoint))
    options = {'model.teacher': teacher}
    Runner.from_cfg(tiny('single_synthetic', tmp_path / 'student', **options)).train()
    before = load_checkpoint(checkpoint)['state_dict']
    after = load_checkpoint(tmp_path / 'student' / f'iter_{STEPS}.pth')['state_dict']
    for name, value in before.items():
        assert torch.equal(after[f'teacher.network.{name}'], value), name
