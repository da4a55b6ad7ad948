"""The sequence files of 3DPW, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conversion import first_bad_frame

from mmpose_ext.datasets.restricted_unpickler import load_pickle
from mmpose_ext.datasets.smpl_files import GENDERS

SPLITS = ('train', 'validation', 'test')
SIZES = ((1080, 1920), (1920, 1080))
REQUIRED = (
    *('sequence', 'poses', 'betas', 'trans', 'poses2d', 'jointPositions'),
    *('cam_poses', 'cam_intrinsics', 'campose_valid', 'genders'),
)
MAX_OFF_CENTRE_PX = 200.0


@dataclass(frozen=True)
class Person:
    """One person of one video, F frames, checked.

    Args:
        name: Video and number of the person.
        split: One of :data:`SPLITS`.
        video: Name of the video.
        number: Which of its people.
        gender: ``'m'``, ``'f'`` or ``'n'``.
        image_size: ``(width, height)``, pixels.
        intrinsics: Focal lengths ``f`` and principal point ``c``, pixels.
        cameras: World to camera, ``(F, 4, 4)``, metres.
        pose: SMPL's joint angles, ``(F, 72)``, radians.
        betas: SMPL's shape, ``(10,)``.
        translation: SMPL's translation, ``(F, 3)``, world, metres.
        joints: SMPL's joints, ``(F, 24, 3)``, world, metres.
        detections: OpenPose's joints, ``(F, 18, 3)``, pixels and confidence.
        aligned: Where the camera is known to fit the image, ``(F,)``.
    """

    name: str
    split: str
    video: str
    number: int
    gender: str
    image_size: tuple[int, int]
    intrinsics: dict[str, list[float]]
    cameras: np.ndarray
    pose: np.ndarray
    betas: np.ndarray
    translation: np.ndarray
    joints: np.ndarray
    detections: np.ndarray
    aligned: np.ndarray


def find_files(root: Path) -> list[tuple[str, Path]]:
    """All pickles with their split, in order.

    Raises:
        FileNotFoundError: If there are none.
    """
    folder = root / 'sequenceFiles' if (root / 'sequenceFiles').is_dir() else root
    found = [(s, file) for s in SPLITS for file in sorted((folder / s).glob('*.pkl'))]
    if not found:
        raise FileNotFoundError(
            f'{folder} has no {{{",".join(SPLITS)}}}/*.pkl; unpack sequenceFiles.zip '
            'of 3DPW there'
        )
    return found


def read_people(file: Path, split: str) -> Iterator[Person]:
    """The people of one video.

    Raises:
        ValueError: If a key is missing, a shape is wrong, a value is not finite, or the
            principal point is not that of an image of 3DPW.
    """
    data = load_pickle(file)
    if not isinstance(data, dict):
        raise ValueError(f'{file} holds a {type(data).__name__}, not a dict')
    if 'gender' in data:  # as the readme of 3DPW calls it
        data = {'genders': data['gender'], **data}
    missing = [key for key in REQUIRED if key not in data]
    if missing:
        raise ValueError(f'{file} has no {missing}; it holds {sorted(data)}')
    frames = len(np.atleast_1d(data['cam_poses']))
    lens = array_of(data, 'cam_intrinsics', (3, 3), file)
    video = str(data['sequence'])
    for number in range(len(data['poses'])):

        def array(key: str, *shape: int, person: int = number) -> np.ndarray:
            return array_of(data, key, shape, file, person)

        gender = str(item_of(data, 'genders', file, number))
        if gender not in GENDERS:
            raise ValueError(
                f'{file}: gender {gender!r}, expected one of {set(GENDERS)}'
            )
        yield Person(
            name=f'{video}_{number}',
            split=split,
            video=video,
            number=number,
            gender=gender,
            image_size=image_size_of(lens[:2, 2], file),
            intrinsics={'f': [lens[0, 0], lens[1, 1]], 'c': lens[:2, 2].tolist()},
            cameras=array_of(data, 'cam_poses', (frames, 4, 4), file),
            pose=array('poses', frames, 72),
            betas=np.ravel(array('betas'))[:10],
            translation=array('trans', frames, 3),
            joints=array('jointPositions', frames, 72).reshape(frames, 24, 3),
            detections=array('poses2d', frames, 3, 18).swapaxes(1, 2),
            aligned=array('campose_valid', frames).astype(bool),
        )


def item_of(data: Mapping[str, Any], key: str, file: Path, person: int) -> Any:
    """The entry of one person.

    Raises:
        ValueError: If there are fewer.
    """
    entries = data[key]
    if not isinstance(entries, list | tuple | np.ndarray) or len(entries) <= person:
        raise ValueError(
            f'{file}: {key} must have one entry for each of {len(data["poses"])} '
            f'people, got {type(entries).__name__} of length {np.size(entries)}'
        )
    return entries[person]


def array_of(
    data: Mapping[str, Any],
    key: str,
    shape: tuple[int, ...],
    file: Path,
    person: int | None = None,
) -> np.ndarray:
    """One array in double precision, checked; an empty shape admits any.

    Raises:
        ValueError: If the shape is another or a value is NaN or infinite.
    """
    where = f'{file}: {key}' + ('' if person is None else f' of person {person}')
    value = data[key] if person is None else item_of(data, key, file, person)
    try:
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(f'{where} is not an array of numbers ({error})') from error
    if not array.size or shape not in ((), array.shape):
        raise ValueError(
            f'{where} has shape {array.shape}, expected {shape or "(10,)"}'
        )
    bad = first_bad_frame(array)
    if bad is not None:
        raise ValueError(f'{where} holds NaN or infinity (row {bad})')
    return array


def image_size_of(centre: np.ndarray, file: Path) -> tuple[int, int]:
    """Portrait or landscape, by the principal point.

    Raises:
        ValueError: If it is in the middle of neither.
    """
    gaps = {size: np.linalg.norm(np.divide(size, 2) - centre) for size in SIZES}
    size = min(SIZES, key=gaps.__getitem__)
    if gaps[size] > MAX_OFF_CENTRE_PX:
        raise ValueError(
            f'{file}: the principal point {centre.round().tolist()} is in the middle '
            f'neither of {SIZES[0]} nor of {SIZES[1]} pixels, the sizes of 3DPW'
        )
    return size
