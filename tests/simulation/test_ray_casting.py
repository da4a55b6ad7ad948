"""Rays against capsules and boxes: closed forms, and marching as a reference."""

from functools import partial

import numpy as np
import pytest

from mmpose_ext.simulation.ray_casting import ray_box, ray_capsule

ORIGIN, AHEAD = np.zeros(3), np.array([1.0, 0, 0])


def capsule_distance(points, start, end, radius):
    axis = end - start
    part = (points - start) @ axis / max(axis @ axis, 1e-12)
    nearest = start + np.clip(part, 0, 1)[..., None] * axis
    return np.linalg.norm(points - nearest, axis=-1) - radius


def box_distance(points, centre, rotation, half_size):
    outside = np.abs((points - centre) @ rotation) - half_size
    away = np.linalg.norm(np.maximum(outside, 0), axis=-1)
    return away + np.minimum(outside.max(axis=-1), 0)


def march(distance, origins, directions, far=20.0):
    """Where unit rays meet a surface, step by step."""
    travelled = np.zeros(len(directions))
    for _ in range(4000):
        points = origins + travelled[:, None] * directions
        travelled += np.where(travelled < far, distance(points), 0)
    return np.where(travelled < far, travelled, np.inf)


@pytest.mark.parametrize(
    ('start', 'end', 'radius', 'expected'),
    [
        ((5, 0, 0), (5, 0, 0), 1, 4),
        ((5, -3, 0), (5, 3, 0), 1, 4),
        ((5, 0, 0), (9, 0, 0), 1, 4),
        ((9, 0, 0), (5, 0, 0), 1, 4),
        ((5, 0.6, 0), (5, 9, 0), 1, 5 - 0.8),
        ((5, 0, 1.01), (5, 3, 1.01), 1, np.inf),
        ((-5, -3, 0), (-5, 3, 0), 1, np.inf),
        ((-3, 0, 0), (3, 0, 0), 1, 0),
        ((0.5, 0, 0), (0.5, 0, 0), 1, 0),
    ],
)
def test_values(start, end, radius, expected):
    ends = np.array(start, float), np.array(end, float)
    assert ray_capsule(ORIGIN, AHEAD, *ends, radius) == pytest.approx(expected)
    # Distances count in the length of the direction.
    assert ray_capsule(ORIGIN, 4 * AHEAD, *ends, radius) == pytest.approx(expected / 4)


def test_one_end_behind_the_start_of_the_ray():
    start, end = np.array([-4.0, 0.5, 0]), np.array([6.0, 3.5, 0])
    beside = np.array([0.0, 0, 0])
    assert ray_capsule(beside, np.array([0.0, 1, 0]), start, end, 0.5) > 0.5
    away = ray_capsule(beside, np.array([0.0, -1, 0]), start, end, 0.5)
    assert away == np.inf


def test_capsule_agrees_with_marching():
    generator = np.random.default_rng(0)
    rays = generator.standard_normal((300, 3))
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    for _ in range(5):
        start, end = generator.uniform(-3, 3, (2, 3))
        radius = generator.uniform(0.2, 1)
        if capsule_distance(ORIGIN, start, end, radius) < 0.05:
            continue
        found = ray_capsule(ORIGIN, rays, start, end, radius)
        surface = partial(capsule_distance, start=start, end=end, radius=radius)
        reference = march(surface, ORIGIN, rays)
        np.testing.assert_allclose(found, reference, atol=1e-3)
        hits = np.isfinite(found)
        assert 0 < hits.sum() < len(rays)


def test_shapes():
    """Many rays against many capsules, and an image of rays against one."""
    generator = np.random.default_rng(1)
    rays = generator.standard_normal((7, 1, 3))
    starts, ends = generator.standard_normal((2, 4, 3)) + 3
    radii = generator.uniform(0.1, 2, 4)
    found = ray_capsule(ORIGIN, rays, starts, ends, radii)
    assert found.shape == (7, 4)
    single = ray_capsule(ORIGIN, rays[:, 0], starts[2], ends[2], radii[2])
    np.testing.assert_allclose(found[:, 2], single)
    rays = np.ones((5, 6, 3))
    assert ray_box(ORIGIN, rays, ORIGIN, np.eye(3), np.ones(3)).shape == (5, 6)


def test_box_agrees_with_marching():
    generator = np.random.default_rng(2)
    rays = generator.standard_normal((300, 3))
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    rotation = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    box = np.array([1.5, -1, 2]), rotation, np.array([0.3, 1.2, 0.7])
    found = ray_box(ORIGIN, rays, *box)
    reference = march(lambda points: box_distance(points, *box), ORIGIN, rays)
    np.testing.assert_allclose(found, reference, atol=1e-3)
    assert 0 < np.isfinite(found).sum() < len(rays)


@pytest.mark.parametrize(
    ('centre', 'expected'),
    [((5, 0, 0), 4), ((5, 0.9, 0), 4), ((5, 1.1, 0), np.inf), ((-5, 0, 0), np.inf)],
)
def test_box_along_its_axes(centre, expected):
    centre = np.array(centre, float)
    assert ray_box(ORIGIN, AHEAD, centre, np.eye(3), np.ones(3)) == expected
    inside = ray_box(centre, AHEAD, centre, np.eye(3), np.ones(3))
    assert inside == 0
