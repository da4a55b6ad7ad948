"""Pack MM-Fi's release into a FrameStore, in parallel and in spite of interruptions.

Each finished sequence is kept in a hidden folder beside the store. A run that was
killed, or that ended over damaged files, goes on from there; a sequence whose files
have changed since is read again. The store itself appears whole, by a rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.datasets.channel_state import CLEANING
from mmpose_ext.datasets.frame_store import (
    FrameStore,
    FrameStoreWriter,
    SequenceInfo,
    check_destination,
    replace_folder,
)
from mmpose_ext.datasets.frame_store_fields import add_field
from mmpose_ext.datasets.mmfi_frame_files import read_depth
from mmpose_ext.datasets.mmfi_layout import (
    FPS,
    GROUND_TRUTH,
    IMAGE_SIZE,
    MODALITIES,
    MODALITY_FILES,
    environment_of,
    frame_name,
)
from mmpose_ext.datasets.mmfi_report import combine_notes
from mmpose_ext.datasets.mmfi_sequence import SequenceReader, new_notes
from mmpose_ext.datasets.mmfi_tree import (
    Listing,
    SequenceFolder,
    check_folders,
    find_sequences,
    list_frames,
    missing_folders_error,
    simulation_of,
)

VERSION = 2
"""Raised when the same files would give other fields."""
LICENCE = 'MM-Fi: CC BY-NC 4.0, https://ntu-aiot-lab.github.io/mm-fi'
_SHOWN = 5

Progress = Callable[[int, int], None]


def convert_tree(
    root: str | os.PathLike,
    out: str | os.PathLike,
    *,
    modalities: Sequence[str] = MODALITIES,
    environments: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
    allow_missing: bool = False,
    allow_damaged: bool = False,
    workers: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
    extra_header: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Convert the files of MM-Fi, or some of them, to a FrameStore.

    Args:
        root: Folder of E01 to E04, or of one of them.
        out: Folder of the store.
        modalities: Keys of ``MODALITY_FILES``; ``'depth'`` takes 0.6 MB a frame.
        environments: Convert these only, as subjects and actions.
        subjects: See there.
        actions: See there.
        allow_missing: Mark modalities whose folder is missing as not valid, instead of
            refusing.
        allow_damaged: Take damaged files for missing ones, instead of refusing; a
            sequence whose poses are damaged is left out.
        workers: Processes that read; the result does not depend on it.
        overwrite: Replace a store.
        progress: Called with the number of steps done and their total; a sequence is
            one step to read and one to store, and one more with depth.
        extra_header: Further entries of the header; they come before those given here.

    Returns:
        What was found; see :func:`~mmpose_ext.datasets.mmfi_report.combine_notes`.

    Raises:
        FileNotFoundError: If ``root`` is not there or holds nothing of MM-Fi.
        FileExistsError: If ``out`` exists; see ``check_destination``.
        ValueError: If a modality is unknown, what is asked for is not in the tree,
            folders of a modality are missing, or files are damaged; names them.
    """
    out = Path(os.path.abspath(out))
    order = _check_options(modalities, workers)
    check_destination(out, overwrite)
    sequences, stray = find_sequences(
        root, environments=environments, subjects=subjects, actions=actions
    )
    posed = [s for s in sequences if (s.path / GROUND_TRUTH).is_file()]
    if not posed:
        raise _no_poses(root)
    missing = check_folders(posed, order)
    if missing and not allow_missing:
        raise missing_folders_error(missing, posed, order)
    work = out.parent / f'.{out.name}.converting'
    work.mkdir(parents=True, exist_ok=True)
    per_sequence = 3 if 'depth' in order else 2
    steps = _Steps(progress, len(posed) * per_sequence)
    notes = _read_all(posed, work, order, workers, steps)
    usable = [s for s in posed if notes[s.name]['frames']]
    report = combine_notes(
        notes,
        stray=stray,
        without_poses=[s.name for s in sequences if s not in usable],
        missing_folders=missing,
    )
    if report['damaged'] and not allow_damaged:
        raise ValueError(
            f'{len(report["damaged"])} files are damaged: '
            f'{"; ".join(report["damaged"][:_SHOWN])}. Run the same command '
            'afterwards, which goes on from here, or pass allow_damaged=True '
            '(--allow-damaged) to do without them'
        )
    if not usable:
        raise _no_poses(root)
    steps.advance((len(posed) - len(usable)) * (per_sequence - 1))
    header = {
        **_origin(root),
        'source_sha256': _joint_sha256(notes),
        'modalities': list(order),
        'conversion_version': VERSION,
        'csi_cleaning': CLEANING,
        **(extra_header or {}),
    }
    _assemble(work, usable, order, header, steps)
    check_destination(out, overwrite)
    replace_folder(work / 'store', out)
    shutil.rmtree(work, ignore_errors=True)
    return report


