import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from torch.testing import assert_close

from mmpose_ext.models.heads import PoseRegressionHead
from mmpose_ext.models.heads.lifting_head import stack_labels, stack_scale

LOSSES = dict(
    pose=dict(type='JointErrorLoss'),
    velocity=dict(type='VelocityLoss', loss_weight=2.0),
)


def head(target='camera', **options):
    torch.manual_seed(0)
    decoder = dict(type='LiftingLabel', target=target)
    return PoseRegressionHead(4, **{'losses': LOSSES, 'decoder': decoder, **options})


def test_stacked_labels(make_batch):
    _, samples = make_batch(batch=3, seq_len=5)
    label, weight = stack_labels(samples)
    assert label.shape == (3, 5, 17, 3) and weight.shape == (3, 5, 17)
    assert torch.equal(label[1], samples[1].gt_instance_labels.lifting_target_label)


def test_stacked_scale(make_batch):
    _, samples = make_batch(factor=0.005)
    samples[1].set_metainfo(dict(camera_param=dict(w=640, h=480)))
    width, factor = stack_scale(samples, 3)
    assert width.tolist() == [1000, 640]
    assert_close(factor, torch.full((2, 3), 0.005))
    # A sample that knows nothing of its camera.
    for key in ('camera_param', 'factor'):
        delattr(samples[0], key)
    width, factor = stack_scale(samples, 3)
    assert width[0].isnan() and factor[0].tolist() == [0, 0, 0]


def test_losses_are_named_and_weighted(make_batch):
    module, (_, samples) = head(), make_batch()
    feats = torch.randn(2, 3, 17, 4)
    label, weight = stack_labels(samples)
    losses = module.loss_by_labels(feats, label, weight)
    assert set(losses) == {'loss_pose', 'loss_velocity'}
    pred = module(feats)
    assert_close(losses['loss_pose'], (pred - label).norm(dim=-1).mean())
    speed = (pred - label).diff(dim=1).norm(dim=-1).mean()
    assert_close(losses['loss_velocity'], 2 * speed)
    assert losses == module.loss(feats, samples)


def test_losses_are_taken_in_float32():
    smoothness = dict(type='SmoothnessLoss', joint_weights=False)
    module = head(losses=dict(smoothness=smoothness))
    pred = torch.randn(2, 3, 17, 3, dtype=torch.bfloat16)
    label, weight = torch.zeros(2, 3, 17, 3), torch.ones(2, 3, 17)
    losses = module.pose_losses(pred, label, weight)
    assert losses['loss_smoothness'].dtype == torch.float32
    assert losses == module.pose_losses(pred.float(), label, weight)


@pytest.mark.parametrize('target', ['camera', 'image'])
def test_prediction_in_metres(target, make_batch):
    module, (_, samples) = head(target), make_batch(factor=0.005)
    pred = torch.randn(2, 3, 17, 3, requires_grad=True)
    instances = module.decode_batch(pred, samples)
    # 2.5D: 1 unit = half the width (500 px), 5 mm a pixel.
    unit = 2.5 if target == 'image' else 1
    for instance, pose in zip(instances, pred.detach(), strict=True):
        expected = unit * (pose - pose[:, :1])
        assert isinstance(instance.keypoints, np.ndarray)
        assert instance.keypoints.dtype == np.float32
        assert_close(torch.from_numpy(instance.keypoints), expected)
        assert instance.keypoint_scores.shape == (3, 17)
    feats = torch.randn(2, 3, 17, 4)
    (first, _), (other, _) = (
        module.predict(feats, samples),
        module.decode_batch(module(feats), samples),
    )
    assert np.array_equal(first.keypoints, other.keypoints)


def test_invalid(make_batch):
    module, (_, samples) = head(decoder=None), make_batch()
    with pytest.raises(RuntimeError, match='set `decoder` of the head'):
        module.predict(torch.randn(2, 3, 17, 4), samples)
    with pytest.raises(KeyError, match='NoSuchLoss'):
        head(losses=dict(pose=dict(type='NoSuchLoss')))
    with pytest.raises(ValueError, match='target must be'):
        head('world')


def test_in_runner_of_mmpose(make_config, make_batch):
    """The head also works in MMPose's own PoseLifter, without flip test."""
    config = {**make_config('motionbert'), 'type': 'PoseLifter'}
    model, (inputs, samples) = MODELS.build(config), make_batch()
    assert set(model.loss(inputs, samples)) == {'loss_pose'}
    model.eval()
    results = model.predict(inputs, samples)
    assert results[0].pred_instances.keypoints.shape == (3, 17, 3)
