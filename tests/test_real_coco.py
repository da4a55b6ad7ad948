"""Real COCO: its people are read, trained on and scored; 80 pictures of train2017."""

from __future__ import annotations

import json
import math
from pathlib import Path

import loss_recorder  # noqa: F401
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import MODELS

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / 'shared/data/coco_mini'
FILE = 'annotations/person_keypoints_train2017.json'
NUM_PEOPLE, NUM_LABELLED = 86, 62

pytestmark = pytest.mark.skipif(
    not REAL.exists(), reason='real COCO is not here: ../shared/data/coco_mini'
)


@pytest.fixture
def cfg(tmp_path):
    """The config of the paper's Table 1 with this folder and narrow students."""
    cfg = Config.fromfile(ROOT / 'configs/dual_student/dual_r18_coco.py')
    loaders = dict(num_workers=0, persistent_workers=False)
    here = dict(data_root=f'{REAL}/', ann_file=FILE)
    pictures = dict(data_prefix=dict(img='train2017/'))
    people = dict(labelled=dict(dataset=here, num_instances=NUM_LABELLED))
    backbone = dict(base_channels=8, init_cfg=None)
    head = dict(in_channels=64, deconv_out_channels=(8, 8, 8))
    cfg.merge_from_dict(
        {
            'train_dataloader': dict(**loaders, batch_size=16, dataset=people),
            'val_dataloader': dict(**loaders, dataset=dict(**here, **pictures)),
            'val_evaluator.scored_by.0.ann_file': str(REAL / FILE),
            'train_cfg': dict(max_epochs=1, val_interval=1),
            'model.students.0': dict(backbone=backbone, head=head),
            'model.students.1': dict(backbone=backbone, head=head),
            'default_hooks.recorder': dict(type='LossRecorder'),
            'work_dir': str(tmp_path),
        }
    )
    init_default_scope('mmpose')
    return cfg


def test_trains_and_scores(cfg, tmp_path):
    runner = Runner.from_cfg(cfg)
    runner.train()
    labelled, unlabelled = runner.train_dataloader.dataset.datasets
    assert len(labelled) == NUM_LABELLED
    assert len(unlabelled) == NUM_PEOPLE - NUM_LABELLED
    assert not set(labelled.ids) & set(unlabelled.ids)
    losses = json.loads((tmp_path / 'losses.json').read_text())
    assert len(losses) == 3, 'an epoch is a pass over the unlabelled people'
    assert all(math.isfinite(loss) and loss > 0 for loss in losses)
    scalars = (tmp_path / runner.timestamp / 'vis_data/scalars.json').read_text()
    scores = json.loads(scalars.splitlines()[-1])
    for network in ('student0', 'student1', 'ensemble', 'mean'):
        for name in ('AP', 'AP .5', 'AR'):
            assert 0 <= scores[f'{network}/{name}'] <= 1


def from_file(sample):
    """The labels as a prediction; joints without one are in the middle of the box."""
    truth = sample.gt_instances
    middle = truth.bboxes.reshape(-1, 1, 2, 2).mean(2)
    visible = truth.keypoints_visible > 0
    keypoints = np.where(visible[..., None], truth.keypoints, middle)
    return InstanceData(keypoints=keypoints, keypoint_scores=np.ones(visible.shape))


def test_joints_are_those_of_the_file(cfg):
    """Labels score 1, a network that sees them almost, one that swaps sides nothing."""
    dataset = cfg.val_dataloader.dataset
    dataset.pipeline.insert(-1, dict(type='GenerateTarget', encoder=cfg.codec))
    loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    model = MODELS.build(cfg.model).eval()
    evaluator = Evaluator(cfg.val_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    sides = loader.dataset.metainfo['flip_indices']
    for batch in loader:
        true = torch.stack([s.gt_fields.heatmaps for s in batch['data_samples']])
        for student, seen in zip(model.students, (true, true[:, sides]), strict=True):
            student.forward = lambda *_, seen=seen, **__: seen
        samples = model.val_step(batch)
        for sample in samples:
            sample.set_field(from_file(sample), 'pred_exact')
        evaluator.process(samples, batch)
    assert len(loader.dataset) == NUM_PEOPLE
    scores = evaluator.evaluate(NUM_PEOPLE)
    assert scores['exact/AP'] == pytest.approx(1.0)
    assert scores['student0/AP'] > 0.95, 'but for the size of a cell of the heatmap'
    assert scores['student1/AP'] < 0.05
