"""Each operator gives what Pillow gives."""

import numpy as np
import pytest
import torch
from mmpose.registry import MODELS
from PIL import Image, ImageEnhance, ImageOps

from mmpose_ext.models.views import BatchRandAugment
from mmpose_ext.models.views.batch_rand_augment import OPERATORS

FILL = torch.tensor([124.0, 116.0, 104.0])


def some_images():
    """Noise, a narrow range, one colour, two levels, a channel that never varies."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 40, 30, 3))
    images[1] = rng.integers(90, 140, (40, 30, 3))
    images[2] = (10, 200, 77)
    images[3] = rng.choice([3, 250], (40, 30, 3), p=[0.9, 0.1])
    images[4, :, :, 1] = 0
    images[5] = rng.normal(128, 60, (40, 30, 3)).clip(0, 255)
    return images.astype(np.uint8)


def enhance(kind):
    return lambda image, sign: kind(image).enhance(1 + 0.6 * sign)


def solarize_add(image, sign):
    levels = np.asarray(image).astype(int) + 73
    return ImageOps.solarize(Image.fromarray(levels.clip(0, 255).astype(np.uint8)), 128)


PILLOW = {
    'AutoContrast': lambda image, sign: ImageOps.autocontrast(image),
    'Equalize': lambda image, sign: ImageOps.equalize(image),
    'Invert': lambda image, sign: ImageOps.invert(image),
    'Posterize': lambda image, sign: ImageOps.posterize(image, 4),
    'Solarize': lambda image, sign: ImageOps.solarize(image, 85),
    'SolarizeAdd': solarize_add,
    'Brightness': enhance(ImageEnhance.Brightness),
    'Contrast': enhance(ImageEnhance.Contrast),
    'Color': enhance(ImageEnhance.Color),
    'Sharpness': enhance(ImageEnhance.Sharpness),
}


def to_batch(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()


def apply(name, images, sign, **options):
    number = len(images)
    return BatchRandAugment(**options).apply_operators(
        images,
        torch.full((number,), OPERATORS.index(name)),
        torch.full((number,), float(sign)),
        torch.full((number, 2), 0.5),
        FILL,
    )


def test_all_operators_are_tested():
    assert set(OPERATORS) == {*PILLOW, 'CutoutAbs'} and len(OPERATORS) == 11


@pytest.mark.parametrize('sign', [-1, 1])
@pytest.mark.parametrize('name', PILLOW)
def test_as_pillow(name, sign):
    images = some_images()
    found = apply(name, to_batch(images), sign).permute(0, 2, 3, 1).numpy()
    for image, after in zip(images, found, strict=True):
        expected = np.asarray(PILLOW[name](Image.fromarray(image), sign))
        np.testing.assert_array_equal(after, expected)
    changed = (found != images).any((1, 2, 3))
    assert changed.any(), 'the operator does something to some image'


@pytest.mark.parametrize('magnitude', [5, 30])
def test_strength(magnitude):
    """Other strengths, where they enter."""
    images = some_images()
    part = magnitude / 30
    expected = {
        'Posterize': lambda i: ImageOps.posterize(i, 6 - int(4 * part)),
        'Solarize': lambda i: ImageOps.solarize(i, int(256 - 256 * part)),
        'Brightness': lambda i: ImageEnhance.Brightness(i).enhance(1 + 0.9 * part),
        'Color': lambda i: ImageEnhance.Color(i).enhance(1 + 0.9 * part),
    }
    for name, operator in expected.items():
        found = apply(name, to_batch(images), 1, magnitude=magnitude)
        for image, after in zip(images, found, strict=True):
            np.testing.assert_array_equal(
                after.permute(1, 2, 0), np.asarray(operator(Image.fromarray(image)))
            )


def test_cutout():
    images = torch.full((1, 3, 128, 96), 200.0)
    after = apply('CutoutAbs', images, 1)
    cut = (after[0] != 200).any(0)
    assert cut.sum() == 53 * 53
    assert cut.any(1).nonzero().flatten().float().mean() == pytest.approx(63.5, abs=0.6)
    assert cut.any(0).nonzero().flatten().float().mean() == pytest.approx(47.5, abs=0.6)
    assert (after[0][:, cut].T == FILL).all()


def test_each_image_its_own_operators(call):
    """A mixed batch is what its images are one by one."""
    images = to_batch(some_images())
    operators = torch.tensor([0, 8, 1, 9, 10, 6])
    signs = torch.tensor([1.0, -1, 1, 1, -1, -1])
    places = torch.rand(6, 2)
    module = BatchRandAugment()
    together = module.apply_operators(images, operators, signs, places, FILL)
    for b in range(6):
        one = slice(b, b + 1)
        alone = module.apply_operators(
            images[one], operators[one], signs[one], places[one], FILL
        )
        assert torch.equal(together[one], alone)


def test_draws(call):
    """Two operators in turn, all of them in use, both signs."""
    images = to_batch(some_images())[:1].expand(600, -1, -1, -1)[..., :8, :8]
    after = call(BatchRandAugment(num_ops=1, operators=['Brightness']), images)
    ratio = after.sum((1, 2, 3)) / images[0].sum()
    darker = ratio < 0.6
    assert darker.float().mean() == pytest.approx(0.5, abs=0.07)
    kinds = {tuple(image.flatten().tolist()) for image in after}
    assert len(kinds) == 2
    after = call(BatchRandAugment(num_ops=1), images)
    assert len({tuple(image.flatten().tolist()) for image in after}) >= 14
    invert = BatchRandAugment(num_ops=2, operators=['Invert'])
    assert torch.equal(call(invert, images), images), 'twice is not at all'
    again = call(BatchRandAugment(), images)
    assert torch.equal(again, call(BatchRandAugment(), images))
    assert not torch.equal(again, call(BatchRandAugment(), images, seed=1))
    assert torch.equal(again, again.round()) and 0 <= again.min() <= again.max() <= 255


def test_invalid():
    with pytest.raises(ValueError, match='num_ops=0'):
        BatchRandAugment(0)
    with pytest.raises(ValueError, match='magnitude=31'):
        BatchRandAugment(magnitude=31)
    with pytest.raises(ValueError, match=r"operators=\['Rotate'\]"):
        BatchRandAugment(operators=['Rotate'])


def test_in_config(batch, call):
    operator = MODELS.build(dict(type='BatchRandAugment', num_ops=2, magnitude=20))
    assert 'magnitude=20' in repr(operator) and not list(operator.parameters())
    call(operator, *batch)
