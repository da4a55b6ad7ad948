"""The surface of a person."""

import numpy as np

from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.kinematics import capsule_axes
from mmpose_ext.simulation.sensors.surface import hidden

NAMES = [capsule.name for capsule in CAPSULES]


def test_clothes_thicken_what_they_cover(marching):
    body, kinematics, surface = marching
    starts, ends, radii = capsule_axes(body, kinematics)
    np.testing.assert_array_equal(surface.starts, starts)
    np.testing.assert_array_equal(surface.ends, ends)
    bare = {name for name, is_bare in zip(NAMES, surface.bare, strict=True) if is_bare}
    assert bare == {
        *('neck', 'head', 'left_hand', 'right_hand', 'left_forearm', 'right_forearm')
    }
    np.testing.assert_allclose(surface.radii - radii, np.where(surface.bare, 0, 0.01))
    assert surface.of_material(0.5, 0.2)[NAMES.index('head')] == 0.5
    assert surface.of_material(0.5, 0.2)[NAMES.index('chest')] == 0.2


def test_moments_are_picked(marching):
    surface = marching[2]
    np.testing.assert_array_equal(surface[3].starts, surface.starts[3])
    np.testing.assert_array_equal(surface[[1, 5]].ends, surface.ends[[1, 5]])
    assert surface[3].radii is surface.radii


def test_capsules_know_how_they_turn(marching):
    surface = marching[2]
    axes = surface.ends - surface.starts
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    np.testing.assert_allclose(np.linalg.norm(surface.across, axis=-1), 1)
    assert np.abs((axes * surface.across).sum(-1)).max() < 0.8


def test_what_lies_behind_is_hidden(ball, together):
    surface = together(ball(3, 0, 0), ball(5, 0, 0))
    points = np.array([[2.8, 0, 0], [3.2, 0, 0], [4.8, 0, 0], [5, 0.2, 0], [5, 3.0, 0]])
    found = hidden(surface, points, np.zeros(3))
    assert found.tolist() == [False, True, True, True, False]
