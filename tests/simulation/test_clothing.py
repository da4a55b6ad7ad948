"""Clothes, hair and things that people hold."""

from dataclasses import replace

import numpy as np
import pytest

from mmpose_ext.simulation.clothing import Outfit, dress
from mmpose_ext.simulation.heads import HAIR_STYLES, head_solids
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.props import furniture, held_thing, seat
from mmpose_ext.simulation.ray_casting import ray_capsule
from mmpose_ext.simulation.skeleton import POINT_INDEX


@pytest.fixture
def outfit():
    generator = np.random.default_rng(1)
    drawn = Outfit.sample(generator)
    return replace(drawn, skirt=0.0, gloves=None, backpack=None, front=())


@pytest.fixture
def kinematics(body, posture):
    return forward_kinematics(body, posture())


def material_at(solids, point):
    """Material of the solid whose axis passes nearest to a point."""
    ends = [(solid.shape.start + solid.shape.end) / 2 for solid in solids]
    solid = solids[int(np.linalg.norm(np.array(ends) - point, axis=-1).argmin())]
    past = solid.shape.along(point[None])[0] > solid.split
    return solid.beyond if past and solid.beyond is not None else solid.material


@pytest.mark.parametrize(
    ('sleeve', 'upper', 'lower'),
    [(0.1, 'skin', 'skin'), (0.9, 'top', 'skin'), (2.0, 'top', 'top')],
)
def test_sleeves_reach_as_far_as_told(body, kinematics, outfit, sleeve, upper, lower):
    solids = dress(body, kinematics, replace(outfit, sleeve=sleeve))
    materials = {'top': outfit.top, 'skin': outfit.head.skin}
    points = kinematics.points[
        [POINT_INDEX[f'left_{name}'] for name in ('shoulder', 'elbow', 'wrist')]
    ]
    for (start, end), expected in zip(
        (points[:2], points[1:]), (upper, lower), strict=True
    ):
        middle = 0.5 * start + 0.5 * end
        assert material_at(solids, middle) is materials[expected]


def test_trousers_skirts_and_cloth(body, kinematics, outfit):
    long, short = (dress(body, kinematics, replace(outfit, leg=x)) for x in (2, 0.6))
    knee, foot = (
        kinematics.points[POINT_INDEX[f'left_{name}']] for name in ('knee', 'foot')
    )
    shank = 0.5 * (knee + foot)
    assert material_at(long, shank) is outfit.bottom
    assert material_at(short, shank) is outfit.head.skin
    skirted = dress(body, kinematics, replace(outfit, skirt=0.7, leg=0.0))
    assert len(skirted) == len(long) + 3
    thick = dress(body, kinematics, replace(outfit, thickness=(0.05, 0.05)))
    grown = [b.shape.radius - a.shape.radius for a, b in zip(long, thick, strict=True)]
    assert max(grown) > 0.02 and min(grown) == 0  # not the skin


@pytest.mark.parametrize('style', HAIR_STYLES)
def test_hair_leaves_the_face_free(body, kinematics, outfit, style):
    look = replace(outfit.head, style=style)
    solids = head_solids(body, kinematics, look)
    face = kinematics.points[POINT_INDEX['neck_base']] + (0.5, 0, 0.01)
    back = face - (1.0, 0, 0)
    first = [
        min(solids, key=lambda s, p=place, d=way: ray_depth(s, p, d)).material
        for place, way in ((face, (-1.0, 0, 0)), (back, (1.0, 0, 0)))
    ]
    assert first[0] is look.skin
    assert first[1] is {'bald': look.skin, 'hood': look.hat}.get(style, look.hair)
    above = face + (-0.5, 0, 0.5)
    hats = ('cap', 'hood')
    top = min(solids, key=lambda solid: ray_depth(solid, above, (0.0, 0, -1)))
    assert (top.material is look.hat) == (style in hats)


def ray_depth(solid, place, way):
    shape = solid.shape
    return ray_capsule(place, np.array(way), shape.start, shape.end, shape.radius)


def test_outfits_vary():
    generator = np.random.default_rng(0)
    outfits = [Outfit.sample(generator) for _ in range(150)]
    assert {outfit.head.style for outfit in outfits} == set(HAIR_STYLES)
    assert 0.1 < np.mean([outfit.skirt > 0 for outfit in outfits]) < 0.5
    assert 0.2 < np.mean([outfit.sleeve > 1 for outfit in outfits]) < 0.8
    skins = np.array([outfit.head.skin.colour for outfit in outfits])
    assert (skins[:, 0] > skins[:, 2]).all() and np.ptp(skins[:, 0]) > 0.5


def test_seats_are_under_people_and_furniture_on_the_floor():
    generator = np.random.default_rng(0)
    person = Person.sample(generator, lying=0).placed(np.array([2.0, 1]), 0.3)
    parts = seat(person, generator)
    root = person.kinematics.points[POINT_INDEX['root']]
    top = parts[0].shape.centre[2] + parts[0].shape.half_size[2]
    assert 0.1 < top < root[2]
    np.testing.assert_allclose(parts[0].shape.centre[:2], root[:2], atol=0.05)
    for _ in range(40):
        for thing in furniture(np.array([3.0, 1]), generator, height=1.0):
            corners = thing.shape.corners
            assert corners[:, 2].min() > -0.6
            assert np.abs(corners[:, :2].mean(axis=0) - [3, 1]).max() < 1.2


def test_held_things_are_at_a_hand():
    generator = np.random.default_rng(0)
    person = Person.sample(generator, lying=0)
    hands = person.kinematics.points[
        [POINT_INDEX[f'{side}_hand'] for side in ('left', 'right')]
    ]
    for _ in range(20):
        corners = np.concatenate(
            [thing.shape.corners for thing in held_thing(person, generator)]
        )
        middle = 0.5 * (corners.min(axis=0) + corners.max(axis=0))
        assert np.linalg.norm(hands - middle, axis=-1).min() < 0.35
