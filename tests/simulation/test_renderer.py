"""What a camera sees of solids, and which keypoints it shows."""

import numpy as np
import pytest

from mmpose_ext.geometry.joint_maps import COCO17_JOINTS
from mmpose_ext.simulation.clothing import Outfit
from mmpose_ext.simulation.keypoint_visibility import (
    HIDDEN,
    OUTSIDE,
    VISIBLE,
    keypoint_visibility,
)
from mmpose_ext.simulation.kinematics import forward_kinematics
from mmpose_ext.simulation.materials import Material
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.renderer import NOTHING, Light, cast, shade
from mmpose_ext.simulation.solids import BoxShape, CapsuleShape, Mark, Solid

SIZE = (96, 128)
CAMERA = Pinhole.looking(np.array([0, 0, 1.0]), focal=120.0, size=SIZE)
LIGHT = Light(np.array([-1.0, 0, 0]), np.full(3, 0.8), np.full(3, 0.2))
JOINT = {name: i for i, name in enumerate(COCO17_JOINTS)}


def grey(value=0.5):
    return Material(np.full(3, value), np.full(3, value))


def ball(x, y, z, radius, **options):
    place = np.array([x, y, z], float)
    return Solid(CapsuleShape(place, place, radius), grey(), **options)


def box(centre, half_size):
    return Solid(BoxShape(np.array(centre), np.eye(3), np.array(half_size)), grey())


def person_towards(turn, posture, body):
    apart = {f'{side}_shoulder_abduction': 20 for side in ('left', 'right')}
    kinematics = forward_kinematics(body, posture(**apart))
    kinematics.points[:, 2] += 0.95
    outfit = Outfit.sample(np.random.default_rng(0))
    return Person(body, kinematics, outfit, 'stand').placed(np.array([3.0, 0]), turn)


def visibility(person, *others):
    depth, _ = cast([*person.solids(), *others], CAMERA, oversample=2)
    flags = keypoint_visibility(
        *CAMERA.project(person.keypoints), person.tolerances, depth, SIZE
    )
    return dict(zip(COCO17_JOINTS, flags, strict=True))


@pytest.mark.parametrize('oversample', [1, 2])
def test_nearest_solid_is_seen(oversample):
    solids = [ball(6, 0, 1, 1.0), ball(3, 0.3, 1, 0.4), ball(-3, 0, 1, 0.4)]
    depth, index = cast(solids, CAMERA, oversample=oversample)
    assert depth.shape == index.shape == (128 * oversample, 96 * oversample)
    row, column = 64 * oversample, 48 * oversample
    assert index[row, column] == 1 and 2.6 < depth[row, column] < 2.75
    assert index[row, column + 10 * oversample] == 0
    assert index[0, 0] == NOTHING and np.isinf(depth[0, 0])
    assert set(np.unique(index)) == {NOTHING, 0, 1}
    # A ball at 3 m with a radius of 0.4 m: 120 px/m over sqrt(3^2 - 0.4^2) m.
    seen = np.count_nonzero(cast(solids[1:2], CAMERA, oversample=2)[1] == 0) / 4
    assert seen == pytest.approx(np.pi * (120 * 0.4 / 2.97) ** 2, rel=0.03)


def test_nothing_to_see():
    depth, index = cast([], CAMERA)
    assert np.isinf(depth).all() and (index == NOTHING).all()
    assert not shade([], CAMERA, LIGHT, depth, index).any()


def test_light_comes_from_where_it_is():
    solids = [ball(3, 0, 1, 0.5)]
    seen = cast(solids, CAMERA)
    front = shade(solids, CAMERA, LIGHT, *seen)
    left = Light(np.array([0, 1.0, 0]), np.full(3, 0.8), np.full(3, 0.2))
    side = shade(solids, CAMERA, left, *seen)
    assert front.shape == (128, 96, 3) and front.dtype == np.float32
    assert front[64, 48].mean() > side[64, 48].mean() + 0.2
    assert side[64, 36].mean() > side[64, 60].mean() + 0.1
    assert front[64, 48] == pytest.approx(0.5 * (0.8 + 0.2 * 0.75), rel=0.02)


