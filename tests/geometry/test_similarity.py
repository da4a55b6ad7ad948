"""Maps of planes: agreement with MMPose and OpenCV, group laws, sub-pixel warps."""

import math

import cv2
import numpy as np
import pytest
import torch
from mmpose.structures.bbox import get_warp_matrix
from no_waiting import NoWaiting

from mmpose_ext.codecs.heatmaps import render_like
from mmpose_ext.geometry.similarity import (
    compose,
    inside,
    invert,
    plane_to_plane,
    similarity,
    transform_points,
    warp,
    warp_views,
)

INPUT, HEATMAP = (192, 256), (48, 64)


def some_maps(number=64, seed=0, size=INPUT, rotation=60.0, scale=0.5):
    """Similarities of the paper's hard range, every second one mirrored."""
    generator = torch.Generator().manual_seed(seed)
    turn, zoom = 2 * torch.rand(2, number, generator=generator) - 1
    flip = torch.arange(number) % 2 == 1
    return similarity(turn * math.radians(rotation), 1 + scale * zoom, flip, size=size)


def test_values():
    """By hand on a plane of 5 x 3 with its centre at (2, 1)."""
    quarter = torch.tensor(math.pi / 2)
    no, yes = torch.tensor(False), torch.tensor(True)
    points = torch.tensor([[2.0, 1.0], [4.0, 1.0], [2.0, 3.0]])
    turned = transform_points(
        similarity(quarter, torch.tensor(1.0), no, size=(5, 3)), points
    )
    expected = torch.tensor([[2.0, 1.0], [2.0, -1.0], [4.0, 1.0]])
    torch.testing.assert_close(turned, expected, msg='right goes up, down goes right')
    still = torch.tensor(0.0)
    zoomed = similarity(still, torch.tensor(2.0), no, size=(5, 3))
    expected = torch.tensor([[2.0, 1.0], [3.0, 1.0], [2.0, 2.0]])
    torch.testing.assert_close(transform_points(zoomed, points), expected)
    mirrored = similarity(still, torch.tensor(1.0), yes, size=(5, 3))
    expected = torch.tensor([[2.0, 1.0], [0.0, 1.0], [2.0, 3.0]])
    torch.testing.assert_close(transform_points(mirrored, points), expected)
    both = similarity(quarter, torch.tensor(1.0), yes, size=(5, 3))
    expected = transform_points(
        similarity(quarter, torch.tensor(1.0), no, size=(5, 3)),
        transform_points(mirrored, points),
    )
    torch.testing.assert_close(transform_points(both, points), expected)


@pytest.mark.parametrize('degrees', [-50.0, 0.0, 20.0])
@pytest.mark.parametrize('scale', [0.6, 1.4])
def test_same_direction_as_mmpose(degrees, scale):
    """A view is MMPose's crop of the same box with that rotation and scale."""
    centre, box = np.array([100.0, 80.0]), np.array([90.0, 120.0])
    plain = get_warp_matrix(centre, box, 0, INPUT)
    augmented = get_warp_matrix(centre, box * scale, degrees, INPUT)
    found = similarity(
        torch.tensor(math.radians(degrees)),
        torch.tensor(scale),
        torch.tensor(False),
        size=(INPUT[0] + 1, INPUT[1] + 1),  # its centre, W / 2
    )
    found = compose(found, torch.from_numpy(plain).float())
    np.testing.assert_allclose(found.numpy(), augmented, atol=1e-3)


def test_no_shear():
    linear = some_maps()[:, :, :2]
    squares = linear.mT @ linear
    scale = squares[:, 0, 0]
    eye = torch.eye(2) * scale[:, None, None]
    torch.testing.assert_close(squares, eye, atol=1e-5, rtol=0)


def test_group():
    one, other = some_maps(seed=1), some_maps(seed=2)
    points = 200 * torch.rand(64, 17, 2)
    torch.testing.assert_close(
        transform_points(compose(one, other), points),
        transform_points(one, transform_points(other, points)),
        atol=1e-3,
        rtol=0,
    )
    torch.testing.assert_close(
        transform_points(invert(one), transform_points(one, points)),
        points,
        atol=1e-3,
        rtol=0,
    )
    affine = torch.tensor([[2.0, 1.0, 5.0], [0.5, 3.0, -7.0]])
    identity = torch.eye(3)[:2]
    torch.testing.assert_close(compose(affine, invert(affine)), identity)
    assert compose(one[:, None], other[None]).shape == (64, 64, 2, 3)


