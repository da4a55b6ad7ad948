"""Convert MM-Fi to a FrameStore."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from conversion import make_parser, run
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)

from mmpose_ext.atomic_write import write_json
from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.mmfi_conversion import convert_tree
from mmpose_ext.datasets.mmfi_layout import (
    ACTIONS,
    ENVIRONMENTS,
    MODALITIES,
    MODALITY_FILES,
    SUBJECTS,
)
from mmpose_ext.datasets.mmfi_report import report_lines
from mmpose_ext.step_progress import step_progress

COMMAND = 'python tools/dataset_converters/mmfi_to_store.py MMFi_Dataset data/mmfi'
HELP = """
Reads the release of MM-Fi (https://ntu-aiot-lab.github.io/mm-fi), folders E01 to E04
or some of them, and writes one FrameStore with a sequence for each person and action:

  pose_cam         camera frame, metres       keypoints_rgb    pixels
  lidar            x y z, metres, ragged      mmwave           x y z Doppler intensity
  csi_amplitude    3 x 114 x 10, no holes     csi_phase        likewise, radians
  csi_bad_packets  bits of packets that were wholly invalid
  modality_valid   bits: 1 rgb, 2 lidar, 4 mmwave, 8 wifi, 16 depth, 32 and 64 infra

Entries of the channel state that are infinite or NaN take the mean of their packet; a
packet without any, that of the frame's other packets. The phase of an entry is lost
with its amplitude. Amplitudes are not normalised.

A run that is killed goes on where it was when the same command is run again: finished
sequences wait in .NAME.converting beside the store. The four default modalities of the
whole release take about 13 GB, and as much again while they are put together; depth
would take 197 GB.

Examples:

  python tools/dataset_converters/mmfi_to_store.py MMFi_Dataset data/mmfi --workers 8 \\
      --report data/mmfi_report.json
  python tools/dataset_converters/mmfi_to_store.py E01 data/mmfi_e01 \\
      --modalities rgb wifi --subjects S01 S02

MM-Fi is licensed CC BY-NC 4.0.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    modalities = [*args.modalities, *(['depth'] if args.depth else [])]
    columns = (
        *(TextColumn('{task.description}'), BarColumn()),
        *(MofNCompleteColumn(), TimeRemainingColumn()),
    )
    with step_progress('Converting', *columns) as progress:
        report = convert_tree(
            args.root,
            args.out,
            modalities=modalities,
            environments=args.environments,
            subjects=args.subjects,
            actions=args.actions,
            allow_missing=args.allow_missing,
            allow_damaged=args.allow_damaged,
            workers=args.workers,
            overwrite=args.overwrite,
            progress=progress,
        )
    if args.report is not None:
        write_json(args.report, report)
    print(FrameStore(args.out).summary())
    for line in report_lines(report):
        print(f'  {line}')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('root', type=Path, help='folder of E01 to E04, or one of them')
    add('out', type=Path, help='folder of the store')
    add(
        '--modalities',
        nargs='+',
        choices=[name for name in MODALITY_FILES if name != 'depth'],
        default=list(MODALITIES),
        help=f'default {" ".join(MODALITIES)}',
    )
    add('--depth', action='store_true', help='depth images too, 0.6 MB a frame')
    add('--environments', nargs='+', choices=ENVIRONMENTS, help='these rooms only')
    add('--subjects', nargs='+', choices=SUBJECTS, metavar='S01', help='these people')
    add('--actions', nargs='+', choices=ACTIONS, metavar='A01', help='these actions')
    add('--allow-missing', action='store_true', help='folders may be missing')
    add(
        '--allow-damaged',
        action='store_true',
        help='damaged files count as missing; sequences without poses are left out',
    )
    add('--workers', type=int, default=min(os.cpu_count() or 1, 8), help='processes')
    add('--overwrite', action='store_true', help='replace the store')
    add('--report', type=Path, help='JSON file for what was found')
    return parser.parse_args(argv)


if __name__ == '__main__':
    run(main)
