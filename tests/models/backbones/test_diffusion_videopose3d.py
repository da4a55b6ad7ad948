import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.backbones import DiffusionVideoPose3D, VideoPose3D


def backbone(embed_dims=16, **options):
    torch.manual_seed(0)
    return DiffusionVideoPose3D(embed_dims=embed_dims, **options)


@pytest.mark.parametrize('frames', [1, 9, 30])
def test_shapes(frames):
    x, steps = torch.randn(3, frames, 17, 5), torch.tensor([0, 500, 999])
    assert backbone()(x, steps).shape == (3, frames, 16)


def test_values():
    """With a silent time embedding it is VideoPose3D; else each frame is shifted."""
    model = backbone().double().eval()
    plain = VideoPose3D(5, 16).double().eval()
    plain.load_state_dict(
        {k: v for k, v in model.state_dict().items() if k.startswith('tcn')}
    )
    x, steps = torch.randn(3, 30, 17, 5).double(), torch.tensor([0, 500, 999])
    found = model(x, steps)
    shifted = plain.expand(x) + model.time_embedding(steps)[..., None]
    assert_close(found, plain.encode(shifted))
    for window, step, one in zip(x, steps, found, strict=True):
        assert_close(model(window[None], step[None])[0], one)
    assert not torch.allclose(found[2], model(x, steps - steps)[2])
    torch.nn.init.zeros_(model.time_embedding.fc2.weight)
    torch.nn.init.zeros_(model.time_embedding.fc2.bias)
    assert_close(model(x, steps), plain(x))


def test_parameter_count():
    with torch.device('meta'):
        model = DiffusionVideoPose3D()
    convolutions = 17 * 5 * 1024 * 3 + 2 * 4 * 1024 * 1024 + 5 * 2 * 1024
    time = 1024 * 2048 + 2048 + 2048 * 1024 + 1024
    assert sum(p.numel() for p in model.parameters()) == convolutions + time


def test_all_parameters_receive_gradient():
    model, steps = backbone(), torch.tensor([3, 999])
    weights = torch.randn(2, 9, 16)
    (model(torch.randn(2, 9, 17, 5), steps) * weights).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_invalid():
    with pytest.raises(ValueError, match=r'\(B, T, 17, 5\), got \(1, 9, 17, 3\)'):
        backbone()(torch.zeros(1, 9, 17, 3), torch.zeros(1))
    with pytest.raises(ValueError, match=r'shape \(N,\), got \(1, 1\)'):
        backbone()(torch.zeros(1, 9, 17, 5), torch.zeros(1, 1))
    with pytest.raises(ValueError, match='two odd numbers'):
        backbone(kernel_sizes=(3, 2))
