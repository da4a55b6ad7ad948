import pytest
import torch
from mmpose.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmpose_ext.geometry.similarity import transform_points
from mmpose_ext.models.views.easy_hard_views import EasyHardViews

SIZE = (48, 64)
STRONG = dict(rotation=60, scale=0.4)


def build(**options):
    defaults = dict(type='EasyHardViews', size=SIZE, easy=STRONG, hard=STRONG)
    return MODELS.build({**defaults, **options})


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def blobs(number=8, size=(90, 100)):
    """Images with one bright spot each, and where it is."""
    places = torch.stack(
        [45 + 6 * torch.rand(number, generator=generator(1)) for _ in range(2)], dim=-1
    ).round()
    x, y = torch.arange(size[0]), torch.arange(size[1])[:, None]
    distance = (x - places[:, 0, None, None]) ** 2 + (y - places[:, 1, None, None]) ** 2
    images = (255 * torch.exp(-distance / 18)).to(torch.uint8)[:, None]
    return images.expand(-1, 3, -1, -1).contiguous(), places


def centroid(images):
    """Centre of mass ``(B, 2)`` of the spots."""
    weight = images[:, 0] / images[:, 0].sum((1, 2), keepdim=True)
    x, y = torch.arange(SIZE[0]), torch.arange(SIZE[1])[:, None]
    return torch.stack([(weight * x).sum((1, 2)), (weight * y).sum((1, 2))], dim=-1)


def to_input(number=8):
    """Takes the middle of a blob image to the middle of the view."""
    return torch.tensor([[1.0, 0, -24], [0, 1, -16.5]]).repeat(number, 1, 1)


@pytest.mark.parametrize('independent_flips', [False, True])
def test_values(independent_flips):
    """What is at a point of the easy view is at the mapped point of the hard one."""
    images, _ = blobs()
    views = build(independent_flips=independent_flips)(
        images, to_input(), generator=generator()
    )
    assert views.easy.shape == views.hard.shape == (8, 3, 64, 48)
    mapped = transform_points(views.easy_to_hard, centroid(views.easy)[:, None])[:, 0]
    assert_close(mapped, centroid(views.hard), atol=0.05, rtol=0)
    mirrored = torch.det(views.easy_to_hard[:, :, :2]) < 0
    assert mirrored.any() == independent_flips


def test_still_view_is_the_box():
    images, places = blobs()
    still = build(easy=dict(rotation=0, scale=0), flip_prob=0.0)
    views = still(images, to_input(), generator=generator())
    assert_close(
        centroid(views.easy), places - torch.tensor([24, 16.5]), atol=0.02, rtol=0
    )


def test_flips():
    """Both views of a person are mirrored, or none is."""
    images, places = blobs()
    still = dict(rotation=0, scale=0)
    views = build(easy=still, hard=still, flip_prob=1.0)(
        images, to_input(), generator=generator()
    )
    expected = places - torch.tensor([24, 16.5])
    expected[:, 0] = SIZE[0] - 1 - expected[:, 0]
    assert_close(centroid(views.easy), expected, atol=0.02, rtol=0)
    assert_close(
        views.easy_to_hard, torch.eye(3)[:2].repeat(8, 1, 1), atol=1e-5, rtol=0
    )


class Paint(nn.Module):
    """Keeps what it is called with, and paints everything."""

    def forward(self, images, joints, scores, *, generator, fill):
        self.joints, self.images = joints, images
        return torch.ones_like(images) * fill[:, None, None]


@pytest.mark.parametrize('hard_from', ['image', 'easy_crop'])
def test_operators(hard_from):
    """They see the joints where they are in the image that they get."""
    model = build(hard_from=hard_from)
    images, _ = blobs(size=SIZE) if hard_from == 'easy_crop' else blobs()
    views = model(images, to_input(), generator=generator())
    joints, paint = centroid(views.easy)[:, None], Paint()
    fill = torch.tensor([1.0, 2, 3])
    hard = model.harden(
        views, [paint], joints, joints[..., 0], generator=generator(), fill=fill
    )
    assert hard.shape == (8, 3, 64, 48)
    assert hard[:, :, 32, 24].allclose(fill)
    seen = transform_points(views.easy_to_hard, joints)
    assert_close(paint.joints, seen if hard_from == 'image' else joints)
    source = views.hard if hard_from == 'image' else views.easy
    assert paint.images is source


@pytest.mark.parametrize('easy', [STRONG, None])
def test_easy_crop_is_the_easy_view(easy):
    """One setting makes it so, whatever the config says of easy views."""
    images, _ = blobs(size=SIZE)
    model = build(hard_from='easy_crop', easy=easy)
    views = model(images, to_input(), generator=generator())
    assert_close(views.easy, images.float())
    assert views.hard is None


def test_draws_belong_to_the_generator():
    images, _ = blobs()
    model = build()
    first, again, other = (
        model(images, to_input(), generator=generator(seed)) for seed in (0, 0, 1)
    )
    assert_close(first.hard, again.hard)
    assert not torch.allclose(first.hard, other.hard)


def test_crops_of_another_size():
    model = build(hard_from='easy_crop')
    images, _ = blobs(size=(90, 100))
    with pytest.raises(ValueError, match=r'of \(48, 64\) pixels.*got \(90, 100\): end'):
        model(images, to_input(), generator=generator())


def test_invalid():
    with pytest.raises(ValueError, match='hard_from'):
        EasyHardViews(SIZE, hard=STRONG, easy=STRONG, hard_from='crop')
    with pytest.raises(ValueError, match='easy view'):
        EasyHardViews(SIZE, hard=STRONG)
    with pytest.raises(ValueError, match='flip_prob'):
        EasyHardViews(SIZE, hard=STRONG, easy=STRONG, flip_prob=2)
