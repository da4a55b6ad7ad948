"""Faces, hair and hats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.head_points import head_offsets, head_radius
from mmpose_ext.simulation.kinematics import Kinematics, segment_rotations
from mmpose_ext.simulation.materials import Material, fabric, hsv
from mmpose_ext.simulation.skeleton import POINT_INDEX
from mmpose_ext.simulation.solids import CapsuleShape, Mark, Solid

HAIR_STYLES = ('bald', 'short', 'long', 'ponytail', 'cap', 'hood')
"""What covers a head."""

_HAIR_TONES = (
    (0.06, 0.5, 0.08),
    (0.06, 0.6, 0.2),
    (0.07, 0.6, 0.4),
    (0.1, 0.55, 0.75),
    (0.04, 0.75, 0.5),
    (0.1, 0.05, 0.6),
)


@dataclass(frozen=True, eq=False)
class HeadLook:
    """How a head looks.

    Args:
        skin: Skin.
        hair: Hair.
        hat: Cloth of a cap or hood.
        style: One of :data:`HAIR_STYLES`.
        beard: Whether the lower face is covered with hair.
        glasses: Whether dark glasses cover the eyes.
    """

    skin: Material
    hair: Material
    hat: Material
    style: str
    beard: bool
    glasses: bool

    @classmethod
    def sample(cls, generator: np.random.Generator) -> HeadLook:
        """Draw a head."""
        style = str(generator.choice(HAIR_STYLES, p=(0.08, 0.4, 0.2, 0.12, 0.13, 0.07)))
        skin = _skin_tone(generator)
        tone = _HAIR_TONES[generator.integers(len(_HAIR_TONES))]
        if generator.random() < 0.04:
            tone = (generator.random(), 0.7, 0.7)
        hair = Material(hsv(*tone), hsv(*tone), relief=0.25)
        hat = fabric(generator, plain=0.8)
        beard, glasses = generator.random(2) < (0.15, 0.12)
        return cls(skin, hair, hat, style, bool(beard), bool(glasses))


def head_solids(body: Body, kinematics: Kinematics, look: HeadLook) -> list[Solid]:
    """Build a head.

    Args:
        body: The person.
        kinematics: Its points and rotations, of one posture.
        look: How it looks.

    Returns:
        Head with face, nose, ears, hair or hat.
    """
    rotation = segment_rotations(kinematics, 'head')
    base = kinematics.points[POINT_INDEX['neck_base']]
    radius, unit = head_radius(body), body.stature
    top = float(body.offset('head')[2]) - radius

    def ball_line(
        start: tuple[float, float, float],
        end: tuple[float, float, float],
        thickness: float,
        material: Material,
        marks: tuple[Mark, ...] = (),
    ) -> Solid:
        ends = base + np.array([start, end]) @ rotation.T
        shape = CapsuleShape(ends[0], ends[1], thickness)
        return Solid(shape, material, rotation, base, marks=marks)

    nose, _, _, *ears = head_offsets(body)
    inner = (nose[0] - 0.016 * unit, 0.0, nose[2] + 0.014 * unit)
    tip = (nose[0] - 0.009 * unit, 0.0, nose[2])
    face = _face_marks(body, look)
    solids = [
        ball_line((0, 0, 0), (-0.004 * unit, 0, top), radius, look.skin, face),
        ball_line(inner, tip, 0.009 * unit, look.skin),
    ]
    if look.style not in ('hood', 'long'):
        for x, y, z in ears:
            lobe = (x, 0.97 * y, z - 0.008 * unit)
            solids.append(
                ball_line((x, y, z + 0.008 * unit), lobe, 0.010 * unit, look.skin)
            )
    for cover, material in ((_hair, look.hair), (_hat, look.hat)):
        solids += [
            ball_line(start, end, thickness, material)
            for start, end, thickness in cover(look.style, radius, unit, top)
        ]
    return solids


def _hair(style: str, radius: float, unit: float, top: float) -> list[tuple]:
    """Ends and radii of the capsules of hair, in the frame of the head."""
    if style in ('bald', 'hood'):
        return []
    back, crown = -0.018 * unit, top + 0.012 * unit
    scalp = ((back, 0, 0.022 * unit), (-0.010 * unit, 0, crown), 1.02 * radius)
    if style == 'long':
        falls = [
            (
                (-0.03 * unit, side * 0.022 * unit, 0.03 * unit),
                (-0.045 * unit, side * 0.030 * unit, -0.095 * unit),
                0.036 * unit,
            )
            for side in (-1, 1)
        ]
        return [scalp, *falls]
    if style == 'ponytail':
        knot = (-0.068 * unit, 0, 0.04 * unit)
        return [scalp, (knot, (-0.085 * unit, 0, -0.06 * unit), 0.016 * unit)]
    return [scalp]


def _hat(style: str, radius: float, unit: float, top: float) -> list[tuple]:
    """Ends and radii of the capsules of a cap or a hood, in the frame of the head."""
    crown = top + 0.012 * unit
    if style == 'hood':
        back = (-0.018 * unit, 0, -0.01 * unit)
        outer = (back, (-0.016 * unit, 0, crown), 1.15 * radius)
        scarf = ((-0.012 * unit, 0, -0.05 * unit), (0, 0, -0.06 * unit), 0.9 * radius)
        return [outer, scarf]
    if style == 'cap':
        front, height = radius + 0.028 * unit, 0.05 * unit
        brim = [
            (
                (radius - 0.02 * unit, y * unit, height),
                (front, 0.6 * y * unit, height),
                0.009 * unit,
            )
            for y in (-0.02, 0.0, 0.02)
        ]
        low, high = (-0.010 * unit, 0, 0.052 * unit), (-0.010 * unit, 0, crown)
        return [(low, high, 1.06 * radius), *brim]
    return []


def _face_marks(body: Body, look: HeadLook) -> tuple[Mark, ...]:
    unit = body.stature
    radius = head_radius(body)
    white, dark = (Material(*(np.full(3, v),) * 2) for v in (0.75, 0.015))
    lips = Material(*(look.skin.colour * (0.75, 0.4, 0.4),) * 2)
    marks = []

    def oval(centre: tuple, half: tuple, material: Material) -> None:
        size = unit * np.array(half)
        marks.append(Mark(np.array(centre), size, material, round=True))

    if look.beard:
        chin = (0.75 * radius, 0, -0.036 * unit)
        oval(chin, (0.04, 0.045, 0.026), look.hair)
    oval((radius, 0, -0.024 * unit), (0.02, 0.017, 0.0055), lips)
    for x, y, z in head_offsets(body)[1:3]:
        if look.glasses:
            oval((x, y, z), (0.016, 0.017, 0.012), dark)
            continue
        oval((x, y, z), (0.014, 0.0125, 0.007), white)
        oval((x, y, z), (0.014, 0.006, 0.0068), dark)
        oval((x, 1.05 * y, z + 0.0125 * unit), (0.014, 0.014, 0.0035), dark)
    return tuple(marks)


def _skin_tone(generator: np.random.Generator) -> Material:
    depth = generator.random() ** 1.7
    light, deep = hsv(0.065, 0.32, 0.93), hsv(0.06, 0.62, 0.26)
    colour = light ** (1 - depth) * deep**depth * generator.uniform(0.9, 1.1, 3)
    return Material(colour, colour, relief=0.03)
