"""A simulated video of two people, with everything that is true of it.

They walk past each other, leave the picture and return. The folder holds::

    clip.mp4
    boxes.json        boxes of each frame, for demo/lift_video.py --boxes
    truth.npz         see :func:`read_clip_truth`
    synthetic.json    the options that it was made with
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mmpose_ext.datasets.seeded_draw import keyed_generator
from mmpose_ext.datasets.synthetic_folder import synthetic_folder
from mmpose_ext.simulation.encounters import Encounter
from mmpose_ext.simulation.scenes import SeenPerson
from mmpose_ext.visualization.video import write_video

GENERATOR = 'clip-1'
"""Name and version of the simulation; it changes when the same options give another
video."""

VIDEO, BOXES, TRUTH = 'clip.mp4', 'boxes.json', 'truth.npz'
"""Files of the folder."""

_NOT_SEEN = (np.nan,) * 4


@dataclass(frozen=True)
class SyntheticClipOptions:
    """What is simulated.

    Args:
        num_frames: Length of the video.
        size: ``(width, height)``, even numbers of pixels.
        fps: Frames per second.
        seed: The same seed gives the same video.

    Raises:
        ValueError: If a number is out of range.
    """

    num_frames: int = 500
    size: tuple[int, int] = (480, 360)
    fps: float = 25.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_frames < 1 or not self.fps > 0 or self.seed < 0:
            raise ValueError(
                f'num_frames={self.num_frames} and fps={self.fps} must be positive, '
                f'seed={self.seed} not negative'
            )
        if any(side % 2 or not 32 <= side <= 4096 for side in self.size):
            raise ValueError(
                f'size={self.size}; expected (width, height), even numbers of 32 to '
                '4096 pixels'
            )

    def to_header(self) -> dict[str, Any]:
        """What ``synthetic.json`` records."""
        return {'generator': GENERATOR, **asdict(self), 'size': list(self.size)}


@dataclass(frozen=True)
class ClipTruth:
    """What is true of two people in F frames.

    Attributes:
        poses: Joints of Human3.6M ``(P, F, 17, 3)``, camera frame, metres.
        keypoints: COCO's 17 keypoints ``(P, F, 17, 2)``, pixels; the centre of the
            upper left pixel is (0, 0).
        visibility: ``(P, F, 17)``: 0 outside the picture, 1 hidden, 2 visible.
        boxes: Of the pixels that show a person: x1, y1, x2, y2 ``(P, F, 4)``; NaN if
            fewer than 40 do.
        focal: Focal length, pixels.
        centre: Principal point ``(2,)``, pixels.
        image_size: ``(width, height)``, pixels.
        fps: Frames per second.
    """

    poses: np.ndarray
    keypoints: np.ndarray
    visibility: np.ndarray
    boxes: np.ndarray
    focal: float
    centre: np.ndarray
    image_size: np.ndarray
    fps: float

    @property
    def seen(self) -> np.ndarray:
        """Frames that show a person ``(P, F)``, bool."""
        return np.isfinite(self.boxes).all(axis=-1)


def write_clip(
    path: str | os.PathLike,
    *,
    num_frames: int = SyntheticClipOptions.num_frames,
    size: Sequence[int] = SyntheticClipOptions.size,
    fps: float = SyntheticClipOptions.fps,
    seed: int = SyntheticClipOptions.seed,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate two people and write the video. The folder is whole or absent.

    Args:
        path: Destination folder.
        num_frames: See :class:`SyntheticClipOptions`, as the next three.
        size: See there.
        fps: See there.
        seed: See there.
        overwrite: Replace an existing synthetic folder.
        progress: Called with the number of frames done and their total.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is out of range.
        FileExistsError: If the folder exists and ``overwrite`` is false, or it holds
            something else, which is never replaced.
    """
    width, height = (int(side) for side in size)
    options = SyntheticClipOptions(num_frames, (width, height), fps, seed)
    with synthetic_folder(path, options.to_header(), overwrite=overwrite) as folder:
        _fill(folder, options, progress)
    return Path(path)


def read_clip_truth(folder: str | os.PathLike) -> ClipTruth:
    """What is true of a simulated clip.

    Args:
        folder: What :func:`write_clip` made.

    Raises:
        FileNotFoundError: If there is no such folder, or nothing true in it.
        ValueError: If the file is damaged.
    """
    file = Path(folder) / TRUTH
    if not file.is_file():
        raise FileNotFoundError(
            f'there is no {file}; python tools/make_synthetic_data.py clip {folder} '
            'makes such a folder'
        )
    try:
        with np.load(file, allow_pickle=False) as arrays:
            numbers = {name: float(arrays[name]) for name in ('focal', 'fps')}
            return ClipTruth(**{**arrays, **numbers})
    except (ValueError, KeyError, OSError, EOFError, TypeError, BadZipFile) as error:
        raise ValueError(f'{file} is damaged: {error}') from error


def _fill(
    folder: Path,
    options: SyntheticClipOptions,
    progress: Callable[[int, int], None] | None,
) -> None:
    encounter = Encounter.sample(
        keyed_generator(options.seed),
        size=options.size,
        num_frames=options.num_frames,
        fps=options.fps,
    )
    seen: list[list[SeenPerson]] = []

    def pictures() -> Iterator[np.ndarray]:
        for frame in range(options.num_frames):
            noise = keyed_generator(options.seed, frame)
            picture, people = encounter.scene(frame).render(noise)
            seen.append(people)
            yield picture[..., ::-1]
            if progress is not None:
                progress(frame + 1, options.num_frames)

    write_video(folder / VIDEO, pictures(), fps=options.fps)
    by_person = list(zip(*seen, strict=True))
    boxes = np.array(
        [[m.box if m.is_shown else _NOT_SEEN for m in row] for row in by_person],
        dtype=float,
    )
    truth = ClipTruth(
        poses=encounter.poses.astype(np.float32),
        keypoints=np.array([[m.keypoints for m in row] for row in by_person]),
        visibility=np.array([[m.visibility for m in row] for row in by_person]),
        boxes=boxes,
        focal=encounter.setting.camera.focal,
        centre=encounter.setting.camera.centre,
        image_size=np.array(options.size),
        fps=options.fps,
    )
    np.savez(folder / TRUTH, **vars(truth))
    rows = [
        [box.tolist() for box in frame if np.isfinite(box).all()]
        for frame in boxes.swapaxes(0, 1)
    ]
    (folder / BOXES).write_text(json.dumps(rows), encoding='utf-8')
