"""Bone lengths and rotations of whole windows."""

import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.geometry import (
    H36M17,
    MPI_INF_3DHP17,
    rotate_poses,
    rotvec_to_rotmat,
    scale_bones,
    symmetric_bones,
)


def windows(skeleton=H36M17, frames=4):
    generator = torch.Generator().manual_seed(0)
    shape = (2, frames, skeleton.num_joints, 3)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def bones_of(pose, skeleton):
    """Bone vectors ``(..., K, 3)`` by the joint at the end; the root's is zero."""
    parents = [p if p >= 0 else j for j, p in enumerate(skeleton.parents)]
    return pose - pose[..., parents, :]


def test_symmetric_bones():
    assert symmetric_bones() == (
        *((1, 4), (2, 5), (3, 6), (7,), (8,), (9,), (10,)),
        *((11, 14), (12, 15), (13, 16)),
    )


@pytest.mark.parametrize('skeleton', [H36M17, MPI_INF_3DHP17], ids=lambda s: s.name)
def test_scaled_lengths(skeleton):
    """Every bone gets its group's ratio and keeps its direction, in all frames."""
    pose = windows(skeleton)
    groups = symmetric_bones(skeleton)
    ratios = torch.linspace(0.8, 1.3, 2 * len(groups), dtype=pose.dtype).view(2, -1)
    scaled = scale_bones(pose, ratios, skeleton)
    assert torch.equal(scaled[..., skeleton.root, :], pose[..., skeleton.root, :])
    before, after = bones_of(pose, skeleton), bones_of(scaled, skeleton)
    for number, group in enumerate(groups):
        for joint in group:
            expected = ratios[:, number, None, None] * before[..., joint, :]
            assert_close(after[..., joint, :], expected)


def test_nothing_is_nothing():
    """Exactly, in single precision too."""
    pose = windows().float()
    assert torch.equal(scale_bones(pose, torch.ones(2, 10)), pose)
    assert torch.equal(rotate_poses(pose, torch.zeros(2, 3)), pose)


def test_rotations():
    pose = windows()
    rotvec = torch.tensor([[0.3, -1.1, 0.4], [0, 0, 3.0]], dtype=pose.dtype)
    matrix = torch.from_numpy(rotvec_to_rotmat(rotvec.numpy()))[:, None, None]
    for root in (0, 5):
        centre = pose[..., root : root + 1, :]
        expected = (matrix @ (pose - centre)[..., None])[..., 0] + centre
        assert_close(rotate_poses(pose, rotvec, root=root), expected)
    lengths = bones_of(rotate_poses(pose, rotvec), H36M17).norm(dim=-1)
    assert_close(lengths, bones_of(pose, H36M17).norm(dim=-1))


def test_sense_of_rotation():
    """A quarter turn about z, which points away from the camera: x becomes y."""
    pose = torch.zeros(1, 17, 3, dtype=torch.float64)
    pose[0, 1, 0] = 1
    turned = rotate_poses(pose, torch.tensor([0, 0, torch.pi / 2], dtype=pose.dtype))
    assert_close(turned[0, 1], torch.tensor([0, 1.0, 0], dtype=torch.float64))


def test_gradients():
    """Also at rest, where a norm has no derivative."""
    pose = windows(frames=1)
    for start in (0.0, 0.4):
        rotvec = torch.full((2, 3), start, dtype=pose.dtype, requires_grad=True)
        ratios = torch.ones(2, 10, dtype=pose.dtype, requires_grad=True)
        assert torch.autograd.gradcheck(
            lambda r, s: rotate_poses(scale_bones(pose, s), r), (rotvec, ratios)
        )


def test_invalid():
    pose = windows()
    with pytest.raises(ValueError, match=r'\(\.\.\., T, 17, 3\)'):
        scale_bones(pose[..., :16, :], torch.ones(2, 10))
    with pytest.raises(ValueError, match=r'ratios has shape \(2, 9\).*\(2, 10\)'):
        scale_bones(pose, torch.ones(2, 9))
    with pytest.raises(ValueError, match=r'rotation has shape \(3,\).*\(2, 3\)'):
        rotate_poses(pose, torch.zeros(3))
    with pytest.raises(ValueError, match=r'pose must be'):
        rotate_poses(pose[0, 0], torch.zeros(3))