@pytest.mark.parametrize('udp', [False, True])
@pytest.mark.parametrize('heatmap', [HEATMAP, (48, 32)])
def test_plane_to_plane(udp, heatmap):
    map_, points = some_maps(), 200 * torch.rand(64, 17, 2)
    less = int(udp)
    ratio = torch.tensor(
        [(b - less) / (a - less) for a, b in zip(INPUT, heatmap, strict=True)]
    )
    found = plane_to_plane(map_, INPUT, heatmap, udp=udp)
    expected = transform_points(map_, points) * ratio
    torch.testing.assert_close(
        transform_points(found, points * ratio), expected, atol=1e-3, rtol=0
    )


@pytest.mark.parametrize('mode', ['bilinear', 'nearest'])
def test_as_opencv(mode):
    flags = dict(bilinear=cv2.INTER_LINEAR, nearest=cv2.INTER_NEAREST)[mode]
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (90, 70, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    maps = some_maps(6, size=(70, 90))
    batch = torch.from_numpy(image).permute(2, 0, 1).expand(6, -1, -1, -1)
    warped = warp(batch, maps, (60, 80), mode=mode)
    assert warped.dtype == torch.float32 and warped.shape == (6, 3, 80, 60)
    for found, map_ in zip(warped, maps, strict=True):
        expected = cv2.warpAffine(
            image, map_.numpy().astype(np.float64), (60, 80), flags=flags
        )
        found = found.permute(1, 2, 0).numpy()
        interior = cv2.erode(
            cv2.warpAffine(
                np.ones((90, 70), np.uint8), map_.numpy().astype(np.float64), (60, 80)
            ),
            np.ones((3, 3)),
        ).astype(bool)
        difference = np.abs(found - expected)[interior]
        assert interior.mean() > 0.15
        assert difference.mean() < 0.6 and difference.max() < 8


@pytest.mark.parametrize('mode', ['bilinear', 'bicubic', 'nearest'])
def test_exact_warps(mode):
    """Identity, whole shifts and flips move values and change none."""
    images = torch.rand(2, 3, 7, 5)
    identity = torch.eye(3)[:2].expand(2, -1, -1)
    torch.testing.assert_close(warp(images, identity, (5, 7), mode=mode), images)
    still = torch.zeros(2)
    flip = similarity(still, still + 1, still == 0, size=(5, 7))
    torch.testing.assert_close(warp(images, flip, (5, 7), mode=mode), images.flip(-1))
    shift = identity.clone()
    shift[:, :, 2] = torch.tensor([2.0, -3.0])
    moved = warp(images, shift, (6, 7), mode=mode)
    torch.testing.assert_close(moved[:, :, :4, 2:], images[:, :, 3:, :4])
    assert max(moved[:, :, :, :2].max(), moved[:, :, 4:].max()) < 1e-6


def centroid(heatmap, about, radius):
    """Centre of mass of a neighbourhood."""
    rows, columns = torch.meshgrid(
        torch.arange(heatmap.shape[0]), torch.arange(heatmap.shape[1]), indexing='ij'
    )
    offset = torch.stack([columns, rows], -1) - about
    weight = heatmap.double() * (offset.norm(dim=-1) <= radius)
    return about + (weight[..., None] * offset).sum((0, 1)) / weight.sum()


@pytest.mark.parametrize('udp', [False, True])
@pytest.mark.parametrize('mode', ['bilinear', 'bicubic'])
@pytest.mark.parametrize('heatmap', [HEATMAP, (64, 48), (72, 96)])
def test_warped_gaussian(udp, mode, heatmap):
    """From an easy to a hard view a peak lands on its joint, to 0.05 heatmap pixel.

    The joint is moved in input pixels, its heatmap in heatmap pixels.
    """
    input_size, sigma = (4 * heatmap[0], 4 * heatmap[1]), 2.0
    number = 48
    easy = some_maps(number, 3, input_size, rotation=30, scale=0.25)
    hard = some_maps(number, 4, input_size).roll(1, 0)  # half are mirrored
    map_ = compose(hard, invert(easy))
    size = torch.tensor(input_size, dtype=torch.float32)
    generator = torch.Generator().manual_seed(5)
    joints = (0.5 + 0.3 * (torch.rand(number, 9, 2, generator=generator) - 0.5)) * size
    less = int(udp)
    ratio = (torch.tensor(heatmap) - less) / (size - less)
    scores = torch.ones(number, 9)
    drawn = render_like(joints * ratio, scores, size=heatmap, sigma=sigma)
    carried = warp(
        drawn, plane_to_plane(map_, input_size, heatmap, udp=udp), heatmap, mode=mode
    )
    expected = transform_points(map_, joints) * ratio
    zoom = torch.linalg.det(map_[:, :, :2]).abs().sqrt()
    worst = 0.0
    for b in range(number):
        radius = 3.5 * sigma * zoom[b]
        room = torch.minimum(expected[b], torch.tensor(heatmap) - 1 - expected[b])
        for k in (room.min(-1).values > radius + 1).nonzero().flatten():
            found = centroid(carried[b, k], expected[b, k], radius)
            worst = max(worst, (found - expected[b, k]).norm().item())
    assert 0 < worst < 0.05


def test_naive_map_would_miss():
    """The margin of the test above: heatmaps turned about their own centre."""
    turn, one = torch.tensor([math.radians(30)]), torch.ones(1)
    still = torch.zeros(1, dtype=torch.bool)
    in_input = similarity(turn, one, still, size=INPUT)
    exact = plane_to_plane(in_input, INPUT, HEATMAP)
    naive = similarity(turn, one, still, size=HEATMAP)
    point = torch.tensor([[[20.0, 40.0]]])
    miss = transform_points(exact, point) - transform_points(naive, point)
    assert miss.norm() == pytest.approx(0.27, abs=0.03)


def test_inside():
    images = torch.ones(64, 1, *INPUT[::-1])
    maps = some_maps()
    found = inside(maps, INPUT, (60, 80))
    assert found.shape == (64, 1, 80, 60) and found.dtype == torch.bool
    assert torch.equal(found, warp(images, maps, (60, 80), mode='nearest') > 0.5)
    assert 0.05 < found.float().mean() < 0.95
    assert inside(torch.eye(3)[None, :2], (5, 7), (5, 7)).all()
    beyond = inside(torch.eye(3)[None, :2], (5, 7), (6, 9))[0, 0]
    assert beyond[:7, :5].all() and beyond.sum() == 35


def test_gradient():
    """Values pass back to where they came from."""
    images = torch.rand(2, 1, 6, 5, dtype=torch.double, requires_grad=True)
    warp(images, some_maps(2, size=(5, 6)), (5, 6)).sum().backward()
    assert images.grad.abs().sum() > 0


def test_autocast_keeps_coordinates():
    map_, points = some_maps(), 250 * torch.rand(64, 17, 2)
    expected = transform_points(compose(map_, map_), points)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = transform_points(compose(map_, map_), points)
        assert warp(torch.rand(64, 1, 8, 8), map_, (8, 8)).dtype == torch.float32
    torch.testing.assert_close(found, expected)


def test_several_views_are_those_of_one_by_one():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 2, 20, 30, generator=generator)
    maps = similarity(
        torch.rand(3, 4, generator=generator),
        1 + torch.rand(3, 4, generator=generator),
        torch.rand(3, 4, generator=generator) < 0.5,
        size=(30, 20),
    )
    views = warp_views(images, maps, (12, 16))
    assert len(views) == 4
    for number, view in enumerate(views):
        torch.testing.assert_close(view, warp(images, maps[:, number], (12, 16)))


def test_invalid():
    with pytest.raises(ValueError, match=r'maps \(B, 2, 3\), .*\(3, 1, 2, 3\)'):
        warp(torch.zeros(2, 1, 4, 4), torch.zeros(3, 2, 3), (4, 4))


def test_no_waiting():
    still = torch.zeros(2)
    with NoWaiting():
        map_ = similarity(still, still + 1, still == 0, size=INPUT)
        map_ = plane_to_plane(compose(map_, invert(map_)), INPUT, HEATMAP)
        warp(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), map_, HEATMAP)
        inside(map_, HEATMAP, HEATMAP)
        transform_points(map_, torch.zeros(2, 17, 2))
