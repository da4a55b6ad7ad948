import math

import pytest
import torch
from mmengine.logging import MessageHub
from torch.testing import assert_close

from mmpose_ext.models.losses import InfoNCEBoundLoss, info_nce

SNR = 4.0
TRUTH = 0.5 * math.log(1 + SNR)  # nats of one channel


def loss_module(channels=3, seed=0, **options):
    torch.manual_seed(seed)
    settings = dict(loss_weight=1.0, num_joints=2, constant_joints=(0,))
    return InfoNCEBoundLoss(channels, **{**settings, **options})


def toy(frames=512, joints=2, seed=0):
    """Support S and label Y = S + noise of true information 2 TRUTH and TRUTH."""
    generator = torch.Generator().manual_seed(seed)
    support, noise = torch.randn((2, frames, 1, joints, 3), generator=generator)
    return support, support + noise * SNR**-0.5


@pytest.fixture
def hub():
    MessageHub.get_instance('info_nce')
    return MessageHub.get_current_instance()


def test_values():
    scores = torch.randn(2, 4, 4)
    logits = scores - scores.logsumexp(-1, keepdim=True)
    expected = math.log(4) + logits.diagonal(dim1=1, dim2=2).mean()
    assert_close(info_nce(scores), expected)
    # Nothing is known: no information. Everything is known: the ceiling.
    assert_close(info_nce(torch.zeros(2, 4, 4)), torch.tensor(0.0))
    certain = 100 * torch.eye(4).expand(2, 4, 4)
    assert_close(info_nce(certain), torch.tensor(math.log(4)))


def test_masked_pairs_do_not_count():
    scores = torch.randn(2, 5, 5)
    weight = torch.ones(2, 5)
    weight[:, 3] = 0
    kept = [0, 1, 2, 4]
    expected = info_nce(scores[:, kept][:, :, kept])
    assert_close(info_nce(scores, weight), expected)
    scores[:, 3], scores[:, :, 3] = 1e6, -1e6
    assert_close(info_nce(scores, weight), expected)
    assert info_nce(scores, torch.zeros(2, 5)) == 0


def test_bound_of_the_toy(hub):
    """Trained on one half, the bound of the other half stays below the truth."""
    module = loss_module(frame_spacing=1, max_frames=128)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    support, label = toy(4096)
    for step in range(300):
        hub.update_info('iter', step)
        rows = torch.arange(step * 128, (step + 1) * 128) % 4096
        optimizer.zero_grad()
        found = module((support[rows], support[rows]), label[rows], None)
        found['loss_mi'].backward()
        optimizer.step()
    test_support, test_label = toy(2048, seed=1)
    found = [
        module((s, s), y, None)
        for s, y in zip(test_support.split(128), test_label.split(128), strict=True)
    ]
    mi_2d = torch.stack([f['mi_2d'] for f in found]).mean().item()
    mi_d = torch.stack([f['mi_d'] for f in found]).mean().item()
    assert 2 * TRUTH - 0.35 < mi_2d < 2 * TRUTH + 0.02
    assert TRUTH - 0.2 < mi_d < TRUTH + 0.02


def test_negatives_are_the_same_joint(hub):
    """A support that only tells which joint it is carries nothing."""
    joint = torch.tensor([5.0, -5.0, 9.0])[:, None].expand(64, 1, 3, 3)
    module = loss_module(num_joints=3)
    found = module((joint, joint), joint + 0.1 * torch.randn(64, 1, 3, 3), None)
    # Every support of a joint scores a label the same: at most nothing is gained.
    assert -0.05 < found['mi_2d'].item() <= 1e-6
    assert -0.05 < found['mi_d'].item() <= 1e-6


def test_frames_used(hub):
    module = loss_module(frame_spacing=16, max_frames=12)
    seen = set()
    for step in range(40):
        hub.update_info('iter', step)
        rows = module._choose_frames(4, 50, torch.device('cpu'))
        assert len(rows) == 12 and len(rows.unique()) == 12
        frames = (rows % 50).unique()
        assert frames.diff().min() >= 16
        assert torch.equal(rows, module._choose_frames(4, 50, torch.device('cpu')))
        seen |= set(frames.tolist())
    assert len(seen) > 30, 'over the steps all frames get their turn'


def test_gradient(hub):
    support, label = toy(8)
    support.requires_grad_()
    found = loss_module()((support, support), label, None)
    assert_close(found['loss_mi'], -found['mi_2d'] - found['mi_d'])
    found['loss_mi'].backward()
    assert not support.grad[:, :, 0].any() and support.grad[:, :, 1].any()


def test_invalid(hub):
    support, label = toy(1)
    with pytest.raises(ValueError, match='two frames.* 1 windows of 1 frames gives 1'):
        loss_module()((support, support), label, None)
