import math

import pytest
import torch
from torch import nn

from mmpose_ext.models.layers import PoseGenerator


@pytest.fixture
def pose():
    pose = 0.4 * torch.randn(6, 5, 17, 3, generator=torch.Generator().manual_seed(0))
    return pose - pose[:, :, :1]


def generator_of(std, **options):
    torch.manual_seed(0)
    network = PoseGenerator(16, noise_dims=4, **options)
    nn.init.normal_(network.proposal.weight, std=std)
    return network


def test_shapes(pose):
    change = PoseGenerator(16, noise_dims=4)(pose, torch.randn(6, 4))
    assert [tuple(part.shape) for part in change] == [(6, 3), (6, 10), (6,)]
    assert change.apply(pose).shape == pose.shape


def test_starts_with_no_change(pose):
    change = PoseGenerator(16, noise_dims=4)(pose, torch.randn(6, 4))
    assert torch.equal(change.apply(pose), pose)
    assert (change.strength == 0).all()


@pytest.mark.parametrize('std', [0.3, 1e4])
def test_bounds(pose, std):
    """Whatever the network says."""
    network = generator_of(std, max_rotation=30.0, max_ratio=1.25)
    change = network(pose, torch.randn(6, 4))
    angles = change.rotation.norm(dim=-1)
    assert angles.max() <= math.radians(30) * (1 + 1e-6) and angles.min() > 0
    assert (change.ratios <= 1.25 + 1e-6).all() and (change.ratios >= 0.8 - 1e-6).all()
    assert (change.strength > 0).all() and (change.strength <= 2 + 1e-6).all()
    if std > 1:
        assert (angles > math.radians(29.9)).all()
        assert (change.strength > 1.9).all()


def test_strength(pose):
    change = generator_of(0.3, max_rotation=30.0, max_ratio=1.25)(
        pose, torch.randn(6, 4)
    )
    share = change.rotation.norm(dim=-1) / math.radians(30)
    ratios = change.ratios.log() / math.log(1.25)
    expected = share.square() + ratios.square().mean(-1)
    torch.testing.assert_close(change.strength, expected)


def test_change_is_rigid_in_time(pose):
    """The same rotation and lengths in all frames: equal frames stay equal."""
    still = pose[:, :1].expand(-1, 5, -1, -1)
    change = generator_of(0.3)(pose, torch.randn(6, 4))
    changed = change.apply(still)
    torch.testing.assert_close(changed, changed[:, :1].expand(-1, 5, -1, -1))
    assert (changed[:, :, 0] == 0).all()


def test_noise_and_pose_matter(pose):
    network = generator_of(0.3)
    noise = torch.randn(2, 4)
    same = pose[:1].expand(2, -1, -1, -1)
    by_noise = network(same, noise).rotation
    by_pose = network(pose[:2], noise[:1].expand(2, -1)).rotation
    assert not torch.allclose(by_noise[0], by_noise[1], atol=1e-3)
    assert not torch.allclose(by_pose[0], by_pose[1], atol=1e-3)


def test_no_freedom(pose):
    change = generator_of(1.0, max_rotation=0.0, max_ratio=1.0)(pose, torch.randn(6, 4))
    assert torch.equal(change.apply(pose), pose)


@pytest.mark.parametrize(
    'options',
    [
        dict(max_rotation=-1.0),
        dict(max_rotation=181.0),
        dict(max_ratio=0.9),
        dict(max_ratio=math.nan),
        dict(noise_dims=0),
        dict(embed_dims=0),
    ],
)
def test_invalid(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PoseGenerator(**options)
