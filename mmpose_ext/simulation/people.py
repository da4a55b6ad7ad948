"""People as they stand in a scene: a body, a posture, clothes, keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmpose_ext.geometry.joint_maps import COCO17_JOINTS
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.capsules import CAPSULES
from mmpose_ext.simulation.clothing import SKIRT_RADIUS, Outfit, dress
from mmpose_ext.simulation.head_points import HEAD_POINTS, head_points
from mmpose_ext.simulation.kinematics import (
    JointState,
    Kinematics,
    capsule_axes,
    forward_kinematics,
    segment_rotations,
)
from mmpose_ext.simulation.looks import Look, itself
from mmpose_ext.simulation.motions import MOTIONS, animate
from mmpose_ext.simulation.skeleton import DEGREES, POINT_INDEX
from mmpose_ext.simulation.solids import Solid

_BODY_POINTS = tuple(
    POINT_INDEX[name.replace('ankle', 'foot')]
    for name in COCO17_JOINTS[len(HEAD_POINTS) :]
)

_UPPER = np.array(
    [
        any(part in degree.segment for part in ('neck', 'head', 'clavicle', 'arm'))
        for degree in DEGREES
    ]
)

_MARGIN = 0.015
_HEAD_TOLERANCE = (0.015, 0.02, 0.02, 0.045, 0.045)
_FLESH = {
    'shoulder': ('shoulders', 'upper_arm'),
    'elbow': ('upper_arm', 'forearm'),
    'wrist': ('forearm', 'hand'),
    'hip': ('pelvis', 'abdomen', 'thigh'),
    'knee': ('thigh', 'shank'),
    'ankle': ('shank', 'foot'),
}


@dataclass(frozen=True, eq=False)
class Person:
    """A person in a scene.

    Args:
        body: Its measures.
        kinematics: Where its points and segments are, world frame (z up), metres.
        outfit: What it wears.
        action: Name of the motion that it was drawn from.
    """

    body: Body
    kinematics: Kinematics
    outfit: Outfit
    action: str

    @classmethod
    def sample(
        cls,
        generator: np.random.Generator,
        *,
        lying: float = 0.04,
        motions: Sequence[str] = MOTIONS,
        look: Look = itself,
    ) -> Person:
        """Draw a person at the origin of the floor, with a random heading.

        The posture is a moment of one of the motions; three times in ten the arms and
        the head are those of a moment of another one.

        Args:
            generator: Source of randomness.
            lying: Probability that it lies on the floor.
            motions: Some of the :data:`MOTIONS`.
            look: Source of randomness of its body and its clothes.
        """
        looks = look(generator)
        body = Body.sample(looks)
        action = str(generator.choice(motions))
        state = _moment(action, body, generator)
        if generator.random() < 0.3:
            other = _moment(str(generator.choice(motions)), body, generator)
            angles = np.where(_UPPER, other.angles, state.angles)
            state = JointState(angles, state.root)
        root = state.root * (0, 0, 1)
        kinematics = forward_kinematics(body, JointState(state.angles, root))
        if generator.random() < lying:
            kinematics, action = _laid_down(body, kinematics, generator), 'lie'
        return cls(body, kinematics, Outfit.sample(looks), action)

    def placed(self, place: np.ndarray, turn: float) -> Person:
        """The person turned about the vertical and moved over the floor.

        Args:
            place: Where to ``(2,)``, metres.
            turn: To the left, radians.
        """
        cos, sin = np.cos(turn), np.sin(turn)
        rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        shift = np.array([*place, 0.0])
        return replace(self, kinematics=_moved(self.kinematics, rotation, shift))

    @property
    def heading(self) -> float:
        """Direction that the pelvis faces, radians from +x to the left."""
        ahead = segment_rotations(self.kinematics, 'pelvis')[:, 0]
        return float(np.arctan2(ahead[1], ahead[0]))

    @property
    def keypoints(self) -> np.ndarray:
        """COCO's 17 keypoints ``(17, 3)``, world frame, metres."""
        head = head_points(self.body, self.kinematics)
        return np.concatenate([head, self.kinematics.points[list(_BODY_POINTS)]])

    @property
    def tolerances(self) -> np.ndarray:
        """How far before a keypoint its own flesh and cloth may be ``(17,)``, metres.

        What hides a keypoint lies further before it than this.
        """
        radius = {
            capsule.name.removeprefix('left_'): float(radius)
            for capsule, radius in zip(CAPSULES, self.body.radii, strict=True)
        }
        radius['abdomen'] *= self.outfit.belly
        flesh = {
            joint: max(radius[part] for part in parts)
            for joint, parts in _FLESH.items()
        }
        if self.outfit.skirt:
            hem = SKIRT_RADIUS * self.body.stature
            flesh['hip'], flesh['knee'] = (
                max(flesh[joint], hem) for joint in ('hip', 'knee')
            )
        cloth = max(self.outfit.thickness) + _MARGIN
        joints = [name.split('_')[1] for name in COCO17_JOINTS[len(HEAD_POINTS) :]]
        return np.array([*_HEAD_TOLERANCE, *(flesh[joint] + cloth for joint in joints)])

    def solids(self) -> list[Solid]:
        """Its surface."""
        return dress(self.body, self.kinematics, self.outfit)


def _moment(action: str, body: Body, generator: np.random.Generator) -> JointState:
    seconds = generator.uniform(0.5, 8)
    motion = animate(action, body, num_frames=2, fps=1 / seconds, generator=generator)
    return JointState(motion.angles[1], motion.root[1])


def _laid_down(
    body: Body, kinematics: Kinematics, generator: np.random.Generator
) -> Kinematics:
    """Lay a body on its back, its front or its side, just above the floor."""
    angle = generator.choice([-0.5, 0.5]) * np.pi
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    if generator.random() < 0.5:
        rotation = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    laid = _moved(kinematics, rotation, np.zeros(3))
    starts, ends, radii = capsule_axes(body, laid)
    lowest = (np.minimum(starts[:, 2], ends[:, 2]) - radii).min()
    return _moved(laid, np.eye(3), np.array([0, 0, 0.01 - lowest]))


def _moved(kinematics: Kinematics, rotation: np.ndarray, shift: np.ndarray):
    return Kinematics(
        kinematics.points @ rotation.T + shift, rotation @ kinematics.rotations
    )
