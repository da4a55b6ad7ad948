"""One small config of each family: train, be killed, resume, test, infer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from killed_run import Killed, KillHook, log_of
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.apis import inference_pose_lifter_model, init_model
from mmpose.structures import PoseDataSample

from mmpose_ext.engine.checkpoints import load_checkpoint

ROOT = Path(__file__).parents[1]
STEPS = 4


@pytest.fixture(scope='module')
def tiny(pose_store):
    """Loads the config with the small store and a small model."""

    def load(work_dir, *, seq_len=9, **options):
        cfg = Config.fromfile(ROOT / 'configs/prml/prml_mocap_9.py')
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            cfg[key].update(batch_size=4, num_workers=0, persistent_workers=False)
            cfg[key].dataset.update(store=str(pose_store), seq_len=seq_len)
        for part in ('backbone', 'neck'):
            cfg.model[part].update(embed_dims=8, num_heads=2, seq_len=seq_len)
        cfg.model.head.update(in_channels=8, hidden_dims=8)
        cfg.train_cfg.update(max_iters=STEPS, val_interval=STEPS)
        cfg.default_hooks.checkpoint.interval = 2
        cfg.default_hooks.checkpoint.max_keep_ckpts = -1
        cfg.default_hooks.logger.interval = 1
        # Drawing takes longer than the training.
        del cfg.default_hooks.learning_curve
        cfg.work_dir = str(work_dir)
        cfg.experiment_name = f'{Path(work_dir).name}_{len(options)}_{seq_len}'
        cfg.merge_from_dict(options)
        return cfg

    return load


@pytest.fixture(scope='module')
def trained(tiny, tmp_path_factory):
    """An uninterrupted run: its work dir, checkpoint and metrics."""
    work_dir = tmp_path_factory.mktemp('uninterrupted')
    runner = Runner.from_cfg(tiny(work_dir))
    start = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()
    return SimpleNamespace(
        work_dir=work_dir,
        start=start,
        checkpoint=work_dir / f'iter_{STEPS}.pth',
        metrics=runner.test(),
    )


def test_trains_and_tests(trained):
    end = load_checkpoint(trained.checkpoint)['state_dict']
    unchanged = [key for key in end if torch.equal(end[key], trained.start[key])]
    assert not unchanged
    assert 0 < trained.metrics['MPJPE'] < 2000
    assert any(trained.work_dir.glob('best_MPJPE_iter_*.pth'))
    log = log_of(trained.work_dir)
    assert 'mi_2d' in log and 'loss_velocity' in log


def test_killed_run_ends_where_the_uninterrupted_one_does(tiny, trained, tmp_path):
    """Killed a step after a checkpoint; that step is then done again."""
    killed = Runner.from_cfg(tiny(tmp_path))
    killed.register_hook(KillHook(3))
    with pytest.raises(Killed):
        killed.train()
    assert not (tmp_path / f'iter_{STEPS}.pth').exists()
    resumed = Runner.from_cfg(tiny(tmp_path, resume=True))
    resumed.train()
    assert 'resumed epoch: 0, iter: 2' in log_of(tmp_path)
    expected = load_checkpoint(trained.checkpoint)
    found = load_checkpoint(tmp_path / f'iter_{STEPS}.pth')
    differing = [
        key
        for key, value in expected['state_dict'].items()
        if not torch.equal(found['state_dict'][key], value)
    ]
    assert not differing
    moments, others = (c['optimizer']['state'] for c in (expected, found))
    assert moments.keys() == others.keys()
    for index, state in moments.items():
        assert all(torch.equal(state[key], others[index][key]) for key in state)
    assert found['param_schedulers'] == expected['param_schedulers']
    assert resumed.test() == trained.metrics


@pytest.mark.parametrize(('seq_len', 'word'), [(5, 'sliced'), (12, 'interpolated')])
def test_checkpoint_of_another_length(seq_len, word, tiny, trained, tmp_path):
    cfg = tiny(tmp_path, seq_len=seq_len, load_from=str(trained.checkpoint))
    runner = Runner.from_cfg(cfg)
    assert runner.test()['MPJPE'] > 0
    log = log_of(tmp_path)
    for name in ('backbone.embedding.frames', 'neck.bias_2d', 'neck.bias_d'):
        assert f'{name}: checkpoint of T=9 {word} to T={seq_len}' in log
    end = load_checkpoint(trained.checkpoint)['state_dict']
    own = runner.model.state_dict()
    assert torch.equal(own['neck.bias_d'][:, 0], end['neck.bias_d'][:, 0])
    last = -1 if word == 'interpolated' else seq_len - 1
    torch.testing.assert_close(own['neck.bias_d'][:, -1], end['neck.bias_d'][:, last])


@pytest.fixture(scope='module')
def stock_model(tiny, trained):
    """The trained model as MMPose's `init_model` makes it."""
    cfg = tiny(trained.work_dir)
    return init_model(cfg, str(trained.checkpoint), device='cpu')


def people(keypoints):
    """Detections (T, N, 17, 2) as MMPose's lists; people change places each frame."""
    frames = []
    for index, frame in enumerate(keypoints):
        samples = []
        for track in np.roll(np.arange(len(frame)), index):
            sample, instances = PoseDataSample(), InstanceData()
            instances.keypoints = frame[track][None]
            instances.bboxes = np.array([[0.0, 0, 1000, 1000]])
            sample.pred_instances, sample.gt_instances = instances, InstanceData()
            sample.set_field(int(track), 'track_id')
            samples.append(sample)
        frames.append(samples)
    return frames


@pytest.mark.parametrize('frames', [1, 9])
def test_stock_inference(frames, stock_model):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, 1000, (frames, 2, 17, 2)).astype(np.float32)
    detections = people(keypoints)
    results = inference_pose_lifter_model(
        stock_model, detections, with_track_id=True, image_size=(1000, 1002)
    )
    tracks = [sample.track_id for sample in detections[frames // 2]]
    assert len(results) == 2
    for track, result in zip(tracks, results, strict=True):
        inputs = np.ones((1, frames, 17, 3), np.float32)
        inputs[0, ..., :2] = keypoints[:, track] / 500 - [1, 1.002]
        with torch.no_grad():
            pred = stock_model.predict_coordinates(torch.from_numpy(inputs), [result])
        middle = pred[:, frames // 2]
        expected = (middle - middle[:, :1]).numpy()
        found = result.pred_instances.keypoints
        assert found.shape == (1, 17, 3), 'of the frame that MMPose asks for'
        np.testing.assert_allclose(found, expected, atol=1e-5)
    first, second = (result.pred_instances.keypoints for result in results)
    assert np.abs(first - second).max() > 1e-3


def test_stock_inference_without_image_size(stock_model):
    detections = people(np.zeros((1, 1, 17, 2), np.float32))
    with pytest.raises(ValueError, match='image_size of MMPose'):
        inference_pose_lifter_model(stock_model, detections)


def test_stock_inference_on_too_long_a_window(stock_model):
    detections = people(np.zeros((10, 1, 17, 2), np.float32))
    with pytest.raises(ValueError, match='10 frames.*at most 9.*cut the clip'):
        inference_pose_lifter_model(stock_model, detections, image_size=(1000, 1000))
