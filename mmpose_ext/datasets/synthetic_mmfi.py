"""A synthetic stand-in for MM-Fi: simulated people before simulated sensors."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmpose_ext.datasets.made_once import make_once, read_options
from mmpose_ext.datasets.mmfi_conversion import convert_tree
from mmpose_ext.datasets.mmfi_layout import FPS, environment_of
from mmpose_ext.datasets.mmfi_writer import write_sequence
from mmpose_ext.datasets.seeded_draw import keyed_generator
from mmpose_ext.datasets.synthetic_folder import synthetic_folder
from mmpose_ext.simulation.motions.mmfi_actions import MMFI_ACTIONS, animate_mmfi
from mmpose_ext.simulation.sensors import (
    Recording,
    Subject,
    load_sensor_parameters,
    record,
)
from mmpose_ext.simulation.sensors.recording import PACKETS

GENERATOR = 'mmfi-1'
"""Name and version of the simulation; it changes when the same options give other
data."""

_ROOMS, _PEOPLE_A_ROOM = 4, 10


@dataclass(frozen=True)
class SyntheticMMFiOptions:
    """What is simulated.

    Args:
        num_subjects: Number of people, spread evenly over the four environments: 12
            are S01 to S03, S11 to S13, S21 to S23 and S31 to S33.
        actions: Codes from
            :data:`~mmpose_ext.simulation.motions.mmfi_actions.MMFI_ACTIONS`.
        num_frames: Frames of a sequence, at 10 a second; the release has 297.
        seed: The same seed gives the same data.

    Raises:
        ValueError: If a number is out of range or an action unknown.
    """

    num_subjects: int = 12
    actions: Sequence[str] = MMFI_ACTIONS
    num_frames: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.num_subjects <= _ROOMS * _PEOPLE_A_ROOM:
            raise ValueError(f'num_subjects={self.num_subjects}; expected 1 to 40')
        if not 1 <= self.num_frames <= 999 or self.seed < 0:
            raise ValueError(
                f'num_frames={self.num_frames}, seed={self.seed}; expected 1 to 999 '
                'frames and a seed that is not negative'
            )
        unknown = sorted(set(self.actions) - set(MMFI_ACTIONS))
        if isinstance(self.actions, str) or unknown or not self.actions:
            raise ValueError(
                f'actions={self.actions!r}; expected a list of codes from '
                f'{MMFI_ACTIONS[0]} to {MMFI_ACTIONS[-1]}'
            )
        object.__setattr__(self, 'actions', tuple(sorted(set(self.actions))))

    @property
    def subjects(self) -> tuple[str, ...]:
        """Names of the people, ``'S01'`` and so on."""
        numbers = [
            room * _PEOPLE_A_ROOM + person + 1
            for room in range(_ROOMS)
            for person in range(
                self.num_subjects // _ROOMS + (room < self.num_subjects % _ROOMS)
            )
        ]
        return tuple(f'S{number:02d}' for number in numbers)

    def to_header(self) -> dict[str, Any]:
        """What a store's header or ``synthetic.json`` records."""
        return {'generator': GENERATOR, **asdict(self), 'actions': list(self.actions)}


