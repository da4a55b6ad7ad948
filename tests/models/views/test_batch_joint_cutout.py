import pytest
import torch
from mmpose.registry import MODELS
from torch import nn

from mmpose_ext.geometry.rectangles import JointPatches
from mmpose_ext.models.views import BatchJointCutout
from mmpose_ext.models.views.batch_joint_cutout import joint_cutout_of

FILL = torch.tensor([124.0, 116.0, 104.0])


def changed_pixels(before, after):
    return (before != after).any(dim=1)


def test_values(batch, call):
    """Two of four joints, without jitter: squares of the mean colour about them."""
    images = batch[0]
    joints = torch.tensor([[20.0, 30.0], [70, 30], [20, 90], [95, 127]])
    operator = BatchJointCutout(2, half_size=(5, 6), jitter=0.0)
    after = call(operator, images, joints.expand(6, 4, 2))
    squares = torch.zeros(4, 128, 96, dtype=torch.bool)
    for square, (x, y) in zip(squares, joints.int().tolist(), strict=True):
        square[y - 5 : y + 5, x - 5 : x + 5] = True
    drawn = torch.zeros(4)
    for image, where in zip(after, changed_pixels(images, after), strict=True):
        hit = torch.stack([where[square].all() for square in squares])
        assert hit.sum() == 2
        assert torch.equal(where, squares[hit].any(0)), 'nothing else is touched'
        assert (image[:, where].T == FILL).all()
        drawn += hit
    assert (drawn > 0).all()


def test_all_parts_can_be_masked(call):
    """Also what lies lower than the image is wide."""
    images = torch.full((64, 3, 256, 192), 200.0)
    for y in (10.0, 120.0, 235.0):
        joints = torch.tensor([[[96.0, y]]]).expand(64, 5, 2)
        masked = changed_pixels(images, call(BatchJointCutout(), images, joints))
        assert masked.any(0).float().sum() > 2500
        assert masked.flatten(1).any(1).all()
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(64, 17, 2, generator=generator) * torch.tensor([191.0, 255.0])
    masked = changed_pixels(images, call(BatchJointCutout(), images, joints))
    share = masked.any(0).float()
    assert share.mean() > 0.97 and share[192:].mean() > 0.97


def test_amount(call):
    """Five patches of 29 x 29 on average, as the published sizes say."""
    images = torch.full((60, 3, 256, 192), 200.0)
    joints = torch.tensor([[30.0, 40.0], [90, 128], [160, 210], [40, 200], [150, 50]])
    operator = BatchJointCutout(5, jitter=0.0)
    after = call(operator, images, joints.expand(60, 5, 2))
    share = changed_pixels(images, after).float().mean((1, 2))
    assert share.mean().item() == pytest.approx(5 * 29 * 29 / (256 * 192), rel=0.06)


def test_score_threshold(batch, call):
    images, joints, scores = batch
    scores = scores.clone()
    scores[0] = 0.0
    operator = BatchJointCutout(4, score_threshold=0.2)
    changed = changed_pixels(images, call(operator, images, joints, scores))
    assert not changed[0].any() and changed[1:].flatten(1).any(1).all()


def test_fill_and_draws(batch, call):
    images, joints, scores = batch
    after = call(BatchJointCutout(fill=0.0), images, joints, scores)
    where = changed_pixels(images, after)
    assert where.any() and (after.permute(0, 2, 3, 1)[where] == 0).all()
    again = call(BatchJointCutout(fill=0.0), images, joints, scores)
    assert torch.equal(after, again)
    other = call(BatchJointCutout(fill=0.0), images, joints, scores, seed=1)
    assert not torch.equal(after, other)


def test_invalid():
    with pytest.raises(ValueError, match="fill='grey'"):
        BatchJointCutout(fill='grey')
    with pytest.raises(ValueError, match='num_joints='):
        BatchJointCutout(0)


def test_in_config(batch, call):
    config = dict(type='BatchJointCutout', num_joints=[2, 3], half_size=[3, 5])
    operator = MODELS.build(config)
    assert 'num_joints=[2, 3]' in repr(operator) and not list(operator.parameters())
    call(operator, *batch)


def test_cutout_of_a_model():
    """Its own sizes, at another number of joints; the model keeps its own."""
    own = BatchJointCutout(5, half_size=(3, 6), jitter=2.0, replace=True, fill=7)
    found = joint_cutout_of(nn.ModuleList([nn.Identity(), own]), 2)
    assert own.patches.num_joints == 5 and found.fill == 7
    assert found.patches == JointPatches(2, (3, 6), 2.0, replace=True)
    assert joint_cutout_of(nn.Identity(), 3).patches == BatchJointCutout(3).patches
