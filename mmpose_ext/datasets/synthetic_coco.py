"""A synthetic stand-in for COCO's person keypoints: pictures of simulated people.

The folder has COCO's layout, so that MMPose's ``CocoDataset`` reads it::

    train2017/000000000001.jpg
    val2017/000010000001.jpg
    annotations/person_keypoints_train2017.json
    annotations/person_keypoints_val2017.json
    synthetic.json    the options that it was made with
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmpose_ext.datasets.seeded_draw import keyed_generator
from mmpose_ext.datasets.synthetic_folder import synthetic_folder
from mmpose_ext.geometry.joint_maps import COCO17_JOINTS
from mmpose_ext.simulation.keypoint_visibility import OUTSIDE
from mmpose_ext.simulation.looks import Look, itself, one_of
from mmpose_ext.simulation.motions import MOTIONS
from mmpose_ext.simulation.scenes import Scene, SeenPerson

GENERATOR = 'coco-1'
"""Name and version of the simulation; it changes when the same options give other
data."""

SPLITS = ('train2017', 'val2017')
"""The splits, which show different people."""

CATEGORY: dict[str, Any] = {
    'supercategory': 'person',
    'id': 1,
    'name': 'person',
    'keypoints': list(COCO17_JOINTS),
    'skeleton': [
        *([16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7]),
        *([6, 8], [7, 9], [8, 10], [9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5]),
        *([4, 6], [5, 7]),
    ],
}
"""The category, as COCO defines it; the skeleton counts keypoints from 1."""

_FIRST_ID = {'train2017': 1, 'val2017': 10_000_001}


@dataclass(frozen=True)
class SyntheticCocoOptions:
    """What is simulated.

    Args:
        num_images: Pictures to train on.
        num_val_images: Pictures to validate on, of other people unless ``looks`` says
            how many there are.
        size: ``(width, height)``, pixels.
        max_people: Greatest number of people in a picture.
        occlusion: Probability that something stands before a person.
        motions: What people do, some of
            :data:`~mmpose_ext.simulation.motions.MOTIONS`; they also lie at times.
        facing: Share of people who face the camera; the others face any direction.
        looks: How many looks people and places have; ``None`` for a new one each time.
        seed: The same seed gives the same data.

    Raises:
        ValueError: If a number is out of range.
    """

    num_images: int = 3000
    num_val_images: int = 500
    size: tuple[int, int] = (320, 240)
    max_people: int = 4
    occlusion: float = 0.25
    motions: tuple[str, ...] = MOTIONS
    facing: float = 0.5
    looks: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ('num_images', 'num_val_images'):
            if not 1 <= getattr(self, name) < 10_000_000:
                raise ValueError(
                    f'{name}={getattr(self, name)}; expected 1 to 9999999 pictures'
                )
        if len(self.size) != 2 or not all(32 <= side <= 4096 for side in self.size):
            raise ValueError(
                f'size={self.size}; expected (width, height) of 32 to 4096 pixels each'
            )
        if not 1 <= self.max_people <= 20:
            raise ValueError(f'max_people={self.max_people}; expected 1 to 20')
        shares = self.occlusion, self.facing
        if not all(0 <= share <= 1 for share in shares) or self.seed < 0:
            raise ValueError(
                f'occlusion={self.occlusion} and facing={self.facing} must lie in '
                f'[0, 1], seed={self.seed} must not be negative'
            )
        unknown = sorted(set(self.motions) - set(MOTIONS))
        if isinstance(self.motions, str) or unknown or not self.motions:
            raise ValueError(
                f'motions={self.motions!r}; expected some of {", ".join(MOTIONS)}'
            )
        if self.looks is not None and self.looks < 1:
            raise ValueError(f'looks={self.looks}; expected at least 1, or None')

    def num_images_of(self, split: str) -> int:
        """Number of pictures of one of the :data:`SPLITS`."""
        return self.num_images if split == SPLITS[0] else self.num_val_images

    @property
    def look(self) -> Look:
        """Source of randomness of looks, see :mod:`mmpose_ext.simulation.looks`."""
        if self.looks is None:
            return itself
        return one_of(np.random.SeedSequence(self.seed).spawn(self.looks))

    def to_header(self) -> dict[str, Any]:
        """What ``synthetic.json`` records."""
        lists = {'size': list(self.size), 'motions': list(self.motions)}
        return {'generator': GENERATOR, **asdict(self), **lists}


def write_coco(
    path: str | os.PathLike,
    *,
    num_images: int = SyntheticCocoOptions.num_images,
    num_val_images: int = SyntheticCocoOptions.num_val_images,
    size: Sequence[int] = SyntheticCocoOptions.size,
    max_people: int = SyntheticCocoOptions.max_people,
    occlusion: float = SyntheticCocoOptions.occlusion,
    motions: Sequence[str] = SyntheticCocoOptions.motions,
    facing: float = SyntheticCocoOptions.facing,
    looks: int | None = SyntheticCocoOptions.looks,
    seed: int = SyntheticCocoOptions.seed,
    num_workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate people and write pictures of them with COCO's annotations.

    Each picture draws from a generator of its own, so more pictures leave the others,
    their names and their identifiers as they are. A person of whom fewer than 40 pixels
    are seen is not annotated. The folder is whole or absent.

    Args:
        path: Destination folder.
        num_images: See :class:`SyntheticCocoOptions`, as the next eight.
        num_val_images: See there.
        size: See there.
        max_people: See there.
        occlusion: See there.
        motions: See there.
        facing: See there.
        looks: See there.
        seed: See there.
        num_workers: Processes; the result does not depend on it.
        overwrite: Replace an existing synthetic set.
        progress: Called with the number of pictures done and their total.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is out of range.
        FileExistsError: If the folder exists and ``overwrite`` is false, or it holds
            something else, which is never replaced.
    """
    options = SyntheticCocoOptions(
        num_images=num_images,
        num_val_images=num_val_images,
        size=(int(size[0]), int(size[1])),
        max_people=max_people,
        occlusion=occlusion,
        motions=tuple(motions),
        facing=facing,
        looks=looks,
        seed=seed,
    )
    if num_workers < 1:
        raise ValueError(f'num_workers={num_workers}; expected at least one process')
    with synthetic_folder(path, options.to_header(), overwrite=overwrite) as folder:
        _fill(folder, options, num_workers, progress)
    return Path(path)


