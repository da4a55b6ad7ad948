"""People as they stand in a scene."""

import numpy as np
import pytest

from mmpose_ext.geometry.joint_maps import COCO17_JOINTS
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.kinematics import capsule_axes
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.skeleton import POINT_INDEX
from mmpose_ext.simulation.solids import BoxShape

JOINT = {name: i for i, name in enumerate(COCO17_JOINTS)}


@pytest.fixture(scope='module')
def people():
    generator = np.random.default_rng(0)
    return [Person.sample(generator, lying=0.2) for _ in range(40)]


def test_keypoints_are_those_of_coco(people):
    for person in people:
        points, keypoints = person.kinematics.points, person.keypoints
        assert keypoints.shape == (17, 3)
        for name, point in (
            ('left_shoulder', 'left_shoulder'),
            ('right_wrist', 'right_wrist'),
            ('left_hip', 'left_hip'),
            ('right_ankle', 'right_foot'),
        ):
            np.testing.assert_array_equal(
                keypoints[JOINT[name]], points[POINT_INDEX[point]]
            )
        nose = np.linalg.norm(keypoints[0] - points[POINT_INDEX['neck_base']])
        assert 0.08 < nose < 0.15


def test_people_are_on_the_floor_and_differ(people):
    lowest = []
    for person in people:
        starts, ends, radii = capsule_axes(person.body, person.kinematics)
        lowest.append((np.minimum(starts[:, 2], ends[:, 2]) - radii).min())
    assert min(lowest) > -0.08 and np.median(lowest) < 0.05
    assert len({person.action for person in people}) > 6
    lying = [person for person in people if person.action == 'lie']
    assert 2 <= len(lying) <= 20
    assert all(person.keypoints[:, 2].max() < 1.3 for person in lying)
    colours = np.array([person.outfit.top.colour for person in people])
    assert colours.std(axis=0).min() > 0.1
    assert len({person.outfit.head.style for person in people}) >= 4


def test_placed(people):
    person = people[0]
    moved = person.placed(np.array([3.0, -1.0]), 0.7)
    turn = np.angle(np.exp(1j * (moved.heading - person.heading)))
    assert turn == pytest.approx(0.7)
    np.testing.assert_allclose(moved.keypoints[:, 2], person.keypoints[:, 2])
    before, after = (
        np.linalg.norm(p.keypoints - p.keypoints[:1], axis=-1) for p in (person, moved)
    )
    np.testing.assert_allclose(before, after)
    root = moved.kinematics.points[0, :2] - [3, -1]
    assert np.linalg.norm(root) == pytest.approx(
        np.linalg.norm(person.kinematics.points[0, :2])
    )


def test_clothes_go_with_the_body(people):
    """Dressing commutes with moving, and covers every capsule of the body."""
    for person in people[:8]:
        turn = np.pi / 2
        rotation = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
        shift = np.array([1.0, 2, 0])
        solids = person.solids()
        assert len(solids) >= len(CAPSULES)
        moved = person.placed(shift[:2], turn).solids()
        for first, second in zip(solids, moved, strict=True):
            assert not isinstance(first.shape, BoxShape)
            np.testing.assert_allclose(
                second.shape.start, first.shape.start @ rotation.T + shift, atol=1e-9
            )
            assert second.shape.radius == first.shape.radius
            local = np.random.default_rng(0).uniform(-0.1, 0.1, (20, 3))
            np.testing.assert_allclose(
                second.colours((first.shape.start + local) @ rotation.T + shift),
                first.colours(first.shape.start + local),
                atol=2e-3,
            )


def test_tolerances_are_those_of_flesh(people):
    for person in people:
        tolerances = person.tolerances
        assert tolerances.shape == (17,)
        assert 0.01 < tolerances.min() and tolerances.max() < 0.3
        assert tolerances[JOINT['left_hip']] > tolerances[JOINT['left_wrist']]
        np.testing.assert_array_equal(tolerances[1::2], tolerances[2::2])


def test_same_generator_gives_the_same_person():
    first, second = (Person.sample(np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first.keypoints, second.keypoints)
    np.testing.assert_array_equal(first.outfit.top.colour, second.outfit.top.colour)
