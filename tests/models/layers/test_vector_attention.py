import torch
from torch.testing import assert_close

from mmpose_ext.models.layers.point_sampling import nearest_neighbours
from mmpose_ext.models.layers.vector_attention import VectorAttention


def case(number=7, channels=6, width=4, near=3):
    torch.manual_seed(0)
    layer = VectorAttention(channels, width).double()
    x = torch.randn(2, number, channels).double()
    positions = torch.randn(2, number, 3).double()
    mask = torch.ones(2, number, dtype=torch.bool)
    mask[0, 2] = mask[1, 3:] = False  # the second cloud has fewer than three points
    mask[1, 2] = False
    indices = nearest_neighbours(positions, positions, mask, near)
    return layer, x, positions, indices, mask


def test_values():
    """Point by point, neighbour by neighbour, by the formula."""
    layer, x, positions, near, mask = case()
    found = layer(x, positions, near, mask)
    query, key, value = layer.qkv(layer.enter(x)).chunk(3, dim=-1)
    for cloud in range(2):
        for point in mask[cloud].nonzero()[:, 0]:
            scores, values = [], []
            for other in near[cloud, point]:
                if not mask[cloud, other]:
                    continue
                offset = positions[cloud, point] - positions[cloud, other]
                offset = layer.position(offset)
                difference = query[cloud, point] - key[cloud, other] + offset
                scores.append(layer.weight(difference) / 4**0.5)
                values.append(value[cloud, other] + offset)
            share = torch.stack(scores).softmax(0)
            mixed = (share * torch.stack(values)).sum(0)
            assert_close(found[cloud, point], x[cloud, point] + layer.leave(mixed))


def test_without_a_real_neighbour():
    layer, x, positions, near, mask = case()
    x.requires_grad_()
    found = layer(x, positions, near, torch.zeros_like(mask))
    found.sum().backward()
    assert found.isfinite().all() and x.grad.isfinite().all()


def test_translation():
    """Only differences of positions enter."""
    layer, x, positions, near, mask = case()
    moved = positions + torch.tensor([1.0, -2, 3]).double()
    assert_close(layer(x, moved, near, mask), layer(x, positions, near, mask))
