import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from torch import nn
from torch.testing import assert_close

from mmpose_ext.models.layers.temporal_parameter import (
    first_frames,
    resize_frames,
    resize_on_load,
)


class Windowed(nn.Module):
    """Two parameters of a window and one that is not resized."""

    def __init__(self, seq_len, joints=1):
        super().__init__()
        ramp = torch.arange(float(seq_len))[None, :, None, None]
        self.frames = nn.Parameter(ramp.repeat(1, 1, joints, 2))
        self.bias = nn.Parameter(10 * ramp)
        self.plain = nn.Parameter(torch.zeros(2))
        self.absent = None
        resize_on_load(self, 'frames', 'bias', 'absent')


def test_first_frames():
    parameter = torch.arange(4.0)[None, :, None]
    assert first_frames(parameter, 4).flatten().tolist() == [0, 1, 2, 3]
    assert first_frames(parameter, 2).flatten().tolist() == [0, 1]
    with pytest.raises(ValueError, match='5 frames.*at most 4.*cut the clip'):
        first_frames(parameter, 5)


def test_resize_frames():
    value = torch.tensor([0.0, 1.0, 4.0])[None, :, None, None] * torch.tensor([1.0, -1])
    longer = resize_frames(value, 5)
    assert longer.shape == (1, 5, 1, 2)
    assert_close(longer[0, :, 0, 0], torch.tensor([0, 0.5, 1, 2.5, 4]))
    assert_close(longer[..., 1], -longer[..., 0])
    shorter = resize_frames(value, 2)
    assert torch.equal(shorter, value[:, :2])
    shorter.zero_()
    assert value[0, 1, 0, 0] == 1, 'a slice of the checkpoint must not be shared'
    assert resize_frames(value.half(), 5).dtype == torch.float16
    assert resize_frames(torch.ones(1, 1, 3), 4).tolist() == [[[1, 1, 1]] * 4]


@pytest.mark.parametrize(
    ('old', 'new', 'word'), [(5, 3, 'sliced'), (3, 5, 'interpolated'), (4, 4, None)]
)
@pytest.mark.parametrize('load', ['torch', 'mmengine'])
def test_resize_on_load(old, new, word, load, warned):
    source, model = Windowed(old), nn.ModuleDict({'part': Windowed(new)})
    state = {f'part.{key}': value for key, value in source.state_dict().items()}
    nn.init.constant_(model.part.frames, -1)
    if load == 'torch':
        model.load_state_dict(state)
    else:
        load_state_dict(model, state, strict=True)
    expected = torch.arange(new) if new < old else torch.linspace(0, old - 1, new)
    assert_close(model.part.frames[0, :, 0, 1].data, expected.float())
    assert_close(model.part.bias[0, :, 0, 0].data, 10 * expected.float())
    assert state['part.frames'].shape[1] == old, 'the checkpoint is not ours to change'
    messages = [
        f'part.{name}: checkpoint of T={old} {word} to T={new}'
        for name in ('frames', 'bias')
    ]
    assert warned == (messages if word else [])


def test_invalid(warned):
    # Another number of joints is no matter of time.
    state = Windowed(5, joints=2).state_dict()
    with pytest.raises(RuntimeError, match='size mismatch for frames'):
        Windowed(3).load_state_dict(state)
    with pytest.raises(RuntimeError, match='Missing key.*bias'):
        Windowed(3).load_state_dict({'frames': torch.zeros(1, 3, 1, 2)})
    assert len(warned) == 1 and warned[0].startswith('bias')
