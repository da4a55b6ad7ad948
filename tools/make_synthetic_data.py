"""Make synthetic data sets, so that everything runs without a download.

    python tools/make_synthetic_data.py human36m data/synthetic_h36m

simulates people who walk, run, sit down, reach, jump, ... before the four calibrated
cameras of Human3.6M and writes a FrameStore that ``LiftingDataset`` reads.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.synthetic_human36m import Human36MOptions, write_human36m
from mmpose_ext.simulation.motions import MOTIONS

HUMAN36M_TEXT = """\
Simulate people before the four cameras of Human3.6M.

Every person is drawn anew (stature, proportions) and does every action; the last
quarter of the people is the test split and is seen by the cameras of other recording
rooms. Each sequence holds the 3D pose in the camera's frame (metres), its projection
with the lens's distortion (pixels), and keypoints as a detector would give them, with
errors and scores.
"""

HUMAN36M_EXAMPLES = """\
examples:
  the default, 11 people, some 80 000 frames:
    python tools/make_synthetic_data.py human36m data/synthetic_h36m
  a tiny one to try things out:
    python tools/make_synthetic_data.py human36m /tmp/tiny --subjects 2 --frames 50
  long sequences with poor detections:
    python tools/make_synthetic_data.py human36m data/hard --frames 1000 --noise 2
configs/prml/prml_synthetic_9.py makes the default set by itself on first use.
"""


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='WHAT')
    add_human36m(commands)
    return parser.parse_args(argv)


def add_human36m(commands: argparse._SubParsersAction) -> None:
    """The sub-command ``human36m``."""
    parser = commands.add_parser(
        'human36m',
        help='2D/3D pose sequences like those of Human3.6M',
        description=HUMAN36M_TEXT,
        epilog=HUMAN36M_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Human36MOptions()
    parser.add_argument('out', type=Path, help='folder to write, for example data/s')
    parser.add_argument(
        '--subjects',
        type=int,
        default=default.num_subjects,
        help='number of people, at least 2 (default: %(default)s)',
    )
    parser.add_argument(
        '--sequences-per-action',
        type=int,
        default=default.sequences_per_action,
        help='how often each person does each action (default: %(default)s)',
    )
    parser.add_argument(
        '--frames',
        type=int,
        default=default.num_frames,
        help='frames of a sequence (default: %(default)s)',
    )
    parser.add_argument(
        '--fps',
        type=float,
        default=default.fps,
        help='frames per second (default: %(default)s)',
    )
    parser.add_argument(
        '--actions',
        nargs='+',
        default=list(default.actions),
        metavar='ACTION',
        help=f'what people do (default: all of {", ".join(MOTIONS)})',
    )
    parser.add_argument(
        '--noise',
        type=float,
        default=default.noise,
        help='errors of the detected keypoints: 1 as detectors are, 0 none '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=default.seed,
        help='the same seed gives the same data (default: %(default)s)',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace the folder if it exists'
    )
    parser.set_defaults(run=make_human36m)


def make_human36m(args: argparse.Namespace) -> None:
    """Simulate, write, print what was written."""
    start = time.perf_counter()
    with Progress() as bar:
        task = bar.add_task('Simulating', total=None)
        write_human36m(
            args.out,
            num_subjects=args.subjects,
            sequences_per_action=args.sequences_per_action,
            num_frames=args.frames,
            fps=args.fps,
            actions=args.actions,
            noise=args.noise,
            seed=args.seed,
            overwrite=args.overwrite,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    store = FrameStore(args.out)
    print(store.summary())
    for split in ('train', 'test'):
        chosen = [row for row in store.sequences if row.split == split]
        people = sorted({row.subject for row in chosen if row.subject})
        frames = sum(row.length for row in chosen)
        print(f'  {split}: {frames} frames of {", ".join(people)}')
    actions = sorted({row.action for row in store.sequences if row.action})
    print(f'  actions: {", ".join(actions)}')
    print(f'  made in {time.perf_counter() - start:.1f} s')


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake ends as one line, not as a traceback."""
    args = parse_args(argv)
    try:
        args.run(args)
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()
