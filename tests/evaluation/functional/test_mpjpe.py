import numpy as np
import pytest
import torch
from mmpose.evaluation.functional import keypoint_mpjpe

from mmpose_ext.evaluation.functional import (
    axis_errors,
    joint_errors,
    mpjpe,
    mpjve,
    n_mpjpe,
    velocity_errors,
)

LEADING = [(), (4,), (2, 3, 4)]


def poses(*leading: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (*leading, 17, 3)
    gt = torch.randn(shape, generator=generator, dtype=torch.float64)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return gt + 0.1 * noise, gt


@pytest.mark.parametrize('leading', LEADING)
def test_shapes(leading):
    pred, gt = poses(*leading)
    assert joint_errors(pred, gt).shape == (*leading, 17)
    assert mpjpe(pred, gt).shape == leading
    assert n_mpjpe(pred, gt).shape == leading
    assert [e.shape for e in axis_errors(pred, gt)] == [(*leading, 17)] * 2
    if leading:
        steps = (*leading[:-1], leading[-1] - 1)
        assert velocity_errors(pred, gt).shape == (*steps, 17)
        assert mpjve(pred, gt).shape == steps


def test_values():
    gt = torch.zeros(2, 2, 3)
    pred = torch.tensor([[[0.0, 0, 0], [3, 4, 12]], [[0, 0, 0], [3, 4, 0]]])
    assert joint_errors(pred, gt).tolist() == [[0, 13], [0, 5]]
    assert mpjpe(pred, gt).tolist() == [6.5, 2.5]
    in_plane, depth = axis_errors(pred, gt)
    assert in_plane.tolist() == [[0, 5], [0, 5]]
    assert depth.tolist() == [[0, 12], [0, 0]]
    # Joint 1 moves by -12 along z between the two frames, joint 0 rests.
    assert velocity_errors(pred, gt).tolist() == [[0, 12]]
    assert mpjve(pred, gt).tolist() == [6]


def test_values_of_scale():
    _, gt = poses(5)
    scale = torch.tensor([0.1, 0.5, 1, 2, 30], dtype=gt.dtype).reshape(-1, 1, 1)
    assert n_mpjpe(scale * gt, gt).max() < 1e-12
    # pred (1, 1), truth (1, 0): best scale 1/2, both joints are off by 1/2.
    pred = torch.tensor([[1.0, 0, 0], [1, 0, 0]])
    truth = torch.tensor([[1.0, 0, 0], [0, 0, 0]])
    assert n_mpjpe(pred, truth).item() == 0.5


def test_scale_of_a_collapsed_prediction_is_finite():
    _, gt = poses(3)
    pred = torch.zeros_like(gt)
    torch.testing.assert_close(n_mpjpe(pred, gt), gt.norm(dim=-1).mean(-1))


def test_velocity_ignores_a_constant_offset_and_needs_two_frames():
    pred, gt = poses(6)
    torch.testing.assert_close(mpjve(pred + 5, gt), mpjve(pred, gt))
    assert mpjve(pred[:1], gt[:1]).shape == (0,)


@pytest.mark.parametrize('ours, alignment', [(mpjpe, 'none'), (n_mpjpe, 'scale')])
def test_values_equal_mmpose(ours, alignment):
    pred, gt = poses(50)
    mask = np.ones((50, 17), bool)
    theirs = keypoint_mpjpe(pred.numpy(), gt.numpy(), mask, alignment)
    assert ours(pred, gt).mean().item() == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(
    'function', [joint_errors, mpjpe, n_mpjpe, velocity_errors, mpjve, axis_errors]
)
def test_invalid(function):
    pred, gt = poses(4)
    with pytest.raises(ValueError, match='differ in shape'):
        function(pred, gt[0])


@pytest.mark.parametrize('function', [velocity_errors, mpjve])
def test_invalid_velocity_without_time(function):
    pred, gt = poses()
    with pytest.raises(ValueError, match='T, K, 3'):
        function(pred, gt)


def test_gradient_at_the_optimum_is_finite():
    _, gt = poses(2)
    pred = gt.clone().requires_grad_()
    (mpjpe(pred, gt) + n_mpjpe(pred, gt)).sum().backward()
    assert pred.grad is not None and pred.grad.isfinite().all()
