from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.config import Config
from torch import nn
from torch.testing import assert_close

from mmpose_ext.engine.hooks import ChannelsLastHook

CONFIG = Path(__file__).parents[3] / 'configs/dual_student/dual_r18_coco.py'
LAST = torch.channels_last


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3)
    return nn.Sequential(*layers)


def test_only_the_layout_changes():
    plain, model = network(), network()
    ChannelsLastHook().before_run(SimpleNamespace(model=model))
    images = torch.rand(2, 3, 16, 12)
    maps, expected = model(images), plain(images)
    assert maps.is_contiguous(memory_format=LAST)
    assert not expected.is_contiguous(memory_format=LAST)
    assert_close(maps, expected)
    model.load_state_dict(plain.state_dict())
    assert model[0].weight.is_contiguous(memory_format=LAST)


def test_image_based_configs_have_it():
    config = Config.fromfile(CONFIG)
    assert config.default_hooks.channels_last.type == 'ChannelsLastHook'