def write_mmfi(
    out: str | os.PathLike,
    *,
    num_subjects: int = SyntheticMMFiOptions.num_subjects,
    actions: Sequence[str] = MMFI_ACTIONS,
    num_frames: int = SyntheticMMFiOptions.num_frames,
    seed: int = SyntheticMMFiOptions.seed,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Simulate sequences and write them as the files of MM-Fi's release.

    The folder holds::

        E01/S01/A01/ground_truth.npy
        E01/S01/A01/{rgb,lidar,mmwave,wifi-csi}/frame001.*
        synthetic.json    the options that it was made with

    Person, motion and sensors draw from generators of their own, so more people or
    actions leave the others as they are. The folder is whole or absent.

    Args:
        out: Destination folder.
        num_subjects: See :class:`SyntheticMMFiOptions`, as the next three.
        actions: See there.
        num_frames: See there.
        seed: See there.
        workers: Processes; the result does not depend on it.
        overwrite: Replace an existing synthetic tree.
        progress: Called with the number of sequences done and their total.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is out of range.
        FileExistsError: If the folder exists and ``overwrite`` is false, or it holds
            something else, which is never replaced.
    """
    options = SyntheticMMFiOptions(
        num_subjects, actions=actions, num_frames=num_frames, seed=seed
    )
    if workers < 1:
        raise ValueError(f'workers={workers}; expected at least one process')
    with synthetic_folder(out, options.to_header(), overwrite=overwrite) as folder:
        jobs = [(who, what) for who in options.subjects for what in options.actions]
        for done, _ in enumerate(_write_all(folder, options, jobs, workers), start=1):
            if progress is not None:
                progress(done, len(jobs))
    return Path(out)


def ensure_synthetic_mmfi(
    path: str | os.PathLike, *, workers: int = 1, **options: Any
) -> Path:
    """Make a FrameStore of simulated sequences unless it is there.

    The files of the release are written to a folder beside it, converted as the real
    ones are, and removed. Any number of processes may call this at once: one makes the
    store, the others wait for it.

    Args:
        path: Folder of the store.
        workers: Processes that make it; the result does not depend on it.
        options: See :class:`SyntheticMMFiOptions`.

    Returns:
        The folder.

    Raises:
        ValueError: If an option is unknown or out of range, or if the folder holds
            something else: other data, or synthetic data made with other options.
        FileNotFoundError: If the folder exists but is not a store.
    """
    wanted = read_options(SyntheticMMFiOptions, options)
    return make_once(
        path, wanted.to_header(), partial(_make_store, options=wanted, workers=workers)
    )


def simulate_sequence(
    subject: str, action: str, *, num_frames: int, seed: int
) -> Recording:
    """Let one person do one action before the sensors of its environment.

    Args:
        subject: ``'S01'`` to ``'S40'``.
        action: One of :data:`MMFI_ACTIONS`.
        num_frames: Frames, ten a second.
        seed: The same seed gives the same recording.

    Returns:
        What the sensors give.
    """
    parameters = load_sensor_parameters()
    person, act = int(subject[1:]), MMFI_ACTIONS.index(action)
    somebody = Subject.sample(keyed_generator(seed, person), parameters)
    state = animate_mmfi(
        action,
        somebody.body,
        num_frames=num_frames * PACKETS,
        fps=FPS * PACKETS,
        generator=keyed_generator(seed, person, act, 0),
    )
    return record(
        *(somebody, state, parameters.rooms[environment_of(subject)]),
        fps=FPS,
        parameters=parameters,
        generator=keyed_generator(seed, person, act, 1),
    )


def _make_store(
    path: Path,
    progress: Callable[[int, int], None],
    *,
    options: SyntheticMMFiOptions,
    workers: int,
) -> None:
    with tempfile.TemporaryDirectory(
        prefix=f'.{path.name}.tree.', dir=path.parent
    ) as folder:
        tree = write_mmfi(
            Path(folder) / 'mmfi', **vars(options), workers=workers, progress=progress
        )
        convert_tree(tree, path, workers=workers)


def _write_all(
    folder: Path,
    options: SyntheticMMFiOptions,
    jobs: list[tuple[str, str]],
    workers: int,
) -> Iterator[None]:
    write = partial(_write_one, folder, options)
    if workers == 1:
        yield from map(write, jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs))) as pool:
        yield from pool.map(write, jobs)


def _write_one(
    folder: Path, options: SyntheticMMFiOptions, job: tuple[str, str]
) -> None:
    subject, action = job
    recording = simulate_sequence(
        subject, action, num_frames=options.num_frames, seed=options.seed
    )
    write_sequence(folder / environment_of(subject) / subject / action, recording)
