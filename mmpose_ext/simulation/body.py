"""The measures of one person: stature, bone lengths, girths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmpose_ext.geometry import H36M17
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.skeleton import POINT_INDEX, POINTS, SIDE_SIGNS, SIDES


@dataclass(frozen=True, eq=False)
class Body:
    """The measures of one person; left and right are alike.

    Args:
        stature: Height of the head's top over the floor when standing, metres.
        offsets: ``(P, 3)`` place of each point of :data:`POINTS` in the frame of the
            segment that carries it, from the point in which this is hinged, metres.
        radii: ``(C,)`` radius of each capsule of :data:`CAPSULES`, metres.
    """

    stature: float
    offsets: np.ndarray
    radii: np.ndarray

    @classmethod
    def sample(cls, generator: np.random.Generator) -> Body:
        """Draw an adult.

        Statures follow two normal distributions (women 1.63 m, men 1.76 m, deviations
        65 and 70 mm). Segments are fractions of the stature between the joint centres
        (after Drillis and Contini, 1966; Winter, Biomechanics and Motor Control of
        Human Movement, 2009) that vary by 2 to 8 per cent between people, girths by
        10 per cent.

        Args:
            generator: Source of randomness.

        Returns:
            The measures.
        """
        mean, deviation = ((1.63, 0.065), (1.76, 0.070))[generator.integers(2)]
        stature = float(np.clip(generator.normal(mean, deviation), 1.48, 1.98))
        spread = np.clip(generator.normal(size=len(_PROPORTIONS)), -2, 2)
        measures = {
            name: stature * typical * (1 + variation * z)
            for (name, (typical, variation)), z in zip(
                _PROPORTIONS.items(), spread, strict=True
            )
        }
        girth = float(np.exp(0.1 * np.clip(generator.normal(), -2, 2)))
        radii = stature * np.array([capsule.radius for capsule in CAPSULES])
        is_foot = np.array([capsule.name.endswith('foot') for capsule in CAPSULES])
        radii = np.where(is_foot, radii, girth * radii)
        offsets = _standing_offsets(stature, measures)
        offsets.setflags(write=False)
        radii.setflags(write=False)
        return cls(stature, offsets, radii)

    def offset(self, point: str) -> np.ndarray:
        """Offset ``(3,)`` of a point by name."""
        return self.offsets[POINT_INDEX[point]]

    @property
    def bone_lengths(self) -> np.ndarray:
        """Distance ``(17,)`` of each joint from its parent, metres; 0 for the root."""
        return np.linalg.norm(self.offsets[: H36M17.num_joints], axis=-1)

    @property
    def thigh_length(self) -> float:
        """Hip to knee, metres."""
        return -float(self.offset('left_knee')[2])

    @property
    def shank_length(self) -> float:
        """Knee to ankle, metres."""
        return -float(self.offset('left_foot')[2])

    @property
    def leg_length(self) -> float:
        """Hip to ankle with the knee straight, metres."""
        return self.thigh_length + self.shank_length

    @property
    def foot_radius(self) -> float:
        """Radius of the capsule of a foot, metres."""
        return float(
            self.radii[[capsule.name for capsule in CAPSULES].index('left_foot')]
        )

    @property
    def ankle_height(self) -> float:
        """Height of the ankle over the floor when the foot is flat, metres."""
        return self.foot_radius - float(self.offset('left_toe')[2])


_PROPORTIONS: dict[str, tuple[float, float]] = {
    'hip_half_width': (0.058, 0.08),
    'thigh': (0.245, 0.025),
    'shank': (0.246, 0.025),
    'ankle_height': (0.043, 0.04),
    'lumbar': (0.138, 0.03),
    'chest': (0.155, 0.03),
    'neck_share': (0.385, 0.03),
    'shoulder_half_width': (0.092, 0.06),
    'upper_arm': (0.163, 0.03),
    'forearm': (0.144, 0.03),
    'hand': (0.052, 0.04),
    'heel': (0.033, 0.06),
    'toe': (0.085, 0.04),
}
"""Typical fraction of the stature and its coefficient of variation; ``neck_share`` is
the part of the neck in what lies between the thorax and the top of the head."""


def _standing_offsets(stature: float, measures: dict[str, float]) -> np.ndarray:
    m = measures
    trunk = m['ankle_height'] + m['shank'] + m['thigh'] + m['lumbar'] + m['chest']
    neck = m['neck_share'] / stature * (stature - trunk)
    head = stature - trunk - neck
    sole = stature * 0.017 - m['ankle_height']
    offsets = {
        'spine': (0, 0, m['lumbar']),
        'thorax': (-0.010 * stature, 0, m['chest']),
        'neck_base': (0.022 * stature, 0, neck),
        'head': (-0.008 * stature, 0, head),
    }
    for side, sign in zip(SIDES, SIDE_SIGNS, strict=True):
        offsets |= {
            f'{side}_hip': (0, sign * m['hip_half_width'], 0),
            f'{side}_knee': (0, 0, -m['thigh']),
            f'{side}_foot': (0, 0, -m['shank']),
            f'{side}_heel': (-m['heel'], 0, sole),
            f'{side}_toe': (m['toe'], 0, sole),
            f'{side}_shoulder': (
                *(0.008 * stature, sign * m['shoulder_half_width']),
                -0.014 * stature,
            ),
            f'{side}_elbow': (0, 0, -m['upper_arm']),
            f'{side}_wrist': (0, 0, -m['forearm']),
            f'{side}_hand': (0, 0, -m['forearm'] - m['hand']),
        }
    return np.array([offsets.get(name, (0, 0, 0)) for name in POINTS], np.float64)
