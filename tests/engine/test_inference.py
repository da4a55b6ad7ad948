import numpy as np
import pytest
import torch
import untrained
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS

from mmpose_ext.engine.inference import (
    build_scored_dataset,
    evaluator_configs,
    lift_dataset,
    lift_keypoints,
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


def test_keypoints(build):
    """Windows without overlap give what the dataset gives."""
    cfg, model, dataset = build()
    sequence = dataset.store.sequences[int(dataset.windows.sequence[0])]
    windows = np.flatnonzero(dataset.windows.sequence == dataset.windows.sequence[0])
    expected = lift_dataset(model, dataset.get_subset(windows[:4]))
    stop = sequence.start + 12
    keypoints = dataset.store['pose_image'][sequence.start : stop, :, :2]
    poses = lift_keypoints(
        model, keypoints, sequence.image_size, seq_len=3, stride=3, batch_size=2
    )
    np.testing.assert_allclose(poses, expected.pred, atol=1e-5)
    overlapping = lift_keypoints(model, keypoints, (1000, 1002), seq_len=3, stride=1)
    assert overlapping.shape == (12, 17, 3)
    assert (overlapping[:, 0] == 0).all(), 'relative to the root'


class Counter(torch.nn.Module):
    """A lifter that answers with the number of the slot, in metres."""

    def __init__(self, decoder):
        super().__init__()
        self.head = torch.nn.Module()
        self.head.decoder = decoder

    def test_step(self, data):
        for sample in data['data_samples']:
            slots = np.arange(4.0)[:, None, None] * np.ones((1, 17, 3))
            sample.pred_instances = InstanceData(keypoints=slots)
        return data['data_samples']


def test_overlap_is_averaged(build):
    """Weights 1, 2, 2, 1 over each window of four frames."""
    _, model, _ = build()
    counter = Counter(model.head.decoder)
    keypoints = np.ones((7, 17, 2), np.float32)
    poses = lift_keypoints(counter, keypoints, (1000, 1000), seq_len=4, stride=2)
    # Windows start at 0, 2 and, to end with the clip, 3.
    mean = [0, 1, (2 * 2 + 1 * 0) / 3, (1 * 3 + 2 * 1 + 1 * 0) / 4]
    mean += [(2 * 2 + 2 * 1) / 4, (1 * 3 + 2 * 2) / 3, 3]
    np.testing.assert_allclose(poses[:, 3, 1], mean, atol=1e-6)
    short = lift_keypoints(counter, keypoints[:2], (1000, 1000), seq_len=4)
    assert short[:, 0, 0].tolist() == [0, 1], 'padding counts nothing'


def test_invalid(build):
    cfg, model, _ = build()
    keypoints = np.ones((5, 17, 2), np.float32)
    with pytest.raises(ValueError, match='no frame'):
        lift_keypoints(model, keypoints[:0], (1000, 1000), seq_len=3)
    with pytest.raises(ValueError, match=r'scores \(4, 17\) do not fit'):
        lift_keypoints(
            model, keypoints, (1000, 1000), seq_len=3, scores=np.ones((4, 17))
        )
    with pytest.raises(ValueError, match='built for windows of at most 3'):
        lift_keypoints(model, keypoints, (1000, 1000), seq_len=5)
    with pytest.raises(ValueError, match='returns list'):
        split_features([torch.zeros(1)])
    cfg.test_dataloader.dataset = dict(
        type='RepeatDataset', dataset=cfg.test_dataloader.dataset, times=1
    )
    with pytest.raises(ValueError, match='RepeatDataset; expected a LiftingDataset'):
        build_scored_dataset(cfg)
