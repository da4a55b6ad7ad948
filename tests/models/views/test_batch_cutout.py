import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models.views import BatchCutout


def test_values(call):
    images = torch.full((200, 3, 128, 96), 255.0)
    after = call(BatchCutout(num_patches=1, half_size=(4, 7), fill=0), images)
    cut = (after == 0).all(1)
    assert torch.equal(cut, (after != 255).any(1))
    share = cut.float().mean((1, 2))
    # 10 x 10 on average, cut where they reach over the border
    kept = (1 - 10 / 4 / 128) * (1 - 10 / 4 / 96)
    assert share.mean().item() == pytest.approx(100 * kept / 128 / 96, rel=0.06)
    more = (call(BatchCutout(4, (4, 7), fill=0), images) == 0).all(1)
    assert more.float().mean() > 3.5 * cut.float().mean()
    assert more.any(0).float().mean() > 0.98, 'everywhere'


def test_mean_colour(batch, call):
    images = batch[0]
    after = call(MODELS.build(dict(type='BatchCutout')), images)
    where = (after != images).any(1)
    colours = after.permute(0, 2, 3, 1)[where].unique(dim=0)
    assert colours.tolist() == [[124, 116, 104]]


def test_invalid():
    with pytest.raises(ValueError, match='num_patches=0'):
        BatchCutout(0)
    with pytest.raises(ValueError, match='half_size='):
        BatchCutout(1, (3, 3))
    with pytest.raises(ValueError, match='fill=300'):
        BatchCutout(fill=300)
