"""Things that are no people: furniture behind and before them, what they hold."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.kinematics import segment_rotations
from mmpose_ext.simulation.materials import Material, fabric, random_directions
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.skeleton import POINT_INDEX, SIDES
from mmpose_ext.simulation.solids import BoxShape, CapsuleShape, Solid


def furniture(
    place: np.ndarray, generator: np.random.Generator, *, height: float = 1.3
) -> list[Solid]:
    """Draw a thing that stands on the floor.

    Args:
        place: Where ``(2,)``, world, metres.
        generator: Source of randomness.
        height: Its greatest height, metres.

    Returns:
        A box, a post, a table, a bush, or sticks as thick as limbs.
    """
    kind = generator.choice(5, p=(0.35, 0.15, 0.15, 0.15, 0.2))
    foot, top = np.array([*place, 0.0]), generator.uniform(0.3, 1) * height
    yaw = _turned(generator.uniform(0, np.pi))
    if kind == 0:
        half = np.array([*generator.uniform(0.1, 0.5, 2), top / 2])
        return [_box(foot + (0, 0, top / 2), yaw, half, _matter(generator))]
    if kind == 1:
        end, matter = foot + (0, 0, 2.8), _matter(generator)
        shape = CapsuleShape(foot, end, generator.uniform(0.03, 0.12))
        return [Solid(shape, matter, origin=foot)]
    if kind == 2:
        return _table(foot, yaw, generator)
    if kind == 3:
        matter = fabric(generator, plain=0, period=(0.05, 0.3))
        balls = foot + generator.uniform(-0.3, 0.3, (5, 3)) * (1, 1, 0.6 * top)
        return [
            Solid(CapsuleShape(ball, ball + (0, 0, 0.5 * top), size), matter)
            for ball, size in zip(balls, generator.uniform(0.15, 0.32, 5), strict=True)
        ]
    return _sticks(foot, generator)


def seat(person: Person, generator: np.random.Generator) -> list[Solid]:
    """Put a stool or a chair under a person.

    Args:
        person: Who sits.
        generator: Source of randomness.

    Returns:
        The seat and, half of the time, its back; nothing if there is no room.
    """
    root = person.kinematics.points[POINT_INDEX['root']]
    level = root[2] - 0.09 * person.body.stature
    if level < 0.15:
        return []
    matter, yaw = _matter(generator), _turned(person.heading)
    middle = root * (1, 1, 0) + yaw @ (0.02, 0, 0)
    half = np.array([0.2, generator.uniform(0.2, 0.45), level / 2])
    if generator.random() < 0.5:
        half[2] = 0.03
    parts = [_box(middle + (0, 0, level - half[2]), yaw, half, matter)]
    if half[2] < 0.05:
        foot = middle * (1, 1, 0)
        shape = CapsuleShape(foot, middle + (0, 0, level - 0.06), 0.04)
        parts.append(Solid(shape, matter))
    if generator.random() < 0.5:
        back = np.array([0.02, half[1], generator.uniform(0.12, 0.28)])
        centre = middle + yaw @ (-0.24, 0, level + back[2])
        parts.append(_box(centre, yaw, back, matter))
    return parts


def held_thing(person: Person, generator: np.random.Generator) -> list[Solid]:
    """Give a person a ball, a bag, a stick or a board.

    Args:
        person: Who holds it, in the right hand or the left.
        generator: Source of randomness.
    """
    side = SIDES[generator.integers(2)]
    hand = person.kinematics.points[POINT_INDEX[f'{side}_hand']]
    forearm = segment_rotations(person.kinematics, f'{side}_forearm')
    matter, kind = _matter(generator), generator.integers(4)
    if kind == 0:
        radius = generator.uniform(0.05, 0.14)
        centre = hand - (radius + 0.02) * forearm[:, 2]
        return [Solid(CapsuleShape(centre, centre, radius), matter, origin=centre)]
    if kind == 1:
        half = generator.uniform((0.05, 0.12, 0.1), (0.09, 0.2, 0.18))
        centre = hand - (0, 0, half[2] + 0.08)
        strap = CapsuleShape(hand, centre, 0.008)
        yaw = _turned(person.heading + np.pi / 2 + generator.uniform(-0.4, 0.4))
        return [_box(centre, yaw, half, matter), Solid(strap, matter)]
    if kind == 2:
        reach = (
            generator.uniform(0.3, 0.8) * forearm @ random_directions(generator, 1)[0]
        )
        return [Solid(CapsuleShape(hand - reach, hand + reach, 0.012), matter)]
    half = generator.uniform((0.008, 0.06, 0.08), (0.015, 0.2, 0.25))
    return [_box(hand - 0.03 * forearm[:, 2], forearm, half, matter)]


def _table(
    foot: np.ndarray, yaw: np.ndarray, generator: np.random.Generator
) -> list[Solid]:
    matter, level = _matter(generator), generator.uniform(0.5, 1.0)
    half = np.array([*generator.uniform(0.25, 0.7, 2), 0.025])
    legs = [
        foot + yaw @ (x * half[0] * 0.9, y * half[1] * 0.9, 0)
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return [
        _box(foot + (0, 0, level), yaw, half, matter),
        *(Solid(CapsuleShape(leg, leg + (0, 0, level), 0.025), matter) for leg in legs),
    ]


def _sticks(foot: np.ndarray, generator: np.random.Generator) -> list[Solid]:
    """Capsules like limbs, so that a limb is known by more than its shape."""
    solids = []
    for _ in range(generator.integers(2, 6)):
        start = foot + generator.uniform((-0.3, -0.3, 0.05), (0.3, 0.3, 1.4))
        along = generator.uniform(0.2, 0.6) * random_directions(generator, 1)[0]
        along[2] = abs(along[2])
        shape = CapsuleShape(start, start + along, generator.uniform(0.03, 0.09))
        solids.append(Solid(shape, _matter(generator), origin=start))
    return solids


def _box(
    centre: np.ndarray, rotation: np.ndarray, half: np.ndarray, matter: Material
) -> Solid:
    return Solid(BoxShape(centre, rotation, half), matter, rotation, centre)


def _matter(generator: np.random.Generator) -> Material:
    return fabric(generator, plain=0.45, period=(0.04, 0.4))


def _turned(yaw: float) -> np.ndarray:
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
