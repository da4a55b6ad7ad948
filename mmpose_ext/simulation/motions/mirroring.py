"""The same motion with left and right exchanged."""

from __future__ import annotations

import numpy as np

from mmpose_ext.simulation.motions.targets import Targets
from mmpose_ext.simulation.skeleton import SIDES

_ACROSS = ('_bend', '_twist')
"""Angles of the trunk that change their sign in a mirror."""


def mirrored(targets: Targets) -> Targets:
    """Exchange left and right in the plane between them, ``y = 0``.

    Args:
        targets: What a motion asks of a body.

    Returns:
        What its mirror image asks; twice mirrored it is the first again.
    """
    flip = np.array([1.0, -1.0, 1.0])
    return Targets(
        pelvis=targets.pelvis * flip,
        tilt=targets.tilt * [-1.0, 1.0, -1.0],
        ankles=targets.ankles[:, ::-1] * flip,
        foot_yaw=-targets.foot_yaw[:, ::-1],
        foot_pitch=targets.foot_pitch[:, ::-1],
        free=targets.free[:, ::-1],
        angles={
            _other_side(name): -value if name.endswith(_ACROSS) else value
            for name, value in targets.angles.items()
        },
    )


def _other_side(name: str) -> str:
    for side, other in (SIDES, SIDES[::-1]):
        if name.startswith(f'{side}_'):
            return name.replace(side, other, 1)
    return name
