import numpy as np
import pytest
import torch
import untrained
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from mmpose_ext.engine.inference import (
    build_scored_dataset,
    evaluator_configs,
    lift_dataset,
    split_features,
)

FRAMES = 2 * (12 + 13)
"""Of the test split of `pose_store`."""


@pytest.fixture
def build(pose_store, monkeypatch):
    """Config, model and scored data of a config of `fixtures`."""
    monkeypatch.setenv('POSE_STORE', str(pose_store))

    def run(name='tiny_prml', **options):
        cfg = Config.fromfile(str(untrained.FIXTURES / f'{name}.py'))
        cfg.merge_from_dict(options)
        init_default_scope('mmpose')
        torch.manual_seed(0)
        return cfg, MODELS.build(cfg.model).eval(), build_scored_dataset(cfg)

    return run


def test_shapes(build):
    _, model, dataset = build()
    frames = lift_dataset(model, dataset, batch_size=7)
    assert len(frames) == FRAMES
    assert frames.pred.shape == frames.truth.shape == (FRAMES, 17, 3)
    assert frames.inputs.shape == (FRAMES, 17, 3)
    assert frames.features == {}
    order = np.lexsort((frames.frame, frames.sequence))
    assert (order == np.arange(FRAMES)).all(), 'in order of time'


def test_values(build):
    _, model, dataset = build()
    frames = lift_dataset(model, dataset)
    rows = frames.store_rows(dataset)
    store = dataset.store
    assert len(set(rows)) == FRAMES
    truth = store['pose_cam'][rows] - store['pose_cam'][rows, :1]
    np.testing.assert_allclose(frames.truth, truth, atol=1e-6)
    pixels = frames.input_pixels(dataset)
    np.testing.assert_allclose(pixels, store['pose_image'][rows, :, :2], atol=1e-3)
    assert set(frames.labels(dataset, 'subject')) == {'S3'}
    assert set(frames.labels(dataset, 'action')) == {'Walking', 'Sitting'}
    smaller = lift_dataset(model, dataset, batch_size=3)
    np.testing.assert_allclose(smaller.pred, frames.pred, atol=1e-5)


def test_features(build):
    """What the heads regress from: they give the prediction back."""
    _, model, dataset = build(**{'model.test_cfg.flip_test': False})
    frames = lift_dataset(model, dataset, with_features=True)
    assert set(frames.features) == {'2d', 'depth'}
    tensors = [torch.from_numpy(frames.features[kind]) for kind in ('2d', 'depth')]
    with torch.no_grad():
        pred = model.head.forward(tuple(tensors)).numpy()
    np.testing.assert_allclose(pred - pred[:, :1], frames.pred, atol=1e-5)
    _, model, dataset = build('tiny_lifting')
    frames = lift_dataset(model, dataset, with_features=True)
    assert frames.features['entangled'].shape == (FRAMES, 17, 8)


def test_features_under_flip_test(build):
    """The mirrored half of the batch is not among them."""
    _, model, dataset = build(**{'model.test_cfg.flip_test': False})
    plain = lift_dataset(model, dataset, with_features=True).features['2d']
    _, model, dataset = build()
    flipped = lift_dataset(model, dataset, with_features=True).features['2d']
    np.testing.assert_allclose(flipped, plain, atol=1e-5)


def test_skipped_sequences(build):
    skip = {'test_evaluator.skip_sequences': ['S3_Walking']}
    _, model, dataset = build(**skip)
    assert len(lift_dataset(model, dataset)) == 2 * 13


def test_evaluators():
    """One metric, or several in a list or a tuple."""
    one, other = dict(type='PoseLiftingMetric'), dict(type='DumpResults')
    assert evaluator_configs(Config(dict(test_evaluator=one))) == [one]
    for several in ([one, other], (one, other)):
        cfg = Config(dict(test_evaluator=several))
        assert evaluator_configs(cfg) == [one, other]


def test_skipped_sequences_of_several_metrics(build):
    metrics = [
        dict(type='PoseLiftingMetric', skip_sequences=['S3_Walking']),
        dict(type='PoseLiftingMetric'),
    ]
    _, model, dataset = build(test_evaluator=metrics)
    assert len(lift_dataset(model, dataset)) == 2 * 13


def test_invalid(build):
    cfg, _, _ = build()
    with pytest.raises(ValueError, match='returns list'):
        split_features([torch.zeros(1)])
    cfg.test_dataloader.dataset = dict(
        type='RepeatDataset', dataset=cfg.test_dataloader.dataset, times=1
    )
    with pytest.raises(ValueError, match='RepeatDataset; expected a LiftingDataset'):
        build_scored_dataset(cfg)
