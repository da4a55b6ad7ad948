import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.layers import FrameContext


def context(**options):
    torch.manual_seed(0)
    settings = dict(channels=4, resolution=(2, 3), mlp_ratio=2)
    return FrameContext(8, 2, **{**settings, **options}).double()


def tokens():
    pose = torch.randn(2, 3, 5, 8, dtype=torch.float64)
    return pose, torch.randn(2, 3, 4, 2, 3, dtype=torch.float64)


def test_shapes():
    assert context()(*tokens()).shape == (2, 3, 5, 8)


def test_joints_see_the_map_of_their_frame_alone():
    layer, (pose, maps) = context(), tokens()
    other = maps.clone()
    other[1, 2, :, 0, 1] += 1
    changed = (layer(pose, maps) != layer(pose, other)).any(-1).any(-1)
    assert changed.tolist() == [[False] * 3, [False, False, True]]


def test_places_are_told_apart():
    layer, (pose, maps) = context(), tokens()
    assert not torch.allclose(layer(pose, maps), layer(pose, maps.flip(-1)))
    torch.nn.init.zeros_(layer.places)
    assert_close(layer(pose, maps), layer(pose, maps.flip(-1)))


def test_invalid():
    pose, maps = tokens()
    with pytest.raises(ValueError, match=r'expected a feature map of .*4, 2, 3.*got'):
        context()(pose, maps.transpose(-1, -2))
    with pytest.raises(ValueError, match='expected a feature map'):
        context()(pose, maps[:, :2])
