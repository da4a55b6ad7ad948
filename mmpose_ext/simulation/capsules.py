"""The surface of the body as capsules: bones with flesh around them."""

from __future__ import annotations

from dataclasses import dataclass

from mmpose_ext.simulation.skeleton import SIDES


@dataclass(frozen=True)
class Capsule:
    """A bone with flesh around it: all points within a radius of a line.

    Args:
        name: For example ``'left_thigh'``.
        start: Point at one end of the axis.
        end: Point at the other end.
        radius: Typical radius as a fraction of the stature.
        inset: Whether ``end`` is a point of the skin, so that the axis stops one
            radius before it.
    """

    name: str
    start: str
    end: str
    radius: float
    inset: bool = False


CAPSULES: tuple[Capsule, ...] = (
    Capsule('pelvis', 'right_hip', 'left_hip', 0.058),
    Capsule('abdomen', 'root', 'spine', 0.066),
    Capsule('chest', 'spine', 'thorax', 0.072, inset=True),
    Capsule('neck', 'thorax', 'neck_base', 0.032),
    Capsule('head', 'neck_base', 'head', 0.052, inset=True),
    *(
        Capsule(f'{side}_{name}', f'{side}_{start}', f'{side}_{end}', radius)
        for side in SIDES
        for name, start, end, radius in (
            ('upper_arm', 'shoulder', 'elbow', 0.026),
            ('forearm', 'elbow', 'wrist', 0.020),
            ('hand', 'wrist', 'hand', 0.021),
            ('thigh', 'hip', 'knee', 0.043),
            ('shank', 'knee', 'foot', 0.029),
            ('foot', 'heel', 'toe', 0.017),
        )
    ),
    Capsule('shoulders', 'right_shoulder', 'left_shoulder', 0.034),
)
"""The capsules that make up the surface of the body."""
