"""Finding the sequences of MM-Fi's release in a folder, whole or partial."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpose_ext.datasets.mmfi_layout import (
    ACTIONS,
    ENVIRONMENTS,
    GROUND_TRUTH,
    MODALITY_FILES,
    environment_of,
    frame_name,
    sequence_name,
)
from mmpose_ext.datasets.synthetic_folder import SIMULATED

_FRAME = re.compile(r'frame(\d+)\.')
_FOLDERS = {files.folder for files in MODALITY_FILES.values()}
_SHOWN = 3


@dataclass(frozen=True)
class SequenceFolder:
    """Where a person does an action.

    Attributes:
        subject: Such as ``'S01'``.
        action: Such as ``'A02'``.
        path: The folder.
    """

    subject: str
    action: str
    path: Path

    @property
    def name(self) -> str:
        """Name in a store, ``'E01_S01_A02'``."""
        return sequence_name(self.subject, self.action)

    def folder(self, modality: str) -> Path:
        """Where the frames of a modality should lie."""
        return self.path / MODALITY_FILES[modality].folder


@dataclass
class Listing:
    """Files of the frames of a sequence.

    Attributes:
        frames: For each modality the numbers of its frames, from 1 on.
        stray: What else lies there.
        content: Name and size of each file, of which the checksum is made.
        times: When each file was changed, nanoseconds.
    """

    frames: dict[str, set[int]] = field(default_factory=dict)
    stray: list[str] = field(default_factory=list)
    content: list[tuple[str, int]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def sha256(self) -> str:
        """Checksum of names and sizes."""
        return hashlib.sha256(json.dumps(self.content).encode()).hexdigest()


def find_sequences(
    root: str | os.PathLike,
    *,
    environments: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
    actions: Sequence[str] | None = None,
) -> tuple[list[SequenceFolder], list[str]]:
    """Look for sequences in a tree that may be partial or nested.

    Some mirrors hold ``E01/E01/S01``; a single environment may be given itself.

    Args:
        root: Folder of the environments.
        environments: Take these only; ``None`` takes all.
        subjects: Take these only.
        actions: Take these only.

    Returns:
        The sequences in the order of environment, subject and action, and the paths of
        everything that has no place in the tree, relative to ``root``.

    Raises:
        FileNotFoundError: If there is no such folder or nothing of MM-Fi in it.
        ValueError: If something is asked for that the tree does not hold.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        raise FileNotFoundError(f'{root} is no folder; give that of E01 to E04')
    found: dict[tuple[str, str], SequenceFolder] = {}
    stray: list[Path] = []
    for folder in _environment_folders(root, stray):
        for sequence in _sequences(folder, stray):
            key = (sequence.subject, sequence.action)
            if key in found:
                stray.append(sequence.path)
            else:
                found[key] = sequence
    if not found:
        raise FileNotFoundError(
            f'{root} holds no E01/S01/A01 or the like of MM-Fi; give the folder of '
            'E01 to E04, or one of these'
        )
    asked = {
        'environments': (environments, {environment_of(s) for s, _ in found}),
        'subjects': (subjects, {subject for subject, _ in found}),
        'actions': (actions, {action for _, action in found}),
    }
    for name, (wanted, known) in asked.items():
        unknown = sorted(set(wanted or ()) - known)
        if unknown:
            raise ValueError(f'no {name} {unknown} in {root}; it has {sorted(known)}')
    chosen = [
        found[key]
        for key in sorted(found)
        if (environments is None or environment_of(key[0]) in environments)
        and (subjects is None or key[0] in subjects)
        and (actions is None or key[1] in actions)
    ]
    if not chosen:
        raise ValueError(
            f'nothing in {root} is in environments {environments}, subjects '
            f'{subjects} and actions {actions} at once'
        )
    return chosen, sorted(str(path.relative_to(root)) for path in stray)


