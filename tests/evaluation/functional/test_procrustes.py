import numpy as np
import pytest
import torch
from mmpose.evaluation.functional import keypoint_mpjpe
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from mmpose_ext.evaluation.functional import mpjpe, p_mpjpe, similarity_align


def poses(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    gt = rng.normal(size=(count, 17, 3))
    return torch.from_numpy(gt + rng.normal(size=gt.shape)), torch.from_numpy(gt)


def similarity(points: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """A random similarity for each pose."""
    rng = np.random.default_rng(seed)
    count = len(points)
    rotation = torch.from_numpy(Rotation.random(count, rng).as_matrix())
    scale = torch.from_numpy(rng.uniform(0.1, 10, (count, 1, 1)))
    return scale * points @ rotation + torch.from_numpy(rng.normal(size=(count, 1, 3)))


def align_one(pred: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """One pose, by SciPy's orthogonal Procrustes; a reflection is mended by hand."""
    source, target = pred - pred.mean(0), gt - gt.mean(0)
    rotation, gain = orthogonal_procrustes(source, target)
    if np.linalg.det(rotation) < 0:
        left, values, right = np.linalg.svd(source.T @ target)
        rotation = left @ np.diag([1, 1, -1]) @ right
        gain = values[0] + values[1] - values[2]
    return gain / (source**2).sum() * source @ rotation + gt.mean(0)


@pytest.mark.parametrize('leading', [(), (4,), (2, 3, 4)])
def test_shapes(leading):
    pred = torch.randn(*leading, 17, 3)
    assert similarity_align(pred, pred).shape == pred.shape
    assert p_mpjpe(pred, pred).shape == leading


def test_values_batched_equals_frame_by_frame():
    pred, gt = poses(200)
    aligned = similarity_align(pred, gt)
    single = [align_one(p, g) for p, g in zip(pred.numpy(), gt.numpy(), strict=True)]
    np.testing.assert_allclose(aligned.numpy(), np.stack(single), atol=1e-12)
    # Noise of this size makes some optima reflections, else the case is not tested.
    source, target = pred - pred.mean(1, True), gt - gt.mean(1, True)
    signs = torch.linalg.det(source.mT @ target).sign()
    assert (signs < 0).any() and (signs > 0).any()


def test_values_equal_mmpose():
    pred, gt = poses(100, seed=1)
    mask = np.ones((100, 17), bool)
    theirs = keypoint_mpjpe(pred.numpy(), gt.numpy(), mask, 'procrustes')
    assert p_mpjpe(pred, gt).mean().item() == pytest.approx(theirs, rel=1e-10)


def test_a_similarity_is_undone():
    _, gt = poses(50)
    torch.testing.assert_close(similarity_align(similarity(gt), gt), gt)


def test_invariant_to_a_similarity_of_the_prediction():
    pred, gt = poses(50)
    torch.testing.assert_close(p_mpjpe(similarity(pred), gt), p_mpjpe(pred, gt))


def test_aligned_error_is_stationary():
    pred, gt = poses(20)
    aligned = similarity_align(pred, gt)
    best = (aligned - gt).square().sum((1, 2))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        turn = torch.from_numpy(Rotation.from_rotvec(rng.normal(0, 0.1, 3)).as_matrix())
        scale = rng.uniform(0.9, 1.1)
        moved = scale * aligned @ turn + torch.from_numpy(rng.normal(0, 0.1, 3))
        assert ((moved - gt).square().sum((1, 2)) >= best).all()


def test_a_mirrored_pose_stays_mirrored():
    _, gt = poses(20)
    mirrored = gt * torch.tensor([-1.0, 1, 1], dtype=gt.dtype)
    aligned = similarity_align(mirrored, gt)
    assert p_mpjpe(mirrored, gt).min() > 0.1
    centred = aligned - aligned.mean(1, True)
    moment = (mirrored - mirrored.mean(1, True)).mT @ centred
    assert (torch.linalg.det(moment) > 0).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('place', [0.0, 0.1, 3.3])
def test_collapsed_poses_are_finite(dtype, place):
    _, gt = poses(5)
    gt = gt.to(dtype)
    point = torch.full_like(gt, place)
    expected = (gt - gt.mean(1, True)).norm(dim=-1).mean(-1)
    torch.testing.assert_close(p_mpjpe(point, gt), expected)
    assert p_mpjpe(gt, point).max() < 1e-5
    assert p_mpjpe(point, point).max() < 1e-5


def test_flat_and_straight_poses_are_aligned():
    _, gt = poses(10)
    for axes in (1, 2):
        thin = gt.clone()
        thin[..., axes:] = 0
        torch.testing.assert_close(similarity_align(similarity(thin), thin), thin)


def test_half_precision_is_computed_in_single():
    pred, gt = (x.half() for x in poses(5))
    assert similarity_align(pred, gt).dtype == torch.float16
    single = p_mpjpe(pred.float(), gt.float())
    torch.testing.assert_close(p_mpjpe(pred, gt).float(), single, atol=3e-3, rtol=0)


def test_single_precision_suffices_for_millimetres():
    pred, gt = poses(200)
    single = p_mpjpe(pred.float(), gt.float()).double()
    torch.testing.assert_close(single, p_mpjpe(pred, gt), atol=1e-5, rtol=0)


def test_aligned_is_not_worse_on_average():
    pred, gt = poses(200)
    assert p_mpjpe(pred, gt).mean() < mpjpe(pred, gt).mean()


@pytest.mark.parametrize(
    'pred, gt', [((4, 17, 3), (17, 3)), ((17, 2), (17, 2)), ((3,), (3,))]
)
def test_invalid(pred, gt):
    with pytest.raises(ValueError, match=r'\(\.\.\., K, 3\)'):
        similarity_align(torch.zeros(pred), torch.zeros(gt))
