"""Mean and oracle choices of hypotheses against brute force."""

import pytest
import torch

from mmpose_ext.evaluation.functional import (
    best_joints,
    best_pose,
    mean_pose,
    mpjpe,
)

B, H, T, K = 2, 3, 4, 17


@pytest.fixture
def truth():
    return torch.randn(B, T, K, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def hypotheses(truth):
    generator = torch.Generator().manual_seed(1)
    return truth[:, None] + 0.1 * torch.randn(B, H, T, K, 3, generator=generator)


def test_shapes(hypotheses, truth):
    for pose in (
        mean_pose(hypotheses),
        best_pose(hypotheses, truth),
        best_joints(hypotheses, truth),
    ):
        assert pose.shape == (B, T, K, 3) and pose.dtype == torch.float32


def test_no_leading_dimension_is_needed(hypotheses, truth):
    one, one_truth = hypotheses[0], truth[0]
    torch.testing.assert_close(mean_pose(one), mean_pose(hypotheses)[0])
    assert torch.equal(best_pose(one, one_truth), best_pose(hypotheses, truth)[0])
    assert torch.equal(best_joints(one, one_truth), best_joints(hypotheses, truth)[0])


def test_values_of_the_mean(truth):
    steps = torch.tensor([-1.0, 0.0, 4.0]).view(1, H, 1, 1, 1)
    torch.testing.assert_close(mean_pose(truth[:, None] + steps), truth + 1)


def test_best_pose_equals_brute_force(hypotheses, truth):
    chosen = best_pose(hypotheses, truth)
    taken = set()
    for b in range(B):
        for t in range(T):
            errors = [mpjpe(hypotheses[b, h, t], truth[b, t]) for h in range(H)]
            best = errors.index(min(errors))
            taken.add(best)
            assert torch.equal(chosen[b, t], hypotheses[b, best, t])
    assert len(taken) > 1


def test_best_pose_takes_the_least_mean_not_the_least_norm():
    truth = torch.zeros(1, 2, 3)
    hypotheses = torch.zeros(2, 1, 2, 3)
    hypotheses[0, 0, 0, 0] = 4  # mean 2, norm 4
    hypotheses[1, 0, :, 0] = 2.5  # mean 2.5, norm 3.5
    assert torch.equal(best_pose(hypotheses, truth), hypotheses[0])


def test_best_joints_equals_brute_force(hypotheses, truth):
    chosen = best_joints(hypotheses, truth)
    distances = torch.linalg.vector_norm(hypotheses - truth[:, None], dim=-1)
    for b in range(B):
        for t in range(T):
            for k in range(K):
                best = int(distances[b, :, t, k].argmin())
                assert torch.equal(chosen[b, t, k], hypotheses[b, best, t, k])


def test_the_oracles_are_in_order(hypotheses, truth):
    """Joints can be chosen no worse than poses, poses no worse than any hypothesis."""
    joints = mpjpe(best_joints(hypotheses, truth), truth)
    poses = mpjpe(best_pose(hypotheses, truth), truth)
    each = mpjpe(hypotheses, truth[:, None].expand_as(hypotheses))
    assert (joints < poses).all()
    torch.testing.assert_close(poses, each.amin(1))


def test_the_truth_among_the_hypotheses_is_found(hypotheses, truth):
    hypotheses[:, 2] = truth
    assert torch.equal(best_pose(hypotheses, truth), truth)
    assert torch.equal(best_joints(hypotheses, truth), truth)


def test_one_hypothesis_is_the_result(hypotheses, truth):
    one = hypotheses[:, :1]
    for pose in (mean_pose(one), best_pose(one, truth), best_joints(one, truth)):
        assert torch.equal(pose, one[:, 0])


def test_only_seen_joints_choose_the_pose(hypotheses, truth):
    seen = torch.ones(B, T, K, dtype=torch.bool)
    seen[..., 5] = False
    expected = best_pose(
        hypotheses[..., seen[0, 0], :], truth[..., seen[0, 0], :]
    )  # as if joint 5 were not there
    hypotheses[:, 0, :, 5] = truth[..., 5, :] + 100
    truth[..., 5, :] = torch.nan
    chosen = best_pose(hypotheses, truth, seen)
    assert torch.equal(chosen[..., seen[0, 0], :], expected)


def test_hypotheses_that_are_no_number_lose(hypotheses, truth):
    hypotheses[:, 0] = torch.nan
    expected = best_pose(hypotheses[:, 1:], truth)
    assert torch.equal(best_pose(hypotheses, truth), expected)
    assert best_joints(hypotheses, truth).isfinite().all()


def test_invalid(hypotheses, truth):
    for call in (mean_pose, lambda x: best_pose(x, truth)):
        with pytest.raises(ValueError, match='H of 1 or more'):
            call(hypotheses[:, :0])
        with pytest.raises(ValueError, match='hypotheses have shape'):
            call(truth[0])
    for choose in (best_pose, best_joints):
        with pytest.raises(ValueError, match='do not fit'):
            choose(hypotheses, truth[:, 1:])
        with pytest.raises(ValueError, match='do not fit'):
            choose(hypotheses, hypotheses)
