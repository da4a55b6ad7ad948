"""Roots from rays in closed form, errors in the image, and the choice of hypotheses."""

import numpy as np
import pytest
import torch

from mmpose_ext.geometry import (
    choose_joints,
    choose_pose,
    pixels_to_rays,
    project_to_pixels,
    reprojection_errors,
    solve_root,
)
from mmpose_ext.simulation import Body, motion

K = 17
B, H, T = 3, 4, 5


@pytest.fixture(scope='module')
def pose():
    """Root-relative poses ``(40, 17, 3)`` of a simulated person, camera axes."""
    rng = np.random.default_rng(0)
    world = motion('random', Body.sample(rng), num_frames=40, fps=5, generator=rng)
    camera = torch.from_numpy(world)[..., [0, 2, 1]].double() * torch.tensor([1, -1, 1])
    return camera - camera[:, :1]


@pytest.fixture(scope='module')
def root():
    """Roots ``(40, 3)``, 2 to 8 m away, up to 30 degrees off the axis."""
    depth = torch.linspace(2, 8, 40, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    side = torch.rand(40, 2, generator=generator, dtype=torch.float64) - 0.5
    return torch.cat([side * depth[:, None], depth[:, None]], dim=-1)


def rays_of(pose, root):
    absolute = pose + root[..., None, :]
    return absolute[..., :2] / absolute[..., 2:]


def least_squares(pose, rays, weight):
    """The root of one pose by a general solver."""
    matrix = np.zeros((2 * K, 3))
    matrix[0::2, 0] = matrix[1::2, 1] = 1
    matrix[:, 2] = -rays.reshape(-1)
    right = (pose[:, 2:] * rays - pose[:, :2]).reshape(-1)
    scale = np.repeat(np.sqrt(weight), 2)
    return np.linalg.lstsq(scale[:, None] * matrix, scale * right, rcond=None)[0]


def noise(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_shapes(pose, root):
    rays = rays_of(pose, root)
    assert solve_root(pose, rays).shape == (40, 3)
    assert solve_root(pose[0], rays[0], torch.ones(K)).shape == (3,)
    hypotheses = pose.view(2, 4, 5, K, 3)  # windows, hypotheses, frames
    seen = rays[:10].view(2, 1, 5, K, 2)
    places = solve_root(hypotheses, seen)
    assert places.shape == (2, 4, 5, 3)
    focal = torch.ones(2, 1, 1, 1, 2)
    errors = reprojection_errors(hypotheses, places, seen, focal)
    assert errors.shape == (2, 4, 5, K)


@pytest.mark.parametrize(
    'dtype, metres', [(torch.float64, 1e-12), (torch.float32, 1e-5)]
)
def test_the_root_of_a_true_pose_is_exact(pose, root, dtype, metres):
    rays = rays_of(pose, root)
    found = solve_root(pose.to(dtype), rays.to(dtype))
    assert found.dtype == dtype
    assert (found - root).abs().max() < metres


def test_the_root_is_found_from_pixels_of_a_distorted_camera(pose, root):
    f, c, lens = [1145.0, 1143.0], [512.0, 515.0], [-0.2, 0.25, -0.001, -8e-4, -0.002]
    pixels = project_to_pixels(pose + root[:, None], f, c, lens)
    found = solve_root(pose, pixels_to_rays(pixels, f, c, lens))
    torch.testing.assert_close(found, root, rtol=0, atol=1e-5)


@pytest.mark.parametrize('weighted', [False, True])
def test_values_equal_a_general_solver(pose, root, weighted):
    """Also where pose and image do not fit."""
    rays = rays_of(pose, root) + 0.01 * noise(40, K, 2)
    weight = noise(40, K, seed=2).square()
    found = solve_root(pose, rays, weight if weighted else None)
    for i in range(40):
        ones = np.ones(K)
        expected = least_squares(
            pose[i].numpy(), rays[i].numpy(), weight[i].numpy() if weighted else ones
        )
        np.testing.assert_allclose(found[i], expected, atol=1e-9)


def test_values_equal_the_normal_equations(pose, root):
    """A t = b with the sums written out."""
    rays = rays_of(pose, root) + 0.01 * noise(40, K, 2)
    u, v = rays.unbind(-1)
    x, y, z = pose.unbind(-1)
    count, zero = torch.full((40,), K).double(), torch.zeros(40).double()
    su, sv = u.sum(-1), v.sum(-1)
    matrix = torch.stack(
        [
            *(count, zero, -su),
            *(zero, count, -sv),
            *(-su, -sv, (u * u + v * v).sum(-1)),
        ],
        dim=-1,
    ).view(40, 3, 3)
    right = torch.stack(
        [
            (u * z - x).sum(-1),
            (v * z - y).sum(-1),
            -(u * (u * z - x) + v * (v * z - y)).sum(-1),
        ],
        dim=-1,
    )
    torch.testing.assert_close(
        solve_root(pose, rays), torch.linalg.solve(matrix, right)
    )


def test_joints_without_weight_do_not_count(pose, root):
    rays = rays_of(pose, root)
    wrong = rays.clone()
    wrong[:, 5] += 1
    weight = torch.ones(K)
    weight[5] = 0
    torch.testing.assert_close(solve_root(pose, wrong, weight), root)
    assert (solve_root(pose, wrong) - root).abs().max() > 0.1


def test_the_scale_of_weights_does_not_matter(pose, root):
    rays = rays_of(pose, root) + 0.01 * noise(40, K, 2)
    weight = noise(40, K, seed=2).square()
    torch.testing.assert_close(
        solve_root(pose, rays, 100 * weight), solve_root(pose, rays, weight)
    )


def test_a_larger_person_stands_farther(pose, root):
    rays = rays_of(pose, root)
    torch.testing.assert_close(solve_root(1.3 * pose, rays), 1.3 * root)


def test_errors_of_a_true_pose_are_zero(pose, root):
    errors = reprojection_errors(pose, root, rays_of(pose, root), [1000.0, 1000.0])
    assert errors.shape == (40, K) and errors.max() < 1e-9


def test_values_of_errors():
    pose = torch.tensor([[[0.0, 0, 0], [0.3, 0.4, 0]]])
    root = torch.tensor([[0.0, 0, 2]])
    # 0.15 and 0.2 on rays, 150 and 400 in the image.
    errors = reprojection_errors(pose, root, torch.zeros(1, 2, 2), [1000.0, 2000.0])
    assert errors[0].tolist() == pytest.approx([0, np.hypot(150, 400)])


def test_errors_have_the_unit_of_the_focal_length(pose, root):
    f, c = torch.tensor([1145.0, 1143.0]).double(), torch.tensor([512.0, 515.0])
    pixels = project_to_pixels(pose + root[:, None], f, c)
    moved = pixels + torch.tensor([3.0, 4.0])
    errors = reprojection_errors(pose, root, pixels_to_rays(moved, f, c), f)
    torch.testing.assert_close(errors, torch.full_like(errors, 5))
    normalised = reprojection_errors(
        pose, root, pixels_to_rays(moved, f, c), f * 2 / 1000
    )
    torch.testing.assert_close(normalised, errors * 2 / 1000)


def test_joints_behind_the_camera_do_not_fit(pose, root):
    """The point reflection of a pose has the same rays."""
    rays = rays_of(pose, root)
    found = solve_root(-pose, rays)
    torch.testing.assert_close(found, -root)
    assert reprojection_errors(-pose, found, rays, [1.0, 1.0]).isinf().all()


def hypotheses(seed=0):
    """Poses (B, H, T, K, 3) and errors (B, H, T, K)."""
    poses, errors = noise(B, H, T, K, 3, seed=seed), noise(B, H, T, K, seed=seed + 9)
    return poses, errors.abs()


def test_choose_pose_equals_brute_force():
    poses, errors = hypotheses()
    chosen, index = choose_pose(poses, errors)
    assert chosen.shape == (B, T, K, 3) and index.shape == (B, T)
    for b in range(B):
        for t in range(T):
            norms = [float(errors[b, h, t].norm()) for h in range(H)]
            best = norms.index(min(norms))
            assert index[b, t] == best
            assert torch.equal(chosen[b, t], poses[b, best, t])
    assert len(index.unique()) > 1


def test_choose_pose_takes_the_least_norm_not_the_least_mean():
    errors = torch.tensor([[4.0, 0.0], [2.5, 2.5]]).view(1, 2, 1, 2)
    _, index = choose_pose(torch.zeros(1, 2, 1, 2, 3), errors)
    assert index.item() == 1


def test_choose_joints_equals_brute_force():
    poses, errors = hypotheses()
    chosen = choose_joints(poses, errors)
    assert chosen.shape == (B, T, K, 3)
    for b, t, k in np.ndindex(B, T, K):
        best = int(errors[b, :, t, k].argmin())
        assert torch.equal(chosen[b, t, k], poses[b, best, t, k])


def test_one_hypothesis_is_chosen_as_it_is():
    poses, errors = (x[:, :1] for x in hypotheses())
    assert torch.equal(choose_pose(poses, errors)[0], poses[:, 0])
    assert torch.equal(choose_joints(poses, errors), poses[:, 0])


def test_the_order_of_hypotheses_does_not_matter():
    poses, errors = hypotheses()
    order = [2, 0, 3, 1]
    for choose in (lambda *x: choose_pose(*x)[0], choose_joints):
        turned = choose(poses[:, order], errors[:, order])
        assert torch.equal(turned, choose(poses, errors))


@pytest.mark.parametrize('bad', [torch.nan, torch.inf])
def test_errors_that_are_no_number_lose(bad):
    poses, errors = hypotheses()
    errors[:, 0] = errors[:, 1] = bad
    errors[:, 2:] = 1e6
    chosen, index = choose_pose(poses, errors)
    assert (index == 2).all()
    assert torch.equal(choose_joints(poses, errors), chosen)
    # All of them: any, and never a failure.
    assert torch.equal(choose_pose(poses, errors * bad)[0], poses[:, 0])


def test_the_true_pose_is_chosen_among_others(pose, root):
    """With solved roots: a true pose fits its image, a bent one does not."""
    truth = pose.view(1, 1, 40, K, 3)
    others = truth + 0.05 * noise(1, H - 1, 40, K, 3)
    poses = torch.cat([others[:, :2], truth, others[:, 2:]], dim=1).float()
    rays = rays_of(pose, root).view(1, 1, 40, K, 2).float()
    errors = reprojection_errors(poses, solve_root(poses, rays), rays, [1145.0, 1143.0])
    chosen, index = choose_pose(poses, errors)
    assert (index == 2).all()
    assert torch.equal(chosen, truth[:, 0].float())


def test_half_precision_is_computed_in_single(pose, root):
    rays = rays_of(pose, root)
    found = solve_root(pose.bfloat16(), rays.float())
    assert found.dtype == torch.float32
    errors = reprojection_errors(pose.bfloat16(), found.bfloat16(), rays, [1.0, 1.0])
    assert errors.dtype == torch.float32


def test_nothing_waits_for_the_device():
    """Meta tensors have no values, so a read of one would fail."""
    poses = torch.zeros(B, H, T, K, 3, device='meta')
    rays = torch.zeros(B, 1, T, K, 2, device='meta')
    root = solve_root(poses, rays, rays[..., 0])
    errors = reprojection_errors(poses, root, rays, torch.ones(2, device='meta'))
    assert choose_pose(poses, errors)[0].shape == (B, T, K, 3)
    assert choose_joints(poses, errors).shape == (B, T, K, 3)


def test_invalid():
    pose, rays = torch.zeros(4, K, 3), torch.zeros(4, K, 2)
    with pytest.raises(ValueError, match='pose has shape'):
        solve_root(pose[..., :2], rays)
    with pytest.raises(ValueError, match='and rays'):
        solve_root(pose, rays[:, 1:])
    with pytest.raises(ValueError, match='weight has shape'):
        solve_root(pose, rays, torch.ones(4))
    with pytest.raises(ValueError, match='root has shape'):
        reprojection_errors(pose, torch.zeros(4, 2), rays, [1.0, 1.0])
    with pytest.raises(ValueError, match=r'f \(1,\)'):
        reprojection_errors(pose, torch.zeros(4, 3), rays, [1.0])
    poses, errors = hypotheses()
    for choose in (choose_pose, choose_joints):
        with pytest.raises(ValueError, match='hypotheses have shape'):
            choose(poses, errors[:, :2])
        with pytest.raises(ValueError, match='hypotheses have shape'):
            choose(poses[0, 0], errors[0, 0])
        with pytest.raises(ValueError, match='no hypothesis'):
            choose(poses[:, :0], errors[:, :0])
