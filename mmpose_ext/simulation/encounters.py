"""Two people who walk past each other, leave the picture and return."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmpose_ext.simulation.backgrounds import Background
from mmpose_ext.simulation.body import Body
from mmpose_ext.simulation.clothing import Outfit
from mmpose_ext.simulation.image_effects import ImageEffects
from mmpose_ext.simulation.kinematics import Kinematics, forward_kinematics
from mmpose_ext.simulation.motions.circuit import Circuit
from mmpose_ext.simulation.motions.gait import walk
from mmpose_ext.simulation.motions.target_solver import solve
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.renderer import Light
from mmpose_ext.simulation.scenes import Scene

_RADII = np.array([3.2, 1.8])
_DEPTHS = (5.2, 5.8)
_MEET_AFTER = 3.0
_SLOWEST = 0.6  # metres a second, below any pace of a walk


@dataclass(frozen=True, eq=False)
class Encounter:
    """Two people before a camera that stands still.

    Each walks round an ellipse 6.4 m wide and 3.6 m deep, one to the left and one to
    the right. After three seconds they meet on its near side, the first in front of the
    second. They leave the picture at its sides and come back on the far side, where
    they meet again; for some frames one may hide the other.

    Args:
        people: Both, with what each frame has of their ``kinematics``, F frames.
        setting: The scene without them; the camera is at the height of a chest.
    """

    people: tuple[Person, ...]
    setting: Scene

    @classmethod
    def sample(
        cls,
        generator: np.random.Generator,
        *,
        size: tuple[int, int],
        num_frames: int,
        fps: float,
    ) -> Encounter:
        """Draw one.

        Args:
            generator: Source of randomness.
            size: Of the picture, ``(width, height)``, pixels.
            num_frames: Number of frames F.
            fps: Frames per second.
        """
        camera = Pinhole.looking(
            np.array([0.0, 0.0, generator.uniform(1.2, 1.6)]),
            pitch=np.radians(generator.uniform(2, 5)),
            focal=1.1 * max(size),
            size=size,
        )
        people = tuple(
            _walker(generator, hand, depth, num_frames, fps)
            for hand, depth in zip((1, -1), _DEPTHS, strict=True)
        )
        setting = Scene(
            (),
            (),
            camera,
            Light.sample(generator),
            Background.sample(generator, distance=max(_DEPTHS) + _RADII[1] + 0.5),
            ImageEffects.sample(generator),
        )
        return cls(people, setting)

    def scene(self, frame: int) -> Scene:
        """What is before the camera in one frame."""
        people = tuple(
            replace(person, kinematics=_moment(person.kinematics, frame))
            for person in self.people
        )
        return replace(self.setting, people=people)

    @property
    def poses(self) -> np.ndarray:
        """Joints of Human3.6M ``(P, F, 17, 3)``, camera frame, metres."""
        camera = self.setting.camera
        return np.stack(
            [camera.to_camera(person.kinematics.pose) for person in self.people]
        )


def _walker(
    generator: np.random.Generator,
    hand: int,
    depth: float,
    num_frames: int,
    fps: float,
) -> Person:
    """Somebody who is in the middle of the near side after three seconds.

    Args:
        generator: Source of randomness.
        hand: 1 to come from the left of the picture, -1 from the right.
        depth: Of the middle of the ellipse, metres.
        num_frames: Number of frames.
        fps: Frames per second.
    """
    body, outfit = Body.sample(generator), Outfit.sample(generator)
    circuit = Circuit(_RADII, hand)
    lap = circuit.length / _SLOWEST
    before = round(_MEET_AFTER * fps)
    t = np.arange(before + int(lap * fps) + num_frames) / fps
    state = solve(body, walk(body, t, generator, circuit))
    aside, nearer = state.root[:, 0], state.root[:, 1]  # once the ellipse is turned
    passes = (np.diff(np.sign(hand * aside)) < 0) & (nearer[1:] > 0)
    middle = before + int(passes[before:].argmax())
    frames = slice(middle - before, middle - before + num_frames)
    kinematics = _moment(forward_kinematics(body, state), frames)
    person = Person(body, kinematics, outfit, 'walk')
    return person.placed(np.array([depth, 0.0]), np.pi / 2)


def _moment(kinematics: Kinematics, frames: int | slice) -> Kinematics:
    return Kinematics(kinematics.points[frames], kinematics.rotations[frames])