def annotate(person: SeenPerson, image_id: int, number: int) -> dict[str, Any]:
    """Describe a person as COCO does.

    Args:
        person: What the picture shows of it.
        image_id: The picture.
        number: Which person of the picture it is.

    Returns:
        The annotation; box, area and segmentation are those of the pixels that show
        the person.
    """
    left, top, right, bottom = person.box
    labelled = person.visibility != OUTSIDE
    keypoints = np.where(labelled[:, None], np.round(person.keypoints, 2), 0.0)
    triplets = zip(keypoints.tolist(), person.visibility.tolist(), strict=True)
    return {
        'id': image_id * 100 + number,
        'image_id': image_id,
        'category_id': CATEGORY['id'],
        'iscrowd': 0,
        'bbox': [left, top, right - left, bottom - top],
        'area': int(person.mask.sum()),
        'num_keypoints': int(labelled.sum()),
        'keypoints': [value for (x, y), flag in triplets for value in (x, y, flag)],
        'segmentation': {
            'size': list(person.mask.shape),
            'counts': run_lengths(person.mask),
        },
    }


def run_lengths(mask: np.ndarray) -> list[int]:
    """COCO's run lengths of a mask ``(H, W)``.

    Columns follow each other; the lengths are of false and true pixels in turn, the
    first being of false ones.
    """
    flat = np.concatenate([[False], mask.ravel(order='F')])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff([0, *changes, mask.size]).tolist()


def _fill(
    folder: Path,
    options: SyntheticCocoOptions,
    num_workers: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    total = options.num_images + options.num_val_images
    done = 0
    for split in SPLITS:
        (folder / split).mkdir()
        images, annotations = [], []
        for image, described in _pictures(folder, options, split, num_workers):
            images.append(image)
            annotations += described
            done += 1
            if progress is not None:
                progress(done, total)
        content = {
            'info': {
                'description': 'simulated clothed people',
                'version': '1.0',
                'synthetic': options.to_header(),
            },
            'licenses': [{'id': 1, 'name': 'Apache-2.0', 'url': ''}],
            'images': images,
            'annotations': annotations,
            'categories': [CATEGORY],
        }
        file = folder / 'annotations' / f'person_keypoints_{split}.json'
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content), encoding='utf-8')


def _pictures(
    folder: Path, options: SyntheticCocoOptions, split: str, num_workers: int
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    numbers = range(options.num_images_of(split))
    make = partial(_make_picture, folder, options, split)
    if num_workers == 1:
        yield from map(make, numbers)
        return
    with ProcessPoolExecutor(num_workers) as pool:
        yield from pool.map(make, numbers, chunksize=8)


def _make_picture(
    folder: Path, options: SyntheticCocoOptions, split: str, number: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Render and write one picture; return its entry and annotations."""
    generator = keyed_generator(options.seed, SPLITS.index(split), number)
    scene = Scene.sample(
        generator,
        size=options.size,
        max_people=options.max_people,
        occlusion=options.occlusion,
        motions=options.motions,
        facing=options.facing,
        look=options.look,
    )
    picture, people = scene.render(generator)
    image_id = _FIRST_ID[split] + number
    name = f'{image_id:012d}.jpg'
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(generator.integers(75, 97))]
    if not cv2.imwrite(str(folder / split / name), picture[..., ::-1], quality):
        raise OSError(f'cannot write {folder / split / name}')
    width, height = options.size
    image = {'id': image_id, 'file_name': name, 'width': width, 'height': height}
    shown = [person for person in people if person.is_shown]
    return image | {'license': 1}, [
        annotate(person, image_id, index) for index, person in enumerate(shown)
    ]
