import numpy as np
import pytest
import walking_people as people

from mmpose_ext.apis.appearance import LENGTH, colour_histograms, colour_similarity

PLACES = people.walk((0, 100), (4, 110))


def describe(walker, *, light=1.0, score=0.9):
    image = np.clip(people.picture([walker], 0) * light, 0, 255).astype(np.uint8)
    points = walker.keypoints(0)[None].astype(np.float32)
    return colour_histograms(image, points, np.full((1, 17), score, np.float32))


def test_shapes():
    described = describe(people.Walker(PLACES))
    assert described.shape == (1, LENGTH) and described.dtype == np.float32
    np.testing.assert_allclose(described.sum(), 6, rtol=1e-5)
    none = colour_histograms(
        people.picture([], 0), np.zeros((0, 17, 2)), np.zeros((0, 17))
    )
    assert none.shape == (0, LENGTH)


def test_values():
    red = describe(people.Walker(PLACES))
    dim = describe(people.Walker(PLACES), light=0.9)
    blue = describe(people.Walker(PLACES, shirt=people.BLUE, trousers=(40, 90, 40)))
    alike = colour_similarity(red, np.concatenate([red, dim, blue]))
    assert alike[0, 0] == pytest.approx(1, abs=1e-5)
    assert alike[0, 1] > 0.85, 'a little less light'
    assert alike[0, 2] < 0.6, 'other clothes'
    np.testing.assert_allclose(
        colour_similarity(blue, red), colour_similarity(red, blue)
    )


def test_trunk_and_legs_count_alike():
    red = describe(people.Walker(PLACES))
    green = describe(people.Walker(PLACES, trousers=(0, 200, 0)))
    both = colour_similarity(red, green)[0, 0]
    assert both == pytest.approx(0.5, abs=0.1)


def test_unknown():
    """Low scores and people outside the image say nothing."""
    walker = people.Walker(PLACES)
    assert not describe(walker, score=0.1).any()
    outside = people.Walker(PLACES + 1000)
    assert not describe(outside).any()
    alike = colour_similarity(describe(walker), describe(outside))
    assert np.isnan(alike).all()
    points = np.full((1, 17, 2), np.nan, np.float32)
    image = people.picture([], 0)
    assert not colour_histograms(image, points, np.ones((1, 17))).any()


def test_part_of_a_person():
    """A person without legs in view is compared by the trunk alone."""
    walker = people.Walker(PLACES)
    whole = describe(walker)
    scores = np.full((1, 17), 0.9, np.float32)
    scores[:, [2, 5]] = 0  # knees
    points = walker.keypoints(0)[None]
    part = colour_histograms(people.picture([walker], 0), points, scores)
    assert part[:, : LENGTH // 2].any() and not part[:, LENGTH // 2 :].any()
    assert colour_similarity(whole, part)[0, 0] == pytest.approx(1, abs=1e-5)
