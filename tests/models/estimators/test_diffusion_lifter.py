import copy

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.geometry import FLIP_INDICES
from mmpose_ext.models.estimators import flip_poses
from mmpose_ext.models.estimators.diffusion_lifter import hypothesis_errors
from mmpose_ext.models.normalized_cameras import NormalizedCameras


def count_calls(model):
    """Batch sizes of the network's calls."""
    sizes = []
    model.backbone.register_forward_hook(
        lambda module, inputs, output: sizes.append(len(output))
    )
    return sizes


def poses_of(results):
    return np.stack([result.pred_instances.keypoints for result in results])


@pytest.mark.parametrize('hypotheses', [1, 3])
def test_shapes(make_diffusion_lifter, make_camera_batch, hypotheses):
    model = make_diffusion_lifter(test_cfg=dict(num_hypotheses=hypotheses)).eval()
    inputs, samples, *_ = make_camera_batch(batch=4)
    assert model(inputs, None, mode='tensor').shape == (4, 3, 17, 3)
    losses = model(inputs, samples, mode='loss')
    assert losses['loss_pose'].isfinite()
    results = model(inputs, samples, mode='predict')
    for result in results:
        predicted = result.pred_instances
        assert predicted.keypoints.shape == (3, 17, 3)
        assert np.abs(predicted.keypoints[:, 0]).max() == 0
        assert ('hypotheses' in predicted) == (hypotheses > 1)
        if hypotheses > 1:
            assert predicted.hypotheses.shape == (3, 3, 17, 3)
            mean = predicted.hypotheses.mean(1)
            np.testing.assert_allclose(predicted.keypoints, mean, atol=1e-6)
            assert predicted.joint_choice.shape == (3, 17, 3)


@pytest.mark.parametrize(
    ('options', 'sizes'),
    [
        (dict(), [2]),
        (dict(flip_test=True), [4]),
        (dict(num_hypotheses=5), [10]),
        (dict(num_hypotheses=5, sampling_steps=2, flip_test=True), [20, 20]),
    ],
)
def test_calls_of_the_network(make_diffusion_lifter, make_camera_batch, options, sizes):
    """One stacked call a sampling step, whatever H and the flip test."""
    model = make_diffusion_lifter(test_cfg=options).eval()
    inputs, samples, *_ = make_camera_batch(batch=2)
    seen = count_calls(model)
    model.predict(inputs, samples)
    assert seen == sizes


def test_loss_is_of_the_denoised_label(make_diffusion_lifter, make_camera_batch):
    model = make_diffusion_lifter()
    inputs, samples, label, _ = make_camera_batch()
    seen = []
    model.denoise = lambda *args: seen.append(args) or label + 0.5
    assert float(model.loss(inputs, samples)['loss_pose']) == pytest.approx(0.25)
    keypoints, noisy, timesteps = seen[0]
    assert torch.equal(keypoints, inputs)
    assert noisy.abs().max() <= 1.1 and not torch.equal(noisy, label)
    assert timesteps.shape == (2,) and timesteps.dtype == torch.int64


def test_time_steps_are_spread(make_diffusion_lifter):
    model = make_diffusion_lifter(diffusion=dict(num_steps=100))
    label = torch.zeros(4000, 1, 17, 3)
    _, steps = model.diffuse(label, torch.Generator().manual_seed(0))
    counts = steps.bincount(minlength=100)
    assert len(counts) == 100 and counts.min() > 10 and counts.max() < 90


def test_noise_is_that_of_the_seed_and_the_windows(
    make_diffusion_lifter, make_camera_batch
):
    model = make_diffusion_lifter().eval()
    inputs, samples, *_ = make_camera_batch()
    first = poses_of(model.predict(inputs, copy.deepcopy(samples)))
    torch.rand(3)  # another draw in between changes nothing
    again = poses_of(model.predict(inputs, copy.deepcopy(samples)))
    np.testing.assert_array_equal(first, again)
    samples[0].set_metainfo(dict(sample_name='run[0:3]'))
    other = poses_of(model.predict(inputs, samples))
    assert np.abs(first - other).max() > 1e-4


