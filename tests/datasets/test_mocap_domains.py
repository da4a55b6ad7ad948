"""The source and target domains of the motion capture, as the configs name them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

DATASETS = Path(__file__).parents[2] / 'configs/_base_/datasets'
STORES = ('data/mocap_source', 'data/mocap_target')


def load(name):
    return Config.fromfile(DATASETS / f'{name}.py')


def write_child(tmp_path, body):
    """A config that inherits from the adaptation."""
    file = tmp_path / 'child.py'
    file.write_text(f'_base_ = {str(DATASETS / "mocap_adaptation.py")!r}\n{body}')
    return Config.fromfile(file)


def parts_of(cfg):
    return [
        (part.store, part.split, part.target)
        for part in cfg.train_dataloader.dataset.datasets
    ]


def test_people_are_apart():
    split, people = load('mocap_split'), load('mocap_domains/people')
    named = [name for name in split.train_subjects if not name.startswith('x_')]
    unnamed = [name for name in split.train_subjects if name.startswith('x_')]
    assert people.source_subjects == named[::2] + unnamed
    assert people.target_subjects == named[1::2]
    assert people.test_subjects == split.test_subjects


def test_stores():
    source, target, adaptation = map(
        load, ('mocap_source', 'mocap_target', 'mocap_adaptation')
    )
    assert source.train_dataloader.dataset.store == 'data/mocap_source'
    assert target.train_dataloader.dataset.store == 'data/mocap_target'
    assert parts_of(adaptation) == [
        ('data/mocap_source', 'train', 'camera'),
        ('data/mocap_target', 'train', None),
    ]
    for cfg in (source, target, adaptation):
        for loader in (cfg.val_dataloader, cfg.test_dataloader):
            assert loader.dataset.store == 'data/mocap_target'
            assert (loader.dataset.split, loader.dataset.target) == ('test', 'camera')
            assert loader.dataset.test_mode
        assert cfg.test_evaluator.type == 'PoseLiftingMetric'
        assert eval(repr(cfg.to_dict())) == cfg.to_dict(), 'plain values only'
    labelled, unlabelled = adaptation.train_dataloader.dataset.datasets
    assert unlabelled.intrinsics == 'required'
    assert labelled == source.train_dataloader.dataset
    assert {*STORES} == {labelled.store, unlabelled.store}


def test_transductive_child(tmp_path):
    cfg = write_child(
        tmp_path,
        'train_dataloader = dict(dataset=dict(datasets=['
        "_base_.source, {**_base_.target, 'split': 'test'}]))\n",
    )
    assert parts_of(cfg) == [
        ('data/mocap_source', 'train', 'camera'),
        ('data/mocap_target', 'test', None),
    ]


@pytest.mark.parametrize('name', ['mocap_source', 'mocap_target', 'mocap_adaptation'])
def test_in_loader(name, make_pose_store, tmp_path, monkeypatch):
    """Every loader of the configs gives batches, from small stores."""
    monkeypatch.chdir(tmp_path)
    for seed, store in enumerate(STORES):
        (tmp_path / store).parent.mkdir(exist_ok=True)
        make_pose_store(tmp_path / store, seed=seed)
    init_default_scope('mmpose')
    cfg = load(name)
    for key in ('train_dataloader', 'test_dataloader'):
        loader = Runner.build_dataloader(cfg[key], seed=0)
        samples = next(iter(loader))
        assert samples['inputs'][0].shape == (9, 17, 2)
        labelled = [
            'lifting_target_label' in sample.gt_instance_labels
            for sample in samples['data_samples']
        ]
        if name == 'mocap_adaptation' and key == 'train_dataloader':
            in_turn = itertools.islice(itertools.cycle([True, False]), len(labelled))
            assert labelled == list(in_turn) and len(labelled) == 32
        else:
            assert all(labelled)
        # End the workers, which outlive the iterator.
        loader._iterator = None
