import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.geometry.rectangles import Rectangles
from mmpose_ext.models.views import BatchCutOcclude
from mmpose_ext.models.views.batch_cut_occlude import paste


def located(number):
    """Channels hold x, y and the number of the image."""
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(40.0), indexing='ij')
    return torch.stack(
        [torch.stack([x, y, torch.full_like(x, b)]) for b in range(number)]
    )


def test_paste():
    """The joint at (30, 10) is covered with what is about (8, 50): x is x."""
    images = located(2)
    rectangles = Rectangles(
        torch.tensor([[[30.0, 10.0]], [[4.0, 5.0]]]),
        torch.tensor([[[3.0, 2.0]], [[3.0, 2.0]]]),
        torch.tensor([[True], [False]]),
    )
    after = paste(images, images.flip(0), rectangles, torch.tensor([[[8.0, 50.0]]] * 2))
    expected = images.clone()
    expected[0, :, 8:12, 27:33] = images[1, :, 48:52, 5:11]
    assert torch.equal(after, expected)


def test_paste_at_a_border():
    """Nothing comes from outside of the other image."""
    images = located(2)
    there = torch.tensor([[True]] * 2)
    rectangles = Rectangles(
        torch.tensor([[[20.0, 30.0]]] * 2), torch.tensor([[[4.0, 4.0]]] * 2), there
    )
    after = paste(images, images.flip(0), rectangles, torch.tensor([[[1.0, 0.0]]] * 2))
    changed = after[0, 2] != images[0, 2]
    rows, columns = (
        changed.any(1).nonzero().flatten(),
        changed.any(0).nonzero().flatten(),
    )
    assert rows.tolist() == [30, 31, 32, 33]
    assert columns.tolist() == [19, 20, 21, 22, 23]


def test_last_lies_on_top():
    images = located(2)
    rectangles = Rectangles(
        torch.tensor([[[20.0, 30.0], [22.0, 30.0]]] * 2),
        torch.full((2, 2, 2), 4.0),
        torch.ones(2, 2, dtype=torch.bool),
    )
    taken = torch.tensor([[[10.0, 10.0], [12.0, 50.0]]] * 2)
    after = paste(images, images.flip(0), rectangles, taken)
    assert after[0, 1, 30, 22] == 50 and after[0, 1, 30, 17] == 10


def test_operator(call):
    """Each covered place shows some joint of the partner."""
    images = located(8)
    joints = torch.tensor([[10.0, 12.0], [28.0, 15.0], [20.0, 45.0]]).expand(8, 3, 2)
    after = call(BatchCutOcclude(1, (3, 4), jitter=0.0), images, joints)
    seen = set()
    for b in range(8):
        changed = after[b, 2] != b
        assert changed.sum() == 36
        x, y = after[b, 0][changed].mean() + 0.5, after[b, 1][changed].mean() + 0.5
        at = (joints[0] - torch.stack([x, y])).abs().amax(-1)
        assert at.min() < 1e-3
        rows, columns = changed.nonzero().T.float()
        place = torch.stack([columns.mean() + 0.5, rows.mean() + 0.5])
        covered = (joints[0] - place).abs().amax(-1)
        assert covered.min() < 1e-3
        seen.add((at.argmin().item(), covered.argmin().item()))
    assert len(seen) > 3, 'any joint over any other'


def test_joint_of_the_other_image(call):
    """What is pasted is about a joint where the partner has it."""
    images = located(3)
    joints = torch.tensor([[[10.0, 12.0]], [[28.0, 45.0]], [[15.0, 30.0]]])
    after = call(BatchCutOcclude(1, (3, 4), jitter=0.0), images, joints)
    for b in range(3):
        changed = after[b, 2] != b
        partner = int(after[b, 2][changed][0])
        centre = after[b, :2][:, changed].mean(-1) + 0.5
        assert torch.equal(centre, joints[partner, 0])


def test_score_threshold(call):
    """Neither a joint that is not seen is covered, nor one taken."""
    images = located(4)
    joints = torch.tensor([[10.0, 12.0], [28.0, 45.0]]).expand(4, 2, 2)
    scores = torch.tensor([[0.9, 0.1]] * 4)
    operator = BatchCutOcclude(2, (3, 4), jitter=0.0, score_threshold=0.5)
    after = call(operator, images, joints, scores)
    changed = after[:, 2] != images[:, 2]
    assert changed.flatten(1).sum(1).tolist() == [36] * 4
    assert torch.equal(after[:, :2], images[:, :2]), 'from the same joint'
    scores = torch.tensor([[0.9, 0.9], [0.1, 0.1]])
    images, joints = located(2), joints[:2]
    assert torch.equal(call(operator, images, joints, scores), images)


def test_in_config(batch, call):
    operator = MODELS.build(dict(type='BatchCutOcclude', num_joints=2))
    after = call(operator, *batch)
    share = (after != batch[0]).any(1).float().mean()
    assert 0.01 < share < 0.15
    with pytest.raises(ValueError, match='half_size='):
        BatchCutOcclude(half_size=(4, 2))