class _Steps:
    """Counts what is done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def advance(self, steps: int = 1) -> None:
        self.done += steps
        if steps and self.progress is not None:
            self.progress(self.done, self.total)


def _no_poses(root: str | os.PathLike) -> ValueError:
    return ValueError(
        f'no sequence of {root} has a {GROUND_TRUTH} that can be read; fetch it again'
    )


def _origin(root: str | os.PathLike) -> dict[str, Any]:
    """Entries of the header on where the data came from."""
    simulation = simulation_of(root)
    if simulation is None:
        return {
            'licence': LICENCE,
            'source': f'MM-Fi: {Path(root).resolve().name}',
            'keypoint_order': 'as in the files',
        }
    return {
        'licence': 'Apache-2.0',
        'source': 'simulated people before simulated sensors',
        'keypoint_order': 'h36m17',
        'synthetic': simulation,
    }


def _check_options(modalities: Sequence[str], workers: int) -> tuple[str, ...]:
    """Modalities in their usual order."""
    unknown = [name for name in modalities if name not in MODALITY_FILES]
    if unknown or not modalities:
        raise ValueError(
            f'modalities={list(modalities)}; choose some of {list(MODALITY_FILES)}'
        )
    if workers < 1:
        raise ValueError(f'workers={workers}; expected at least one process')
    return tuple(name for name in MODALITY_FILES if name in modalities)


def _read_all(
    sequences: Sequence[SequenceFolder],
    work: Path,
    modalities: tuple[str, ...],
    workers: int,
    steps: _Steps,
) -> dict[str, dict[str, Any]]:
    """Bring every sequence into the work folder; notes by name of sequence."""
    notes: dict[str, dict[str, Any]] = {}
    if workers == 1:
        for sequence in sequences:
            notes[sequence.name] = _read_one(sequence, work, modalities)
            steps.advance()
        return notes
    with ProcessPoolExecutor(min(workers, len(sequences))) as pool:
        jobs = {pool.submit(_read_one, s, work, modalities): s for s in sequences}
        try:
            for job in as_completed(jobs):
                notes[jobs[job].name] = job.result()
                steps.advance()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return {sequence.name: notes[sequence.name] for sequence in sequences}


def _read_one(
    sequence: SequenceFolder, work: Path, modalities: tuple[str, ...]
) -> dict[str, Any]:
    """Read a sequence unless that is done; return its notes."""
    listing = list_frames(sequence, modalities)
    fingerprint = _fingerprint(sequence, listing, modalities)
    done = work / f'{sequence.name}.json'
    if done.is_file():
        notes = json.loads(done.read_text(encoding='utf-8'))
        if notes['fingerprint'] == fingerprint:
            return notes
        done.unlink()
    of_sequence = {
        'subject': sequence.subject,
        'action': sequence.action,
        'files_sha256': listing.sha256(),
        'fingerprint': fingerprint,
    }
    try:
        reader = SequenceReader(sequence, listing)
    except ValueError as error:
        return new_notes(listing.stray) | {'damaged': [str(error)]} | of_sequence
    arrays: dict[str, np.ndarray] = {}
    for name, value in reader.read(modalities).items():
        if isinstance(value, list):
            arrays[f'{name}:counts'] = np.array([len(frame) for frame in value])
            value = np.concatenate(value)
        arrays[name] = value
    with atomic_path(work / f'{sequence.name}.npz') as file, file.open('wb') as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    notes = reader.notes | of_sequence
    write_json(done, notes)
    return notes


def _fingerprint(
    sequence: SequenceFolder, listing: Listing, modalities: tuple[str, ...]
) -> str:
    """By which a finished sequence is known to be of these files."""
    state = [VERSION, modalities, os.path.abspath(sequence.path), listing.times]
    return hashlib.sha256(json.dumps([state, listing.sha256()]).encode()).hexdigest()


def _assemble(
    work: Path,
    sequences: Sequence[SequenceFolder],
    modalities: tuple[str, ...],
    header: Mapping[str, Any],
    steps: _Steps,
) -> None:
    """Write the store from the sequences in the work folder, into it."""
    for leftover in work.glob('.*'):  # of a run that was killed here
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink()
    with FrameStoreWriter(
        work / 'store', joint_set='h36m17', fps=FPS, overwrite=True, extra=header
    ) as writer:
        for sequence in sequences:
            info = SequenceInfo(
                name=sequence.name,
                subject=sequence.subject,
                action=sequence.action,
                image_size=IMAGE_SIZE,
                extra={'environment': environment_of(sequence.subject)},
            )
            writer.add_sequence(info, _load(work / f'{sequence.name}.npz'))
            steps.advance()
    if 'depth' in modalities:
        note = 'millimetres; 0 where a frame has no image'
        depth = _DepthBySequence(sequences, work / 'store', steps)
        add_field(work / 'store', 'depth', depth, note=note, progress=False)


def _load(file: Path) -> dict[str, Any]:
    """Fields of a sequence from the work folder."""
    with np.load(file, allow_pickle=False) as content:
        arrays = dict(content)
    fields: dict[str, Any] = {}
    for name, value in arrays.items():
        if name.endswith(':counts'):
            continue
        counts = arrays.get(f'{name}:counts')
        if counts is None:
            fields[name] = value
        else:
            fields[name] = np.split(value, np.cumsum(counts)[:-1])
    return fields


class _DepthBySequence(Mapping[str, np.ndarray]):
    """Depth images ``(F, 480, 640)`` of a sequence, read when asked for."""

    def __init__(
        self, sequences: Sequence[SequenceFolder], store: Path, steps: _Steps
    ) -> None:
        opened = FrameStore(store)
        rows = {row.name: row for row in opened.sequences}
        bits = np.asarray(opened['modality_valid']) & MODALITY_FILES['depth'].bit
        self.folders = {sequence.name: sequence for sequence in sequences}
        self.valid = {
            name: bits[row.start : row.start + row.length] > 0
            for name, row in rows.items()
        }
        self.steps = steps

    def __getitem__(self, name: str) -> np.ndarray:
        folder, valid = self.folders[name].folder('depth'), self.valid[name]
        images = np.zeros((len(valid), *IMAGE_SIZE[::-1]), dtype=np.uint16)
        for i in np.flatnonzero(valid):
            images[i] = read_depth(folder / frame_name('depth', i + 1))
        self.steps.advance()
        return images

    def __iter__(self) -> Iterator[str]:
        return iter(self.folders)

    def __len__(self) -> int:
        return len(self.folders)


def _joint_sha256(notes: Mapping[str, Mapping[str, Any]]) -> str:
    """One checksum of the names and sizes of all files."""
    sums = [[name, entry['files_sha256']] for name, entry in notes.items()]
    return hashlib.sha256(json.dumps(sums).encode()).hexdigest()
