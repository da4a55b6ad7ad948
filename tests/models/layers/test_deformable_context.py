import math

import pytest
import torch
from torch.testing import assert_close

from mmpose_ext.models.layers.deformable_context import DeformableContext, sample_map

CHANNELS = (2, 3)


def layer(**options):
    torch.manual_seed(0)
    return DeformableContext(
        CHANNELS, 8, **{'num_heads': 2, 'num_points': 3, **options}
    ).double()


def tokens(num=2, joints=5):
    """Context and pose tokens, positions, and maps of two sizes."""
    context = torch.randn(num, 2, joints, 8, dtype=torch.float64)
    pose = torch.randn(num, 1, joints, 8, dtype=torch.float64)
    positions = torch.rand(num, joints, 2, dtype=torch.float64) - 0.5
    return context, pose, positions, [ramp(2, 8, num), ramp(3, 4, num)]


def ramp(channels, size, num=1):
    """Maps whose value at x, y in [-1, 1] is ``c + 10 x + 100 y``."""
    axis = (2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1
    plane = 10 * axis + 100 * axis[:, None]
    channel = torch.arange(channels, dtype=torch.float64)[:, None, None]
    return (channel + plane).expand(num, -1, -1, -1)


def ramp_at(x, y, channels):
    plane = 10 * x + 100 * y
    return plane[..., None] + torch.arange(channels, dtype=torch.float64)


@pytest.mark.parametrize('size', [4, 8, 64])
def test_samples_of_a_ramp(size):
    """A position is the same place in a map of any resolution."""
    positions = torch.rand(2, 5, 3, 2, dtype=torch.float64) * 1.5 - 0.75
    found = sample_map(ramp(2, size, 2), positions)
    assert_close(found, ramp_at(positions[..., 0], positions[..., 1], 2))


def test_samples_of_single_cells():
    maps = torch.arange(6.0).view(1, 1, 2, 3)
    centres = torch.tensor([[-2 / 3, -0.5], [0, -0.5], [2 / 3, 0.5]])
    assert sample_map(maps, centres[None, None]).flatten().tolist() == [0, 1, 5]
    beyond = torch.tensor([[-5.0, -5.0], [5.0, 5.0], [5.0, -0.5]])
    assert sample_map(maps, beyond[None, None]).flatten().tolist() == [0, 5, 2]
    assert sample_map(maps.half(), centres[None, None]).dtype == torch.float32


def test_shapes():
    args = tokens()
    assert layer()(*args).shape == args[0].shape


def test_values_without_offsets():
    """Then every point lies on the joint: plain bilinear sampling, projected."""
    model, (context, pose, positions, maps) = layer(), tokens()
    torch.nn.init.zeros_(model.offsets.bias)
    torch.nn.init.normal_(model.weights.bias)
    torch.nn.init.zeros_(model.mlp.fc2.weight), torch.nn.init.zeros_(model.mlp.fc2.bias)
    found = model(context, pose, positions, maps) - context
    for level, channels in enumerate(CHANNELS):
        value = ramp_at(positions[..., 0], positions[..., 1], channels)
        expected = model.projections[level](value).repeat(1, 1, 2)  # both heads alike
        assert_close(found[:, level], expected)


def test_values_of_the_first_offsets():
    """Equal weights of rings: the mean of a ramp shifts by 0.02 in x, head by head."""
    model, (context, pose, positions, maps) = layer(), tokens()
    torch.nn.init.zeros_(model.mlp.fc2.weight), torch.nn.init.zeros_(model.mlp.fc2.bias)
    found = (model(context, pose, positions, maps) - context)[:, 0].unflatten(
        -1, (2, 4)
    )
    shift = sum(math.tanh(0.01 * point) for point in (1, 2, 3)) / 3
    for head, side in enumerate((1, -1)):
        value = ramp_at(positions[..., 0] + side * shift, positions[..., 1], 2)
        expected = model.projections[0](value)
        assert_close(found[:, :, head], expected, atol=1e-6, rtol=0)


def test_start_of_the_offsets():
    rings = layer(num_heads=4).offsets.bias.detach().view(4, 3, 2)
    directions = torch.tensor([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    for point in range(3):
        assert_close(
            rings[:, point], 0.01 * (point + 1) * directions, atol=1e-8, rtol=1e-6
        )


def test_levels_mind_their_own_map_and_token():
    model, (context, pose, positions, maps) = layer(), tokens()
    for linear in (model.weights, model.offsets):
        torch.nn.init.normal_(linear.weight, std=0.1)
    before = model(context, pose, positions, maps)
    other = context.clone()
    other[:, 1] += torch.randn(8, dtype=torch.float64)
    for args in ((context, [maps[0], maps[1] + 1]), (other, maps)):
        after = model(args[0], pose, positions, args[1])
        assert torch.equal(before[:, 0], after[:, 0])
        assert not torch.allclose(before[:, 1], after[:, 1])
    other = context.clone()
    other[:, 0] += torch.randn(8, dtype=torch.float64)
    after = model(other, pose, positions, maps)
    assert torch.equal(before[:, 1], after[:, 1])
    after = model(context, pose + torch.randn(8, dtype=torch.float64), positions, maps)
    assert not torch.allclose(before, after), 'the pose says where to look'


def test_gradients():
    model, (context, pose, positions, maps) = layer(), tokens()
    for linear in (model.weights, model.offsets):  # at zero they hide the query
        torch.nn.init.normal_(linear.weight, std=0.1)
    positions.requires_grad_()
    inputs = [m.clone().requires_grad_() for m in maps]
    model(context, pose, positions, inputs).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    assert positions.grad.all() and all(m.grad.any() for m in inputs)


def test_invalid():
    with pytest.raises(ValueError, match='context_heads=3 does not divide'):
        layer(num_heads=3)
    context, pose, positions, maps = tokens()
    with pytest.raises(ValueError, match='zip'):
        layer()(context, pose, positions, maps[:1])