def test_marks_and_splits_are_in_the_frame_of_the_thing():
    mark = Mark(np.array([-0.5, 0, 0.2]), np.array([0.3, 0.1, 0.1]), grey(1.0))
    shape = CapsuleShape(np.array([3, 0, 0.7]), np.array([3, 0, 1.5]), 0.5)
    thing = Solid(
        *(shape, grey(0.5), np.eye(3), np.array([3.0, 0, 1])),
        beyond=grey(0.2),
        split=0.75,
        marks=(mark,),
    )
    points = np.array([[2.5, 0, 1.2], [3.5, 0, 1.2], [2.5, 0, 0.9], [2.5, 0, 1.5]])
    colours = thing.colours(points)[:, 0]
    np.testing.assert_allclose(colours, [1, 0.5, 0.5, 0.2], rtol=1e-6)
    rounded = Mark(mark.centre, mark.half_size, mark.material, round=True)
    corner = mark.centre + 0.9 * mark.half_size
    assert mark.covers(corner[None])[0] and not rounded.covers(corner[None])[0]


def test_normals_point_outward():
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    for shape in (
        CapsuleShape(np.array([3, 0.2, 0.5]), np.array([3.5, -0.1, 1.5]), 0.4),
        BoxShape(np.array([3, 0.1, 1]), turn, np.array([0.2, 0.5, 0.4])),
    ):
        rays = CAMERA.rays(np.linspace(30, 65, 40), np.linspace(40, 80, 40))
        depths = shape.depths(CAMERA, rays)
        hit = np.isfinite(depths)
        normals = shape.normals(CAMERA.place + depths[hit, None] * rays[hit])
        np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, rtol=1e-6)
        assert (np.einsum('ni,ni->n', normals, rays[hit]) < 1e-6).all()


def test_visibility_by_hand():
    """A wall 2 m before the camera covers the left half of a 40 x 30 picture."""
    depth = np.full((60, 80), np.inf)
    depth[:, :40] = 2.0
    keypoints = [(10, 10), (10, 10), (30, 10), (-1, 5), (39.5, 5), (30, 29), (30, 10)]
    depths = np.array([3, 2.05, 3, 1, 1, 1, -1])
    flags = keypoint_visibility(
        np.array(keypoints), depths, np.full(7, 0.1), depth, (40, 30)
    )
    expected = [HIDDEN, VISIBLE, VISIBLE, OUTSIDE, OUTSIDE, VISIBLE, OUTSIDE]
    assert flags.tolist() == expected


def test_everything_is_seen_from_the_front(body, posture):
    seen = visibility(person_towards(np.pi, posture, body))
    assert set(seen.values()) == {VISIBLE}, seen


def test_no_face_is_seen_from_behind(body, posture):
    seen = visibility(person_towards(0, posture, body))
    assert {seen[name] for name in ('nose', 'left_eye', 'right_eye')} == {HIDDEN}
    assert {flag for name, flag in seen.items() if 'ankle' in name} == {VISIBLE}


def test_far_side_is_hidden_from_the_left(body, posture):
    seen = visibility(person_towards(np.pi / 2, posture, body))
    for joint in ('ear', 'eye', 'shoulder', 'hip', 'elbow'):
        assert seen[f'right_{joint}'] == HIDDEN, joint
    for joint in ('ear', 'eye', 'shoulder', 'elbow', 'wrist', 'knee'):
        assert seen[f'left_{joint}'] == VISIBLE, joint


def test_a_table_hides_the_legs(body, posture):
    person = person_towards(np.pi, posture, body)
    seen = visibility(person, box((2.0, 0, 0.2), (0.1, 1, 0.5)))
    for name, flag in seen.items():
        hidden = name.endswith(('knee', 'ankle'))
        assert flag == (HIDDEN if hidden else VISIBLE), name


def test_front_and_back_look_different(body, posture):
    """A face has skin where the back of the head has hair."""
    heads = []
    for turn in (np.pi, 0):
        person = person_towards(turn, posture, body)
        look = person.outfit.head
        assert look.style != 'bald'
        depth, index = cast(person.solids(), CAMERA)
        image = shade(person.solids(), CAMERA, LIGHT, depth, index)
        centre, _ = CAMERA.project(person.keypoints[3:5].mean(axis=0))
        column, row = np.rint(centre).astype(int)
        heads.append(image[row - 1 : row + 3, column - 1 : column + 2].mean((0, 1)))
        skin, hair = (m.colour / m.colour.sum() for m in (look.skin, look.hair))
        tint = heads[-1] / heads[-1].sum()
        nearer_to_skin = np.abs(tint - skin).sum() < np.abs(tint - hair).sum()
        assert nearer_to_skin == (turn == np.pi)
    assert np.abs(heads[0] - heads[1]).max() > 0.03
