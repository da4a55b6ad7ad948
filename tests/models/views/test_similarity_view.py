import math

import pytest
import torch
from mmpose.registry import MODELS

from mmpose_ext.models.views import SimilarityView

SIZE = (192, 256)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def parts(maps):
    """Rotation in degrees, scale and flip of each map."""
    flip = torch.linalg.det(maps[:, :, :2]) < 0
    side = torch.where(flip, -1.0, 1.0)
    scale = 1 / maps[:, 0, :2].norm(dim=-1)
    degrees = torch.rad2deg(torch.atan2(maps[:, 0, 1], maps[:, 0, 0] * side))
    return degrees, scale, flip


def draw(number=20000, **options):
    return parts(SimilarityView(size=SIZE, **options).draw(number, seeded()))


def test_shapes():
    maps = SimilarityView(size=SIZE).draw(7, seeded())
    assert maps.shape == (7, 2, 3) and maps.dtype == torch.float32
    assert not list(SimilarityView(size=SIZE).parameters())
    again = SimilarityView(size=SIZE).draw(7, seeded())
    assert torch.equal(maps, again)
    assert not torch.equal(maps, SimilarityView(size=SIZE).draw(7, seeded(1)))


def test_uniform():
    """The paper's Affine 60."""
    degrees, scale, flip = draw(rotation=60, scale=0.5)
    assert degrees.abs().max() <= 60.001 and 0.499 < scale.min() and scale.max() < 1.501
    assert degrees.std().item() == pytest.approx(120 / math.sqrt(12), rel=0.02)
    assert scale.std().item() == pytest.approx(1 / math.sqrt(12), rel=0.02)
    assert abs(degrees.mean()) < 1 and abs(scale.mean() - 1) < 0.01
    assert abs(torch.corrcoef(torch.stack([degrees, scale]))[0, 1]) < 0.03
    assert not flip.any()


def test_clipped_normal():
    """The released code's Affine 30: it reaches 60 degrees, with atoms on limits."""
    degrees, scale, _ = draw(distribution='clipped_normal', rotation=30, scale=0.25)
    assert degrees.abs().max() == pytest.approx(60, abs=1e-3)
    assert ((degrees.abs() - 60).abs() < 1e-3).float().mean() == pytest.approx(
        0.0455, abs=0.006
    )
    assert scale.min() == pytest.approx(0.75) and scale.max() == pytest.approx(1.25)
    assert scale.std().item() == pytest.approx(0.18, abs=0.005)
    assert (scale > 1.2499).float().mean() == pytest.approx(0.159, abs=0.01)


def test_probabilities():
    degrees, scale, flip = draw(rotation_prob=0.6, flip_prob=0.3)
    assert (degrees.abs() > 1e-3).float().mean() == pytest.approx(0.6, abs=0.015)
    assert flip.float().mean() == pytest.approx(0.3, abs=0.015)
    assert (scale != 1).float().mean() > 0.99
    assert draw(rotation_prob=0.0)[0].abs().max() < 1e-3


@pytest.mark.parametrize(
    'option',
    [
        dict(rotation=-1),
        dict(rotation=200),
        dict(scale=1.0),
        dict(scale=-0.1),
        dict(rotation_prob=1.5),
        dict(flip_prob=-0.1),
        dict(distribution='normal'),
    ],
)
def test_invalid(option):
    with pytest.raises(ValueError, match=f'{next(iter(option))}=.*expected'):
        SimilarityView(size=SIZE, **option)


def test_in_config():
    view = MODELS.build(dict(type='SimilarityView', rotation=60, size=SIZE))
    assert 'rotation=60' in repr(view)
