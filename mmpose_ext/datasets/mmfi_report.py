"""What a conversion of MM-Fi found in the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_COUNTS = (
    'frames',
    'empty_lidar',
    'empty_radar',
    'bad_packets',
    'frames_without_csi',
    'dropped_points',
    'dropped_keypoints',
)
_SHOWN = 5


def combine_notes(
    notes: Mapping[str, Mapping[str, Any]],
    *,
    stray: Sequence[str],
    without_poses: Sequence[str],
    missing_folders: Sequence[str],
) -> dict[str, Any]:
    """Join the notes of all sequences.

    Args:
        notes: Of ``SequenceReader`` by name of sequence, with ``action``.
        stray: Files that have no place in the tree.
        without_poses: Sequences that were left out for want of a pose.
        missing_folders: Folders of modalities that are not there.

    Returns:
        What JSON can hold: ``sequences`` (that have frames) and the counts ``frames``,
        ``empty_lidar`` and ``empty_radar`` (files without points), ``bad_packets`` (of
        CSI, wholly invalid), ``frames_without_csi``, ``dropped_points`` and
        ``dropped_keypoints`` (not finite); ``actions`` with ``frames`` and
        ``empty_radar`` of each;
        ``missing_files``, numbers of frames by folder; ``damaged`` and ``stray``, lists
        of files; ``missing_folders`` and ``without_poses``.
    """
    absent = set(missing_folders)
    actions: dict[str, dict[str, int]] = {}
    missing: dict[str, list[int]] = {}
    for name, entry in notes.items():
        place = name.replace('_', '/')
        row = actions.setdefault(entry['action'], {'frames': 0, 'empty_radar': 0})
        for key in row:
            row[key] += entry[key]
        for folder, frames in entry['missing'].items():
            if f'{place}/{folder}' not in absent:
                missing[f'{place}/{folder}'] = frames
    return {
        'sequences': sum(entry['frames'] > 0 for entry in notes.values()),
        **{key: sum(entry[key] for entry in notes.values()) for key in _COUNTS},
        'actions': dict(sorted(actions.items())),
        'missing_files': missing,
        'damaged': [text for entry in notes.values() for text in entry['damaged']],
        'stray': [
            *stray,
            *(
                f'{name.replace("_", "/")}/{file}'
                for name, entry in notes.items()
                for file in entry['stray']
            ),
        ],
        'missing_folders': list(missing_folders),
        'without_poses': list(without_poses),
    }


def report_lines(report: Mapping[str, Any]) -> list[str]:
    """The report in a few lines, for people."""
    frames = max(report['frames'], 1)
    worst = sorted(
        report['actions'].items(),
        key=lambda item: -item[1]['empty_radar'] / max(item[1]['frames'], 1),
    )
    lines = [
        f'{report["empty_radar"]} frames without radar points '
        f'({report["empty_radar"] / frames:.1%})' + _of_actions(worst),
        f'{report["bad_packets"]} packets of channel state wholly invalid; '
        f'{report["frames_without_csi"]} frames have no other',
    ]
    for key, text in (
        ('empty_lidar', 'frames without LiDAR points'),
        ('dropped_points', 'points that were not finite were left out'),
        ('dropped_keypoints', 'frames of keypoints were not finite'),
    ):
        if report[key]:
            lines.append(f'{report[key]} {text}')
    missing = report['missing_files']
    if missing:
        total = sum(map(len, missing.values()))
        lines.append(_some(f'{total} files are missing in', list(missing)))
    for key, text in (
        ('missing_folders', 'folders are missing:'),
        (
            'without_poses',
            'sequences have no ground truth that can be read and were left out:',
        ),
        ('damaged', 'files are damaged and were taken for missing:'),
        ('stray', 'files or folders have no place here and were ignored:'),
    ):
        if report[key]:
            lines.append(_some(f'{len(report[key])} {text}', report[key]))
    return lines


def _of_actions(worst: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    shares = [
        f'{action} {row["empty_radar"] / max(row["frames"], 1):.0%}'
        for action, row in worst[:_SHOWN]
        if row['empty_radar']
    ]
    return f', most in {", ".join(shares)}' if shares else ''


def _some(text: str, names: Sequence[str]) -> str:
    more = ', ...' if len(names) > _SHOWN else ''
    return f'{text} {", ".join(names[:_SHOWN])}{more}'
