import pytest
import torch
from no_waiting import NoWaiting
from torch.testing import assert_close

from mmpose_ext.models.layers.point_sampling import (
    farthest_point_sampling,
    gather_points,
    nearest_neighbours,
)


def clouds(batch=3, number=40, *, seed=0):
    """Clouds of a person 3 m away, and masks that leave out points anywhere."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(batch, number, 3, generator=generator) * 0.4
    points[..., 2] += 3
    mask = torch.rand(batch, number, generator=generator) < 0.7
    points[~mask] = 0
    return points, mask


def far_one_by_one(points, mask, number):
    """Farthest points of one cloud by the definition."""
    real = mask.nonzero()[:, 0].tolist()
    centre = points[real].mean(0)
    found = [max(real, key=lambda i: float((points[i] - centre).norm()))]
    while len(found) < min(number, len(real)):
        left = [i for i in real if i not in found]
        nearest = {
            i: float((points[i] - points[found]).norm(dim=-1).min()) for i in left
        }
        found.append(max(left, key=nearest.get))
    return found


def public_farthest(points, start, number):
    """The public algorithm from a given start: batched, a loop over the samples."""
    rows, farthest, found = torch.arange(len(points)), start, []
    distance = torch.full(points.shape[:2], 1e10)
    for _ in range(number):
        found.append(farthest)
        here = torch.cdist(points, points[rows, farthest, None])[..., 0]
        distance = torch.minimum(distance, here)
        farthest = distance.argmax(-1)
    return torch.stack(found, dim=1)


def test_shapes():
    points, mask = clouds()
    assert farthest_point_sampling(points, mask, 7).shape == (3, 7)
    assert nearest_neighbours(points, points, mask, 5).shape == (3, 40, 5)
    assert nearest_neighbours(points[:, :6], points, mask, 99).shape == (3, 6, 40)
    near = nearest_neighbours(points, points, mask, 5)
    assert gather_points(points, near).shape == (3, 40, 5, 3)
    assert gather_points(mask, near[:, 0]).shape == (3, 5)


def test_farthest_points():
    points, mask = clouds()
    found = farthest_point_sampling(points, mask, 12)
    for cloud, real, indices in zip(points, mask, found, strict=True):
        assert indices.tolist() == far_one_by_one(cloud, real, 12)
    everything = torch.ones_like(mask)
    found = farthest_point_sampling(points, everything, 12)
    assert torch.equal(found, public_farthest(points, found[:, 0], 12))
    assert torch.equal(farthest_point_sampling(points, everything, 5), found[:, :5])


def test_all_real_points_come_before_any_comes_again():
    points, mask = clouds()
    points[:, 10:20] = points[:, 10:11]  # ten at one place
    found = farthest_point_sampling(points, mask, 60)
    for real, indices in zip(mask, found.tolist(), strict=True):
        number = int(real.sum())
        assert sorted(indices[:number]) == real.nonzero()[:, 0].tolist()
        assert all(real[i] for i in indices[number:])


def test_samples_of_samples():
    """Sampling the samples again from the first of them keeps their order."""
    points, _ = clouds(number=50)
    found = farthest_point_sampling(points, torch.ones(3, 50, dtype=torch.bool), 20)
    again = public_farthest(gather_points(points, found), torch.zeros(3).long(), 8)
    assert again.tolist() == [list(range(8))] * 3


def test_nearest():
    points, mask = clouds()
    query = torch.randn(3, 9, 3) * 0.4 + torch.tensor([0.0, 0, 3])
    distance = torch.cdist(query.double(), points.double())
    distance = distance.masked_fill(~mask[:, None], torch.inf)
    expected = distance.sort(dim=-1)
    found = nearest_neighbours(query, points, mask, 40)
    number = int(mask.sum(1).min())
    assert torch.equal(found[..., :number], expected.indices[..., :number])
    itself = nearest_neighbours(points, points, mask, 1)[..., 0]
    assert torch.equal(itself[mask], torch.arange(40).expand(3, -1)[mask])


def test_padding_is_the_last_choice():
    points, mask = clouds()
    near = nearest_neighbours(points, points, mask, 40)
    real = gather_points(mask, near)
    for cloud in range(3):
        number = int(mask[cloud].sum())
        assert real[cloud, :, :number].all() and not real[cloud, :, number:].any()


def test_half_precision_under_autocast():
    """Points a millimetre apart, 3 m away, are told apart under autocast too."""
    line = torch.zeros(1, 64, 3)
    line[0, :, 2] = 3 + torch.arange(64) * 0.001
    mask = torch.ones(1, 64, dtype=torch.bool)
    with torch.autocast('cpu', torch.bfloat16):
        near = nearest_neighbours(line, line, mask, 3)
        far = farthest_point_sampling(line, mask, 3)
    for point in range(1, 63):
        assert sorted(near[0, point].tolist()) == [point - 1, point, point + 1]
    assert set(far[0, :2].tolist()) == {0, 63} and far[0, 2] in (31, 32)


def test_no_real_point():
    points, mask = torch.zeros(2, 5, 3), torch.zeros(2, 5, dtype=torch.bool)
    for found in (
        farthest_point_sampling(points, mask, 7),
        nearest_neighbours(points, points, mask, 3),
    ):
        assert found.min() >= 0 and found.max() < 5


def test_gather():
    values = torch.randn(3, 8, 2, 4, requires_grad=True)
    indices = torch.randint(8, (3, 5, 6))
    found = gather_points(values, indices)
    rows = torch.arange(3)[:, None, None]
    assert torch.equal(found, values[rows, indices])
    weight = torch.randn_like(found)
    (one,) = torch.autograd.grad((found * weight).sum(), values)
    (two,) = torch.autograd.grad((values[rows, indices] * weight).sum(), values)
    assert_close(one, two)


def test_no_waiting():
    points, mask = clouds()
    with NoWaiting():
        kept = farthest_point_sampling(points, mask, 6)
        gather_points(nearest_neighbours(points, points, mask, 4), kept)


def test_invalid():
    points, mask = clouds()
    with pytest.raises(ValueError, match='num_samples=0'):
        farthest_point_sampling(points, mask, 0)
    with pytest.raises(ValueError, match=r'at least one point, got .*\(3, 0, 3\)'):
        farthest_point_sampling(points[:, :0], mask[:, :0], 2)
