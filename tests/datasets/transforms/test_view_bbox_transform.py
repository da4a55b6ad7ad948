"""ViewBBoxTransform: the two distributions of easy views."""

import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

from mmpose_ext.datasets.transforms import ViewBBoxTransform

BOX = np.array([[100.0, 200]], np.float32)


def draws(number=20_000, **options):
    """Rotations in degrees and factors of the box."""
    np.random.seed(0)
    boxes = np.repeat(BOX, number, axis=0)
    results = ViewBBoxTransform(**options).transform(dict(bbox_scale=boxes))
    factors = results['bbox_scale'] / boxes
    np.testing.assert_allclose(factors[:, 0], factors[:, 1], rtol=1e-5)
    assert (boxes == BOX).all(), 'the given array is left alone'
    return results['bbox_rotation'], factors[:, 0]


def test_shapes():
    results = dict(bbox_scale=BOX)
    assert TRANSFORMS.build(dict(type='ViewBBoxTransform')).transform(results)
    assert results['bbox_rotation'].shape == (1,)
    assert results['bbox_scale'].shape == (1, 2)
    assert {results[k].dtype for k in ('bbox_rotation', 'bbox_scale')} == {
        np.dtype(np.float32)
    }


def test_values_uniform():
    rotation, factor = draws(rotation=60, scale=0.5)
    for values, low, high in ((rotation, -60, 60), (factor, 0.5, 1.5)):
        assert values.min() >= low and values.max() <= high
        shares = np.histogram(values, bins=4, range=(low, high))[0] / len(values)
        np.testing.assert_allclose(shares, 0.25, atol=0.02)
    assert abs(np.corrcoef(rotation, factor)[0, 1]) < 0.03


def test_values_clipped_normal():
    """The released code: std 0.18 of the scale, 16 % of it on each limit."""
    rotation, factor = draws(distribution='clipped_normal', rotation_prob=0.6)
    assert abs(factor.std() - 0.18) < 0.005
    for limit in (0.75, 1.25):
        assert abs((factor == np.float32(limit)).mean() - 0.159) < 0.01
    assert np.abs(rotation).max() == 60
    assert abs((rotation == 0).mean() - 0.4) < 0.01
    turned = rotation[rotation != 0]
    assert abs((np.abs(turned) == 60).mean() - 0.0455) < 0.01
    assert abs((np.abs(turned) < 30).mean() - 0.683) < 0.01


def test_none_of_it():
    rotation, factor = draws(100, rotation=0, scale=0)
    assert not rotation.any() and (factor == 1).all()
    rotation, _ = draws(100, rotation_prob=0)
    assert not rotation.any()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(distribution='normal'), "'normal'; expected one of .*clipped_normal"),
        (dict(rotation=-1), 'degrees from 0 on'),
        (dict(scale=1.0), 'scale=1.0; expected at least 0 and below 1'),
        (dict(rotation_prob=1.5), 'rotation_prob=1.5; expected 0 to 1'),
    ],
)
def test_invalid(options, message):
    with pytest.raises(ValueError, match=message):
        ViewBBoxTransform(**options)


def test_without_box():
    with pytest.raises(ValueError, match='GetBBoxCenterScale'):
        ViewBBoxTransform().transform({})
