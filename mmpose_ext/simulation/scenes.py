"""Scenes of clothed people: who and what is there, who looks, what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmpose_ext.simulation.backgrounds import Background
from mmpose_ext.simulation.image_effects import ImageEffects
from mmpose_ext.simulation.keypoint_visibility import keypoint_visibility
from mmpose_ext.simulation.looks import Look, itself
from mmpose_ext.simulation.motions import MOTIONS
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.person_placement import place_person, sample_camera
from mmpose_ext.simulation.pinhole import Pinhole
from mmpose_ext.simulation.props import furniture, held_thing, seat
from mmpose_ext.simulation.renderer import Light, cast, shade
from mmpose_ext.simulation.solids import Solid

_OVERSAMPLE = 2
_LEAST_PIXELS = 40


@dataclass(frozen=True, eq=False)
class SeenPerson:
    """What a picture shows of one person.

    Args:
        keypoints: COCO's 17 keypoints ``(17, 2)``, pixels; the centre of the upper
            left pixel is (0, 0).
        visibility: ``(17,)``: 0 outside the picture, 1 hidden, 2 visible.
        mask: The pixels that show it ``(height, width)``, bool.
        action: What it does.
    """

    keypoints: np.ndarray
    visibility: np.ndarray
    mask: np.ndarray
    action: str

    @property
    def is_shown(self) -> bool:
        """Whether enough pixels, 40, show it to be found in the picture."""
        return int(self.mask.sum()) >= _LEAST_PIXELS

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the pixels that show it; not empty."""
        rows, columns = np.nonzero(self.mask)
        return (
            *(int(columns.min()), int(rows.min())),
            *(int(columns.max()) + 1, int(rows.max()) + 1),
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """People and things before a camera.

    Args:
        people: The people.
        props: The things.
        camera: The camera.
        light: The light.
        background: What lies behind.
        effects: What the camera does to the picture.
    """

    people: tuple[Person, ...]
    props: tuple[Solid, ...]
    camera: Pinhole
    light: Light
    background: Background
    effects: ImageEffects

    @classmethod
    def sample(
        cls,
        generator: np.random.Generator,
        *,
        size: tuple[int, int],
        max_people: int = 4,
        occlusion: float = 0.25,
        motions: Sequence[str] = MOTIONS,
        facing: float = 0.5,
        look: Look = itself,
    ) -> Scene:
        """Draw a scene.

        Standing, the first person is between 0.45 and 1.25 times as tall as the
        picture, others from 0.25 up. Nobody is hidden behind another by more than
        about half.

        Args:
            generator: Source of randomness.
            size: Of the picture, ``(width, height)``, pixels.
            max_people: Greatest number of people, at least 1.
            occlusion: Probability that something stands before a person.
            motions: What people may do, some of the :data:`MOTIONS`.
            facing: Share of people who face the camera; the others face any direction.
            look: Source of randomness of bodies, clothes, light and background.
        """
        camera = sample_camera(generator, size)
        chances = 0.7 ** np.arange(max_people)
        wanted = 1 + generator.choice(max_people, p=chances / chances.sum())
        people: list[Person] = []
        boxes: list[np.ndarray] = []
        for _ in range(wanted):
            placed = place_person(
                *(generator, camera, boxes),
                first=not people,
                motions=motions,
                facing=facing,
                look=look,
            )
            if placed is not None:
                person, camera, box = placed
                people.append(person)
                boxes.append(box)
        props = _sample_props(generator, people, camera, occlusion)
        distance = max((person_depth(person, camera) for person in people), default=4.0)
        place = look(generator)
        return cls(
            tuple(people),
            tuple(props),
            camera,
            Light.sample(place),
            Background.sample(place, distance=distance + 0.5),
            ImageEffects.sample(generator),
        )

    def render(
        self, generator: np.random.Generator
    ) -> tuple[np.ndarray, list[SeenPerson]]:
        """Take the picture.

        Args:
            generator: Source of the sensor's noise.

        Returns:
            RGB ``(height, width, 3)``, uint8, and what it shows of each person.
        """
        dressed = [person.solids() for person in self.people]
        solids = [solid for group in (*dressed, self.props) for solid in group]
        depth, index = cast(solids, self.camera, oversample=_OVERSAMPLE)
        front = shade(solids, self.camera, self.light, depth, index)
        behind = self.background.paint(self.camera, self.light, solids)
        covered = _pooled((index >= 0).astype(np.float32))[..., None]
        image = self.effects.apply(_pooled(front) + (1 - covered) * behind, generator)
        owners = np.repeat(
            np.arange(len(dressed) + 1), [*map(len, dressed), len(self.props)]
        )
        owner = np.where(index >= 0, owners[index], -1) if len(owners) else index
        return image, [
            self._seen(number, depth, owner) for number in range(len(self.people))
        ]

    def _seen(self, number: int, depth: np.ndarray, owner: np.ndarray) -> SeenPerson:
        person = self.people[number]
        keypoints, depths = self.camera.project(person.keypoints)
        visibility = keypoint_visibility(
            *(keypoints, depths, person.tolerances, depth, self.camera.size)
        )
        own = owner == number
        share = _pooled(own.astype(np.float32))
        # Where two people share a pixel equally, its first ray decides.
        mask = (share > 0.5) | ((share == 0.5) & own[::_OVERSAMPLE, ::_OVERSAMPLE])
        return SeenPerson(keypoints, visibility, mask, person.action)


def person_depth(person: Person, camera: Pinhole) -> float:
    """Greatest depth of a person's keypoints, metres."""
    return float(camera.project(person.keypoints)[1].max())


def _sample_props(
    generator: np.random.Generator,
    people: list[Person],
    camera: Pinhole,
    occlusion: float,
) -> list[Solid]:
    props: list[Solid] = []
    for person in people:
        if person.action == 'sit':
            props += seat(person, generator)
        if generator.random() < 0.3:
            props += held_thing(person, generator)
        if generator.random() < occlusion:
            root = person.kinematics.points[0, :2]
            before = 1 - generator.uniform(0.4, 0.8) / np.linalg.norm(root)
            shift = generator.uniform(-0.45, 0.45)
            things = furniture(root * before + (0, shift), generator, height=1.05)
            props += [] if _hide_too_much(things, people, camera) else things
    for _ in range(generator.integers(0, 9)):
        distance = generator.uniform(2, 9)
        aside = generator.uniform(-0.55, 0.55) * camera.size[0] / camera.focal
        place = np.array([distance, aside * distance])
        roots = [person.kinematics.points[0, :2] for person in people]
        if all(np.linalg.norm(root - place) > 0.9 for root in roots):
            things = furniture(place, generator, height=2.2)
            props += [] if _hide_too_much(things, people, camera) else things
    return props


def _hide_too_much(
    things: list[Solid], people: list[Person], camera: Pinhole, share: float = 0.5
) -> bool:
    """Whether things lie before more than a share of somebody's keypoints."""
    for person in people:
        rays = person.keypoints - camera.place
        depths = [thing.shape.depths(camera, rays) for thing in things]
        if depths and (np.min(depths, axis=0) < 0.98).mean() > share:
            return True
    return False


def _pooled(image: np.ndarray) -> np.ndarray:
    """Mean over the two by two rays of each pixel."""
    rows = image[0::2] + image[1::2]
    return 0.25 * (rows[:, 0::2] + rows[:, 1::2])
