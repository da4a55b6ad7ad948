import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.layers import PoseEmbedding


def embedding(**options):
    torch.manual_seed(0)
    return PoseEmbedding(3, 8, **{'num_joints': 5, 'seq_len': 4, **options})


@pytest.mark.parametrize('frames', [1, 3, 4])
def test_shapes(frames):
    x = torch.randn(2, frames, 5, 3)
    assert embedding()(x).shape == (2, frames, 5, 8)
    assert embedding(temporal=False)(x).shape == (2, frames, 5, 8)


def test_values():
    module, x = embedding(), torch.randn(2, 3, 5, 3)
    out = module(x)
    for t, k in ((0, 0), (2, 4), (1, 3)):
        expected = module.proj(x[:, t, k]) + module.joints[0, 0, k]
        assert_close(out[:, t, k], expected + module.frames[0, t, 0])
    assert module.joints.std().item() == pytest.approx(0.02, rel=0.3)
    assert module.frames.std().item() == pytest.approx(0.02, rel=0.3)


def test_without_temporal_embedding():
    module = embedding(temporal=False)
    assert set(module.state_dict()) == {'proj.weight', 'proj.bias', 'joints'}
    frame = torch.randn(1, 1, 5, 3)
    out = module(frame.repeat(1, 9, 1, 1))
    assert (out == out[:, :1]).all(), 'any number of frames, all alike'


@pytest.mark.parametrize(
    'shape', [(2, 4, 6, 3), (2, 4, 5, 2), (4, 5, 3), (2, 4, 3, 5), (1, 2, 4, 5, 3)]
)
def test_invalid(shape):
    with pytest.raises(ValueError, match=r'\(B, T, 5, 3\), got .*joint set'):
        embedding()(torch.zeros(shape))


def test_clip_too_long():
    with pytest.raises(ValueError, match='5 frames.*at most 4'):
        embedding()(torch.zeros(1, 5, 5, 3))
