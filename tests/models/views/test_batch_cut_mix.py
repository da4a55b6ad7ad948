import pytest
import torch

from mmpose_ext.models.views import BatchCutMix
from mmpose_ext.models.views.partners import draw_partners


def numbered(number=8):
    """Image b holds 10 b + channel everywhere."""
    levels = 10.0 * torch.arange(number)[:, None] + torch.arange(3)
    return levels[..., None, None].expand(-1, -1, 64, 48).clone()


def test_values(call):
    images = numbered()
    after = call(BatchCutMix(2, (5, 9)), images)
    taken = set()
    for b, image in enumerate(after):
        others = {int(level) // 10 for level in image.unique()} - {b}
        assert len(others) == 1, 'one partner, never itself'
        taken |= others
        assert torch.equal(image[1] - image[0], torch.ones(64, 48))
        share = (image[0] != 10 * b).float().mean()
        assert 0 < share <= 2 * 16 * 16 / (64 * 48)
    assert taken == set(range(8)), 'each image gives once'


def test_same_place(batch, call):
    images = batch[0]
    after = call(BatchCutMix(), images)
    changed = (after != images).any(1)
    assert changed.flatten(1).any(1).all()
    for b in range(6):
        pixels = after[b][:, changed[b]]
        from_same_place = [
            bool((pixels == other[:, changed[b]]).all()) for other in images
        ]
        assert sum(from_same_place) == 1


@pytest.mark.parametrize('number', [1, 2, 3, 8])
def test_partners(number):
    for seed in range(20):
        partners = draw_partners(number, torch.Generator().manual_seed(seed))
        assert sorted(partners.tolist()) == list(range(number))
        if number > 1:
            assert (partners != torch.arange(number)).all()


def test_alone(call):
    images = numbered(1)
    assert torch.equal(call(BatchCutMix(), images), images)


def test_invalid():
    with pytest.raises(ValueError, match='num_patches=0'):
        BatchCutMix(0)