def simulation_of(root: str | os.PathLike) -> Any:
    """How the people of a tree were simulated; ``None`` if they were recorded.

    Args:
        root: Folder of the environments, or one of them.
    """
    root = Path(os.path.abspath(root))
    for folder in (root, root.parent) if root.name in ENVIRONMENTS else (root,):
        if (folder / SIMULATED).is_file():
            return json.loads((folder / SIMULATED).read_text(encoding='utf-8'))
    return None


def check_folders(
    sequences: Sequence[SequenceFolder], modalities: Iterable[str]
) -> list[str]:
    """Folders of modalities that are missing, relative to that of the sequence's room.

    Args:
        sequences: Where to look.
        modalities: What to look for.

    Returns:
        Names such as ``'E01/S01/A01/lidar'``.
    """
    return [
        f'{sequence.name.replace("_", "/")}/{MODALITY_FILES[modality].folder}'
        for sequence in sequences
        for modality in modalities
        if not sequence.folder(modality).is_dir()
    ]


def missing_folders_error(
    missing: Sequence[str],
    sequences: Sequence[SequenceFolder],
    modalities: Sequence[str],
) -> ValueError:
    """What to say when folders of modalities are missing."""
    complete = [
        modality for modality in modalities if not check_folders(sequences, [modality])
    ]
    return ValueError(
        f'{len(missing)} folders of modalities are missing, such as '
        f'{", ".join(missing[:_SHOWN])}; every sequence has {complete}: name those to '
        'convert (--modalities), or pass allow_missing=True (--allow-missing), which '
        'marks the missing ones as not valid'
    )


def list_frames(sequence: SequenceFolder, modalities: Iterable[str]) -> Listing:
    """List the files of a sequence.

    Args:
        sequence: The sequence.
        modalities: Those of interest; a missing folder is one without frames.
    """
    listing = Listing()
    _note(listing, sequence.path / GROUND_TRUTH, GROUND_TRUTH)
    for modality in modalities:
        folder = sequence.folder(modality)
        listing.frames[modality] = set()
        if not folder.is_dir():
            continue
        for name in sorted(os.listdir(folder)):
            match = _FRAME.match(name)
            number = int(match[1]) if match else 0
            if number < 1 or name != frame_name(modality, number):
                listing.stray.append(f'{folder.name}/{name}')
                continue
            listing.frames[modality].add(number)
            _note(listing, folder / name, f'{folder.name}/{name}')
    return listing


def _note(listing: Listing, file: Path, name: str) -> None:
    status = file.stat()
    listing.content.append((name, status.st_size))
    listing.times.append(status.st_mtime_ns)


def _environment_folders(root: Path, stray: list[Path]) -> Iterator[Path]:
    """Environments in a folder, or the folder itself, outer ones first."""
    inside = [root / name for name in ENVIRONMENTS if (root / name).is_dir()]
    if root.name in ENVIRONMENTS:
        yield root
    else:
        known = [*inside, root / SIMULATED]
        stray += [path for path in root.iterdir() if path not in known]
    for folder in inside:
        # Of a root that is an environment, `folder` is its nested copy.
        yield folder
        nested = folder / folder.name
        if root.name not in ENVIRONMENTS and nested.is_dir():
            yield nested


def _sequences(environment: Path, stray: list[Path]) -> Iterator[SequenceFolder]:
    for person in sorted(environment.iterdir()):
        if person.is_dir() and person.name == environment.name:
            continue
        if not (person.is_dir() and _lives_in(person.name, environment.name)):
            stray.append(person)
            continue
        for path in sorted(person.iterdir()):
            if not (path.is_dir() and path.name in ACTIONS):
                stray.append(path)
                continue
            stray += [
                entry
                for entry in path.iterdir()
                if entry.name != GROUND_TRUTH and entry.name not in _FOLDERS
            ]
            yield SequenceFolder(person.name, path.name, path)


def _lives_in(subject: str, environment: str) -> bool:
    try:
        return environment_of(subject) == environment
    except ValueError:
        return False
