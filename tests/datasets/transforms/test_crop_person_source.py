"""CropPersonSource: the piece from which all views are made."""

import cv2
import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import CropPersonSource
from mmpose_ext.geometry.similarity import compose, similarity, warp

SIZE = (48, 64)


def smooth_image(width=200, height=160, seed=0):
    """An image whose interpolation is not a matter of rounding."""
    noise = np.random.default_rng(seed).normal(0, 1, (height, width, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return np.clip(120 + 50 * smooth / smooth.std(), 20, 230).astype(np.uint8)


def person(center=(90, 80), scale=(40, 50), image=None):
    return dict(
        img=smooth_image() if image is None else image,
        bbox_center=np.array([center], np.float32),
        bbox_scale=np.array([scale], np.float32),
    )


def view(image, map_):
    """A view as the device makes it ``(H, W, 3)``."""
    tensor = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
    return warp(tensor, map_[None], SIZE)[0].permute(1, 2, 0).numpy()


def test_shapes():
    crop = TRANSFORMS.build(dict(type='CropPersonSource', input_size=SIZE))
    results = crop.transform(person())
    assert results['img'].dtype == np.uint8 and results['img'].flags.c_contiguous
    assert results['source_to_input'].shape == (2, 3)
    assert results['source_to_input'].dtype == np.float32
    assert results['source_reach'] == 1.5
    width, height = results['bbox_scale'][0]
    assert (width, height) == (40, pytest.approx(160 / 3))
    # Radius 1.5 * 80 / 2 input pixels, 40 / 48 image pixels each, and one more.
    assert results['img'].shape == (104, 104, 3)


def test_default_side():
    assert CropPersonSource((192, 256)).max_side == 424
    assert CropPersonSource((288, 384)).max_side == 636


@pytest.mark.parametrize('use_udp', [False, True])
@pytest.mark.parametrize(
    ('center', 'scale'),
    [((90, 80), (40, 50)), ((90.3, 80.6), (31, 77)), ((5, 150), (60, 50))],
    ids=['inside', 'between_pixels', 'at_the_corner'],
)
def test_plain_view_is_that_of_topdown_affine(center, scale, use_udp):
    results = CropPersonSource(SIZE, max_side=500, use_udp=use_udp).transform(
        person(center, scale)
    )
    expected = TopdownAffine(SIZE, use_udp).transform(person(center, scale))
    found = view(results['img'], torch.from_numpy(results['source_to_input']))
    np.testing.assert_allclose(results['bbox_scale'], expected['bbox_scale'], rtol=1e-6)
    # OpenCV interpolates at 1/32 of a pixel.
    difference = np.abs(found - expected['img'])
    assert np.median(difference) < 0.6 and difference.max() < 5


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('center', [(90, 80), (15, 10), (190, 150)])
def test_piece_holds_every_view_in_reach(center, flip):
    """The same view from the piece and from the whole image."""
    image = smooth_image() + 10
    results = CropPersonSource(SIZE, reach=1.5, max_side=500).transform(
        person(center, image=image)
    )
    whole = CropPersonSource(SIZE, reach=50, max_side=500).transform(
        person(center, image=image)
    )
    assert whole['img'].shape == image.shape
    for angle in torch.linspace(-torch.pi, torch.pi, 9):
        turn = similarity(angle, torch.tensor(1.5), torch.tensor(flip), size=SIZE)
        found, expected = (
            view(
                source['img'],
                compose(turn, torch.from_numpy(source['source_to_input'])),
            )
            for source in (results, whole)
        )
        np.testing.assert_allclose(found, expected, atol=0.2)
    assert results['img'].size < 0.6 * image.size


def test_piece_is_no_larger_than_it_must_be():
    """A view that is zoomed out a little further misses something."""
    image = smooth_image() + 10
    results = CropPersonSource(SIZE, reach=1.0, max_side=500).transform(
        person(image=image)
    )
    whole = CropPersonSource(SIZE, reach=50, max_side=500).transform(
        person(image=image)
    )
    corners = torch.tensor(np.arctan2(*SIZE))  # a diagonal upright
    views = []
    for source in (results, whole):
        turn = similarity(corners, torch.tensor(1.1), torch.tensor(False), size=SIZE)
        map_ = compose(turn, torch.from_numpy(source['source_to_input']))
        views.append(view(source['img'], map_))
    assert np.abs(views[0] - views[1]).max() > 20


def test_large_people_are_made_smaller_once():
    image = cv2.resize(smooth_image(), (800, 640), interpolation=cv2.INTER_CUBIC)
    large = person((360, 320), (160, 200), image)
    results = CropPersonSource(SIZE, max_side=120).transform(dict(large))
    assert max(results['img'].shape) == 120
    whole = CropPersonSource(SIZE, max_side=10_000).transform(dict(large))
    ratio = max(whole['img'].shape) / 120
    assert ratio > 3
    averaged = cv2.blur(whole['img'], (3, 3))  # as areas are, nearly
    found = view(results['img'], torch.from_numpy(results['source_to_input']))
    expected = view(averaged, torch.from_numpy(whole['source_to_input']))
    inner = np.abs(found - expected)[4:-4, 4:-4]
    assert inner.mean() < 1.0 and inner.max() < 8
    shifted = np.roll(expected, 1, axis=1)
    assert np.abs(found - shifted)[4:-4, 4:-4].mean() > 3, 'a pixel off would show'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(input_size=(48,)), 'width and height'),
        (dict(input_size=SIZE, reach=0.5), 'reach=0.5; expected at least 1'),
        (dict(input_size=SIZE, max_side=50), r'max_side=50 is less than .*\(48, 64\)'),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        CropPersonSource(**options)


@pytest.mark.parametrize(
    ('results', 'message'),
    [
        (person((-300, 80)), r'\(-300, 80\) lies outside of the image of 200 x 160'),
        (person(scale=(0, 0)), r'size \[0. 0.\] pixels'),
        (dict(img=smooth_image()), "'bbox_center', 'bbox_scale'.*GetBBoxCenterScale"),
        (
            {**person(), 'bbox_center': np.zeros((2, 2))},
            "2 boxes.*data_mode='topdown'",
        ),
    ],
)
def test_invalid_sample(results, message):
    with pytest.raises(ValueError, match=message):
        CropPersonSource(SIZE).transform(results)
