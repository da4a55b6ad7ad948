"""A surface cut into patches."""

import numpy as np

from mmpose_ext.simulation.sensors.patches import surface_patches
from mmpose_ext.simulation.sensors.surface import Surface


def test_areas_add_up(ball):
    round_ = surface_patches(ball(0, 0, 0, radius=0.3), 0.02)
    np.testing.assert_allclose(round_.areas.sum(), 4 * np.pi * 0.3**2, rtol=1e-3)
    tube = Surface(
        np.zeros((1, 3)),
        np.array([[0, 0, 1.0]]),
        np.array([[1.0, 0, 0]]),
        np.array([0.1]),
        np.array([False]),
    )
    patches = surface_patches(tube, 0.05)
    expected = 2 * np.pi * 0.1 * 1.0 + 4 * np.pi * 0.1**2
    np.testing.assert_allclose(patches.areas.sum(), expected)
    assert not patches.bare.any()


def test_patches_lie_on_their_capsules(marching):
    surface = marching[2]
    patches = surface_patches(surface, 0.05)
    assert patches.places.shape == (100, len(patches.areas), 3)
    np.testing.assert_allclose(np.linalg.norm(patches.normals, axis=-1), 1)
    axes = surface.ends - surface.starts
    offset = patches.places[:, :, None] - surface.starts[:, None]
    part = (offset * axes[:, None]).sum(-1) / (axes**2).sum(-1)[:, None]
    nearest = offset - np.clip(part, 0, 1)[..., None] * axes[:, None]
    gap = np.abs(np.linalg.norm(nearest, axis=-1) - surface.radii).min(axis=-1)
    assert gap.max() < 1e-9


def test_patches_stay_with_the_flesh(marching):
    """Patches of one capsule keep their distances from each other."""
    patches = surface_patches(marching[2], 0.09)
    first = patches.places[:, :8]
    gaps = np.linalg.norm(first[:, :, None] - first[:, None], axis=-1)
    np.testing.assert_allclose(gaps, np.broadcast_to(gaps[0], gaps.shape), atol=1e-6)
    # Nothing jumps from moment to moment.
    assert np.linalg.norm(np.diff(patches.places, axis=0), axis=-1).max() < 0.06


def test_smaller_patches_are_more(marching):
    surface = marching[2][0]
    few, many = surface_patches(surface, 0.09), surface_patches(surface, 0.045)
    assert 3 * len(few.areas) < len(many.areas) < 5 * len(few.areas)
    np.testing.assert_allclose(few.areas.sum(), many.areas.sum())