def test_flip_test(make_diffusion_lifter, make_camera_batch):
    """A mirrored input and mirrored noise give the mirrored pose, exactly."""
    model = make_diffusion_lifter(test_cfg=dict(sampling_steps=1)).eval()
    inputs, *_ = make_camera_batch()
    flip = list(FLIP_INDICES)
    noise = torch.randn(2, 3, 17, 3).clamp(-1.1, 1.1)
    last = torch.full((2,), 999)
    straight = model.denoiser(inputs, flip)(noise, last)
    mirrored = model.denoiser(flip_poses(inputs, flip), flip)(
        flip_poses(noise, flip), last
    )
    assert_close(flip_poses(mirrored, flip), straight)
    alone = model.denoiser(inputs, None)(noise, last)
    assert not torch.allclose(alone, straight, atol=1e-3)


def test_errors_of_hypotheses(make_camera_batch):
    inputs, samples, pose, root = make_camera_batch(batch=2)
    cameras = NormalizedCameras.of_samples(samples, inputs.device)
    wrong = pose + 0.1 * torch.randn(pose.shape)
    hypotheses = torch.stack([wrong, pose], dim=1)
    for known in (None, root):
        errors = hypothesis_errors(hypotheses, inputs, cameras, known)
        assert errors.shape == (2, 2, 3, 17)
        assert errors[:, 1].max() < 1e-4, 'the truth projects onto the 2D'
        assert errors[:, 0].mean() > 1e-2


def test_joint_aggregation(make_diffusion_lifter, make_camera_batch):
    """J-Agg takes from each hypothesis the joints that it has right."""
    model = make_diffusion_lifter(
        test_cfg=dict(num_hypotheses=2, aggregation='joint')
    ).eval()
    inputs, samples, pose, _ = make_camera_batch()
    left, right = pose.clone(), pose.clone()
    left[..., [2, 3], :2] += 0.3
    right[..., [15, 16], :2] += 0.3
    drawn = torch.stack([left, right], dim=1)
    model.draw_hypotheses = lambda *args: drawn
    found = poses_of(model.predict(inputs, samples))
    np.testing.assert_allclose(found, pose.numpy(), atol=1e-6)
    model.aggregation = 'mean'
    found = poses_of(model.predict(inputs, samples))
    assert np.abs(found - pose.numpy()).max() == pytest.approx(0.15, abs=1e-5)


def test_without_camera(make_diffusion_lifter, make_camera_batch):
    inputs, samples, *_ = make_camera_batch(cameras=False)
    model = make_diffusion_lifter(test_cfg=dict(num_hypotheses=2)).eval()
    results = model.predict(inputs, samples)
    assert 'joint_choice' not in results[0].pred_instances
    model.aggregation = 'joint'
    with pytest.raises(ValueError, match=r"'walk\[0:3\]'.*lacks \['f', 'c'\]"):
        model.predict(inputs, samples)


def test_protocol(make_diffusion_lifter, make_camera_batch):
    model = make_diffusion_lifter(test_cfg=dict(num_hypotheses=2)).eval()
    inputs, samples, *_ = make_camera_batch()
    (result, _) = model.predict(inputs, samples)
    protocol = result.pred_instances.protocol
    assert protocol['hypotheses'] == 2 and protocol['aggregation'] == 'mean'
    assert protocol['target'] == 'camera'


def test_bfloat16(make_diffusion_lifter, make_camera_batch):
    model = make_diffusion_lifter(test_cfg=dict(num_hypotheses=2, flip_test=True))
    inputs, samples, *_ = make_camera_batch()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(inputs, samples)
        losses['loss_pose'].backward()
        half = poses_of(model.eval().predict(inputs, samples))
    full = poses_of(model.predict(inputs, samples))
    assert losses['loss_pose'].dtype == torch.float32
    np.testing.assert_allclose(half, full, atol=0.02)
    assert not np.array_equal(half, full)


def test_inputs(make_diffusion_lifter, make_camera_batch):
    """A dict of keypoints alone is as good as a tensor; features are refused."""
    model = make_diffusion_lifter().eval()
    inputs, samples, *_ = make_camera_batch()
    plain = model(inputs, None)
    assert torch.equal(model({'keypoints': inputs}, None), plain)
    with pytest.raises(ValueError, match=r"brings \['image', 'keypoints'\]"):
        model({'keypoints': inputs, 'image': inputs}, samples, mode='loss')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_hypotheses=0), 'num_hypotheses must be at least 1, got 0'),
        (dict(sampling_steps=0), 'sampling_steps'),
        (dict(aggregation='best'), "aggregation must be one of.*'best'"),
        (dict(xy_passthrough=True), 'xy_passthrough'),
    ],
)
def test_invalid(make_diffusion_lifter, options, message):
    with pytest.raises(ValueError, match=message):
        make_diffusion_lifter(test_cfg=options)
