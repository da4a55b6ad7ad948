"""Where people and the camera that looks at them are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmpose_ext.simulation.looks import Look, itself
from mmpose_ext.simulation.motions import MOTIONS
from mmpose_ext.simulation.people import Person
from mmpose_ext.simulation.pinhole import Pinhole

_TRIES = 12


def sample_camera(generator: np.random.Generator, size: tuple[int, int]) -> Pinhole:
    """Draw a camera over the origin that looks level.

    Args:
        generator: Source of randomness.
        size: Of the picture, ``(width, height)``, pixels.
    """
    low, high = ((0.9, 1.9), (0.3, 0.9), (1.9, 3.5))[
        generator.choice(3, p=(0.66, 0.16, 0.18))
    ]
    return Pinhole.looking(
        np.array([0, 0, generator.uniform(low, high)]),
        focal=max(size) * generator.uniform(0.8, 1.7),
        size=size,
    )


def place_person(
    generator: np.random.Generator,
    camera: Pinhole,
    boxes: list[np.ndarray],
    *,
    first: bool,
    motions: Sequence[str] = MOTIONS,
    facing: float = 0.5,
    look: Look = itself,
) -> tuple[Person, Pinhole, np.ndarray] | None:
    """Draw a person that is well seen: half in the picture, less than half hidden.

    Args:
        generator: Source of randomness.
        camera: The camera.
        boxes: Boxes of the keypoints of the people who are there already, left, top,
            right and bottom, pixels.
        first: Whether to tilt the camera, so that it looks at this person.
        motions: What the person may do.
        facing: Probability that it faces the camera; else it faces any direction.
        look: Source of randomness of bodies and clothes.

    Returns:
        The person, the camera and the person's box; ``None`` if twelve attempts fail.
    """
    width, height = camera.size
    for _ in range(_TRIES):
        person = Person.sample(generator, motions=motions, look=look)
        share = generator.uniform(*np.log((0.45, 1.25) if first else (0.25, 1.0)))
        distance = camera.focal * person.body.stature / (height * np.exp(share))
        distance = max(distance, 1.2)
        aside = generator.uniform(-0.4, 0.4) * width / camera.focal * distance
        if first:
            camera = _aimed(camera, distance, generator)
        heading = generator.uniform(-np.pi, np.pi)
        if generator.random() < facing:
            heading = np.pi + np.arctan2(aside, distance) + generator.normal(0, 0.6)
        place = np.array([distance, aside])
        person = person.placed(place, heading - person.heading)
        box = _projected_box(person, camera)
        if box is not None and all(_overlap(box, other) < 0.5 for other in boxes):
            return person, camera, box
    return None


def _aimed(camera: Pinhole, distance: float, generator: np.random.Generator) -> Pinhole:
    """Tilt a camera so that the middle of a person is near the picture's middle."""
    drop = camera.place[2] - generator.uniform(0.6, 1.1)
    shift = generator.normal(0, 0.07) * camera.size[1] / camera.focal
    pitch = np.arctan2(drop, distance) + shift
    return Pinhole.looking(
        camera.place,
        pitch=pitch,
        roll=np.radians(generator.normal(0, 4)),
        focal=camera.focal,
        size=camera.size,
    )


def _projected_box(person: Person, camera: Pinhole) -> np.ndarray | None:
    """Box of a person's keypoints; ``None`` if too few are in the picture."""
    pixels, depths = camera.project(person.keypoints)
    size = np.asarray(camera.size)
    inside = (depths > 0.3) & ((pixels >= 0) & (pixels <= size - 1)).all(axis=-1)
    if inside.sum() < 9 or (depths < 0.3).any():
        return None
    return np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])


def _overlap(box: np.ndarray, other: np.ndarray) -> float:
    """Intersection of two boxes as a part of the smaller one."""
    low, high = np.maximum(box[:2], other[:2]), np.minimum(box[2:], other[2:])
    shared = np.maximum(high - low, 0).prod()
    areas = [(b[2:] - b[:2]).prod() for b in (box, other)]
    return float(shared / max(min(areas), 1e-6))
