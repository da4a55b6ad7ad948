"""Clothes: what people wear, and bodies wearing it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.heads import HeadLook, head_solids
from mmpose_ext.simulation.kinematics import (
    Kinematics,
    capsule_axes,
    segment_rotations,
)
from mmpose_ext.simulation.materials import Material, fabric, random_colour
from mmpose_ext.simulation.skeleton import POINT_INDEX, SIDE_SIGNS, SIDES
from mmpose_ext.simulation.solids import CapsuleShape, Mark, Solid

SKIRT_RADIUS = 0.058
"""Radius of the capsules of a skirt as a fraction of the stature."""


@dataclass(frozen=True, eq=False)
class Outfit:
    """What a person wears.

    Args:
        head: Head, hair and skin.
        top: Cloth of shirt, jacket or dress.
        bottom: Cloth of trousers or skirt.
        shoes: Material of the shoes.
        toes: Material of their front half.
        gloves: Cloth of gloves; ``None``: bare hands.
        sleeve: How far sleeves reach: 0 the shoulder, 1 the elbow, 2 the wrist.
        leg: How far trousers reach: 0 the hip, 1 the knee, 2 the ankle.
        skirt: Length of a skirt as a part of the thigh; 0: none.
        thickness: How far cloth stands off the body above and below the waist, metres.
        belly: Factor of the girth of the abdomen.
        front: Marks of the front of the top, in the frame of the trunk.
        backpack: What a backpack is made of; ``None``: no backpack.
    """

    head: HeadLook
    top: Material
    bottom: Material
    shoes: Material
    toes: Material
    gloves: Material | None
    sleeve: float
    leg: float
    skirt: float
    thickness: tuple[float, float]
    belly: float
    front: tuple[Mark, ...]
    backpack: Material | None

    @classmethod
    def sample(cls, generator: np.random.Generator) -> Outfit:
        """Draw an outfit."""
        chance = generator.random(7)
        top = fabric(generator, plain=0.45)
        bottom = fabric(generator, plain=0.75)
        if chance[0] < 0.12:
            bottom = top
        shoes = fabric(generator, plain=1)
        skirt = generator.uniform(0.45, 0.9) if chance[1] < 0.16 else 0.0
        sleeves, legs = ((0.05, 0.25), (0.4, 0.85), (1.5, 2)), ((0.5, 0.95), (1.7, 2))
        sleeve = generator.uniform(*sleeves[generator.choice(3, p=(0.12, 0.4, 0.48))])
        leg = 0.0 if skirt else generator.uniform(*legs[int(chance[2] < 0.7)])
        if chance[3] < 0.12:  # a coat
            skirt, sleeve, leg = generator.uniform(0.5, 0.95), 2.0, max(leg, 1.7)
        return cls(
            HeadLook.sample(generator),
            top,
            bottom,
            shoes,
            fabric(generator, plain=1) if chance[4] < 0.35 else shoes,
            fabric(generator, plain=1) if chance[5] < 0.07 else None,
            sleeve,
            leg,
            skirt,
            (generator.uniform(0.002, 0.022), generator.uniform(0.002, 0.020)),
            generator.uniform(0.9, 1.3),
            _front(generator),
            fabric(generator, plain=0.7) if chance[6] < 0.12 else None,
        )


def dress(body: Body, kinematics: Kinematics, outfit: Outfit) -> list[Solid]:
    """Dress a body.

    Args:
        body: The person.
        kinematics: Its points and rotations, of one posture.
        outfit: What it wears.

    Returns:
        The solids of the dressed person.
    """
    starts, ends, radii = capsule_axes(body, kinematics)
    shapes = {
        capsule.name: CapsuleShape(start, end, radius)
        for capsule, start, end, radius in zip(
            CAPSULES, starts, ends, radii, strict=True
        )
    }
    solids = _trunk(body, kinematics, outfit, shapes)
    for side in SIDES:
        solids += _arm(body, kinematics, outfit, shapes, side)
        solids += _leg(body, kinematics, outfit, shapes, side)
    solids += _skirt(body, kinematics, outfit)
    return solids + head_solids(body, kinematics, outfit.head)


def _trunk(
    body: Body,
    kinematics: Kinematics,
    outfit: Outfit,
    shapes: dict[str, CapsuleShape],
) -> list[Solid]:
    above, below = outfit.thickness
    unit, lumbar = body.stature, float(body.offset('spine')[2])
    frames = {
        name: (segment_rotations(kinematics, name), POINT_INDEX[point])
        for name, point in (('pelvis', 'root'), ('lumbar', 'root'), ('chest', 'spine'))
    }

    def worn(shape: CapsuleShape, segment: str, thickness: float) -> Solid:
        rotation, point = frames[segment]
        origin = kinematics.points[point]
        if segment == 'chest':  # one frame up the trunk, so that patterns meet
            origin = origin - lumbar * rotation[:, 2]
        shape = replace(shape, radius=shape.radius + thickness)
        return Solid(shape, outfit.top, rotation, origin, marks=outfit.front)

    abdomen = shapes['abdomen']
    abdomen = replace(abdomen, radius=abdomen.radius * outfit.belly)
    pelvis = worn(shapes['pelvis'], 'pelvis', below)
    solids = [
        replace(pelvis, material=outfit.bottom, marks=()),
        worn(abdomen, 'lumbar', above),
        worn(shapes['chest'], 'chest', above),
        worn(shapes['shoulders'], 'chest', above),
    ]
    hip, shoulder = frames['pelvis'][0], frames['chest'][0]
    thorax, root = kinematics.points[[POINT_INDEX['thorax'], POINT_INDEX['root']]]
    for sign in SIDE_SIGNS:
        low = root + hip @ (0, sign * 0.030 * unit, 0.035 * unit)
        high = thorax + shoulder @ (0.005 * unit, sign * 0.052 * unit, -0.055 * unit)
        solids.append(worn(CapsuleShape(low, high, 0.052 * unit), 'chest', above))
    neck_frame = segment_rotations(kinematics, 'neck')
    neck = Solid(shapes['neck'], outfit.head.skin, neck_frame, thorax)
    if outfit.backpack is not None:
        low, high = (
            thorax + shoulder @ (-0.085 * unit, 0, z * unit) for z in (-0.17, -0.06)
        )
        shape = CapsuleShape(low, high, 0.062 * unit)
        solids.append(Solid(shape, outfit.backpack, shoulder, thorax))
    return [*solids, neck]


def _arm(
    body: Body,
    kinematics: Kinematics,
    outfit: Outfit,
    shapes: dict[str, CapsuleShape],
    side: str,
) -> list[Solid]:
    lengths = (-body.offset(f'{side}_elbow')[2], -body.offset(f'{side}_wrist')[2])
    parts = [
        _limb(
            kinematics,
            shapes[f'{side}_{name}'],
            (f'{side}_{name}', f'{side}_{joint}', before),
            (outfit.top, outfit.head.skin, outfit.sleeve - index),
            outfit.thickness[0],
        )
        for index, (name, joint, before) in enumerate(
            (('upper_arm', 'shoulder', 0.0), ('forearm', 'elbow', lengths[0]))
        )
    ]
    skin = outfit.gloves or outfit.head.skin
    wrist = kinematics.points[POINT_INDEX[f'{side}_wrist']]
    frame = segment_rotations(kinematics, f'{side}_forearm')
    return [*parts, Solid(shapes[f'{side}_hand'], skin, frame, wrist)]


def _leg(
    body: Body,
    kinematics: Kinematics,
    outfit: Outfit,
    shapes: dict[str, CapsuleShape],
    side: str,
) -> list[Solid]:
    parts = [
        _limb(
            kinematics,
            shapes[f'{side}_{name}'],
            (f'{side}_{name}', f'{side}_{joint}', before),
            (outfit.bottom, outfit.head.skin, outfit.leg - index),
            outfit.thickness[1],
        )
        for index, (name, joint, before) in enumerate(
            (('thigh', 'hip', 0.0), ('shank', 'knee', body.thigh_length))
        )
    ]
    shape = shapes[f'{side}_foot']
    shape = replace(shape, radius=1.35 * shape.radius)
    frame = segment_rotations(kinematics, f'{side}_foot')
    ankle = kinematics.points[POINT_INDEX[f'{side}_foot']]
    foot = Solid(shape, outfit.shoes, frame, ankle, beyond=outfit.toes, split=0.55)
    return [*parts, foot]


def _limb(
    kinematics: Kinematics,
    shape: CapsuleShape,
    where: tuple[str, str, float],
    covering: tuple[Material, Material, float],
    thickness: float,
) -> Solid:
    """A part of a limb, covered down to a part of its length."""
    segment, joint, before = where
    cloth, skin, split = covering
    rotation = segment_rotations(kinematics, segment)
    origin = kinematics.points[POINT_INDEX[joint]] + before * rotation[:, 2]
    if split <= 0:
        return Solid(shape, skin, rotation, origin)
    shape = replace(shape, radius=shape.radius + thickness)
    if split >= 1:
        return Solid(shape, cloth, rotation, origin)
    return Solid(shape, cloth, rotation, origin, beyond=skin, split=split)


def _skirt(body: Body, kinematics: Kinematics, outfit: Outfit) -> list[Solid]:
    """A skirt, or the lower part of a coat: one capsule a thigh and one between."""
    if not outfit.skirt:
        return []
    cloth = outfit.top if outfit.leg else outfit.bottom
    rotation = segment_rotations(kinematics, 'pelvis')
    names = [f'{side}_{joint}' for joint in ('hip', 'knee') for side in SIDES]
    points = kinematics.points[[POINT_INDEX[name] for name in names]]
    hips, knees = points[:2], points[2:]
    hems = hips + outfit.skirt * (knees - hips)
    radius = SKIRT_RADIUS * body.stature + outfit.thickness[1]
    lines = [*zip(hips, hems, strict=True), (hips.mean(axis=0), hems.mean(axis=0))]
    origin = kinematics.points[POINT_INDEX['root']]
    return [
        Solid(CapsuleShape(start, end, radius), cloth, rotation, origin)
        for start, end in lines
    ]


def _front(generator: np.random.Generator) -> tuple[Mark, ...]:
    """A placket, an open jacket, a print, a neckline, or nothing."""
    kind = generator.choice(5, p=(0.2, 0.2, 0.2, 0.15, 0.25))
    material = fabric(generator, random_colour(generator), plain=0.8)
    ahead, anywhere = 0.5, np.inf
    half: tuple[float, ...]
    centre: tuple[float, ...]
    if kind == 0:
        width = generator.uniform(0.008, 0.02)
        half, centre = (ahead, width, anywhere), (ahead + 0.02, 0, 0)
    elif kind == 1:
        width = generator.uniform(0.035, 0.075)
        half, centre = (ahead, width, anywhere), (ahead + 0.02, 0, 0)
    elif kind == 2:
        size = generator.uniform(0.05, 0.11, 2)
        half, centre = (ahead, *size), (ahead + 0.02, 0, generator.uniform(0.25, 0.38))
    elif kind == 3:
        half, centre = (ahead, 0.06, 0.08), (ahead + 0.02, 0, 0.5)
    else:
        return ()
    return (Mark(np.array(centre), np.array(half), material, round=kind == 3),)
