"""Random rectangles about joints: numbers, sizes, places, reproducibility."""

import numpy as np
import pytest
import torch
from no_waiting import NoWaiting

from mmpose_ext.geometry.rectangles import (
    JointPatches,
    PatchSize,
    Rectangles,
    scattered_rectangles,
)

B, K = 400, 17


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def some_joints(seed=0):
    """Joints far from each other, so that a rectangle tells its joint."""
    joints = torch.stack([torch.arange(K) * 1000.0, torch.full((K,), 50.0)], -1)
    return joints.expand(B, -1, -1), torch.ones(B, K)


def joint_of(rectangles):
    return (rectangles.centres[..., 0] / 1000).round().long()


def test_mask():
    """By hand: half open, cut at the borders, empty outside or where none exists."""
    rectangles = Rectangles(
        torch.tensor([[[3.0, 2.0], [0.0, 5.0], [-9.0, 2.0], [3.0, 2.0]]]),
        torch.tensor([[[2.0, 1.0]] * 4]),
        torch.tensor([[True, True, True, False]]),
    )
    masks = rectangles.masks((8, 6))
    assert masks.shape == (1, 4, 6, 8) and masks.dtype == torch.bool
    first = torch.zeros(6, 8, dtype=torch.bool)
    first[1:3, 1:5] = True
    assert torch.equal(masks[0, 0], first)
    corner = torch.zeros(6, 8, dtype=torch.bool)
    corner[4:6, 0:2] = True
    assert torch.equal(masks[0, 1], corner)
    assert not masks[0, 2].any() and not masks[0, 3].any()
    assert torch.equal(rectangles.union((8, 6))[0, 0], first | corner)


def test_size_does_not_depend_on_the_place():
    centres = 30 + 40 * torch.rand(B, 1, 2, generator=seeded())
    half = torch.tensor([[[7.0, 4.0]]]).expand(B, 1, 2)
    masks = Rectangles(centres, half, torch.ones(B, 1, dtype=torch.bool)).masks(
        (100, 110)
    )
    assert (masks.sum((-2, -1)) == 14 * 8).all()
    columns = (masks.any(-2) * torch.arange(100)).sum(-1) / 14
    rows = (masks.any(-1) * torch.arange(110)).sum(-1) / 8
    offset = torch.stack([columns, rows], -1) - centres
    assert offset.abs().max() <= 0.5 and offset.mean().abs() < 0.05


def test_different_joints():
    joints, scores = some_joints()
    rectangles = JointPatches(5).draw(joints, scores, seeded())
    drawn = joint_of(rectangles)
    assert rectangles.exist.all() and drawn.shape == (B, 5)
    assert all(len(set(row.tolist())) == 5 for row in drawn)
    share = torch.bincount(drawn.flatten(), minlength=K) / drawn.numel()
    assert (share - 1 / K).abs().max() < 0.02


def test_with_replacement():
    joints, scores = some_joints()
    drawn = joint_of(JointPatches(5, replace=True).draw(joints, scores, seeded()))
    different = np.mean([len(set(row.tolist())) for row in drawn])
    assert different == pytest.approx(K * (1 - (1 - 1 / K) ** 5), abs=0.1)
    many = JointPatches(40, replace=True).draw(joints, scores, seeded())
    assert many.exist.shape == (B, 40) and many.exist.all()


def test_places_and_sizes():
    joints, scores = some_joints()
    patches = JointPatches(5, half_size=(10, 20), jitter=10.0)
    rectangles = patches.draw(joints, scores, seeded())
    offset = rectangles.centres - joints[:, :1] * 0
    offset = torch.stack(
        [offset[..., 0] - 1000 * joint_of(rectangles), offset[..., 1] - 50], -1
    ).flatten(0, 1)
    assert offset.std(0).tolist() == pytest.approx([10, 10], rel=0.06)
    assert offset.mean(0).abs().max() < 1
    assert abs(torch.corrcoef(offset.T)[0, 1]) < 0.08
    half = rectangles.half_sizes
    assert half.unique().tolist() == list(range(10, 20))
    assert (half[..., 0] != half[..., 1]).float().mean() == pytest.approx(0.9, abs=0.03)
    assert half.mean().item() == pytest.approx(14.5, abs=0.2)


@pytest.mark.parametrize('replace', [False, True])
def test_score_threshold(replace):
    joints, scores = some_joints()
    scores = torch.zeros(B, K)
    scores[:, 3], scores[:, 7], scores[:, 9] = 0.5, 0.9, 0.3
    scores[0] = 0.0
    patches = JointPatches(5, score_threshold=0.3, replace=replace)
    rectangles = patches.draw(joints, scores, seeded())
    assert not rectangles.exist[0].any(), 'nothing to draw'
    drawn, exist = joint_of(rectangles)[1:], rectangles.exist[1:]
    assert set(drawn[exist].tolist()) == {3, 7}
    assert (exist.sum(-1) == (5 if replace else 2)).all()


def test_number_of_joints():
    joints, scores = some_joints()
    rectangles = JointPatches((1, 4)).draw(joints, scores, seeded())
    counts = torch.bincount(rectangles.exist.sum(-1), minlength=5)
    assert counts[0] == 0 and (counts[1:] > B / 4 * 0.7).all() and len(counts) == 5
    all_joints = JointPatches(30).draw(joints, scores, seeded())
    assert all_joints.exist.sum(-1).unique().tolist() == [K]


def test_reproducible():
    """Equal generators give equal draws, and scores do not move what follows."""
    joints, scores = some_joints()
    patches = JointPatches((1, 4), score_threshold=0.5)
    ones, other = seeded(3), seeded(3)
    first = patches.draw(joints, scores, ones)
    again = patches.draw(joints, scores, seeded(3))
    assert torch.equal(first.centres, again.centres)
    patches.draw(joints, 0 * scores, other)
    assert torch.equal(torch.rand(3, generator=ones), torch.rand(3, generator=other))


def test_scattered():
    images = torch.zeros(B, 3, 40, 90)
    found = scattered_rectangles(images, 4, PatchSize(3, 6), seeded())
    x, y = found.centres.flatten(0, 1).T
    assert -0.5 <= x.min() < 1 and 88 < x.max() < 89.5
    assert -0.5 <= y.min() < 1 and 38 < y.max() < 39.5
    assert x.mean() == pytest.approx(44.5, abs=2) and found.exist.all()
    assert found.half_sizes.unique().tolist() == [3, 4, 5]


def test_invalid():
    for wrong in ((0, 3), (5, 5), (9, 3)):
        with pytest.raises(ValueError, match=r'half_size=.*low < high'):
            JointPatches(half_size=wrong)
    for wrong in (0, -1, (3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match='num_joints='):
            JointPatches(wrong)
    with pytest.raises(ValueError, match='jitter=-1'):
        JointPatches(jitter=-1)


def test_no_waiting():
    joints, scores = some_joints()
    with NoWaiting():
        for replace in (False, True):
            patches = JointPatches((2, 5), score_threshold=0.5, replace=replace)
            patches.draw(joints, scores, seeded()).union((32, 48))
