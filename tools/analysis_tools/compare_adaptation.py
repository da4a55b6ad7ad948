"""Unadapted, adapted and true poses of some frames side by side (PoSynDA, Fig. 4).

    python tools/analysis_tools/compare_adaptation.py --out adaptation \
        configs/posynda/d3dp_h36m_to_3dhp_27.py SOURCE.pth \
        configs/posynda/posynda_h36m_to_3dhp_27.py ADAPTED.pth \
        --labels unadapted adapted
    python tools/analysis_tools/compare_adaptation.py ... --choose people --frames 6

All lifters run over the whole test data, and a rule chooses the frames, so that nobody
picks those that look best. Both rules go by the MPJPE of a frame, the mean of all
lifters, so that none is favoured:

- `quantiles` (default) orders all frames by it and takes N of them, evenly spaced, from
  the easiest to the hardest;
- `people` takes of each person the frame in the middle of that order; of more than N
  people, N, evenly spaced by name.

A row is a frame: 2D input, the prediction of each lifter with the truth below it in
grey and the MPJPE of the frame over all joints, and the truth. Frames in which the
truth of a joint is unknown count, but are not drawn.

`adaptation.png` and `adaptation.json` are written into the folder; the latter also has
the mean over all frames, and the share of frames in which each lifter is better than
the first. Adapted weights need the config that they were adapted with.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from mmpose_ext.atomic_write import atomic_path, write_json
from mmpose_ext.engine.hooks.pose_picture_hook import spread
from mmpose_ext.engine.inference import LiftedFrames
from mmpose_ext.engine.lifter_files import (
    add_lifter_arguments,
    command_line,
    lift_test_data,
    lifter_files,
)
from mmpose_ext.visualization.pose_panels import (
    caption,
    crop_around,
    draw_keypoints_panel,
    draw_pose_panel,
    tile,
    view_of,
)

NAME = 'adaptation'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser)
    parser.add_argument('--choose', choices=tuple(RULES), default='quantiles')
    parser.add_argument(
        '--frames', type=int, default=5, metavar='N', help='rows (default 5)'
    )
    parser.add_argument('--size', type=int, default=300, help='of a panel, in pixels')
    parser.add_argument('--azimuth', type=float, default=40.0, help='of the view')
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    args = parser.parse_args(argv)
    if args.frames < 1:
        parser.error(f'expected at least 1 of --frames, got {args.frames}')
    return args


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Lift, choose, draw.

    Returns:
        What is written as JSON.
    """
    args = parse_args(argv)
    lifted: dict[str, LiftedFrames] = {}
    for files in lifter_files(args):
        _, dataset, frames = lift_test_data(files, args)
        check_same_frames(lifted, frames, files.label)
        lifted[files.label] = frames
    errors = {label: errors_of(frames) for label, frames in lifted.items()}
    names, people = (frames.labels(dataset, key) for key in ('name', 'subject'))
    rows, places = choose_frames(frames, errors, people, args)
    report = {
        'command': command_line(__file__, argv),
        'choose': args.choose,
        **summary(errors),
        'frames': [
            {
                'sequence': str(names[row]),
                'frame': int(frames.frame[row]),
                'subject': str(people[row]),
                'quantile': float(place),
                'MPJPE_mm': {label: float(e[row]) for label, e in errors.items()},
            }
            for row, place in zip(rows, places, strict=True)
        ],
    }
    write_json(args.out / f'{NAME}.json', report)
    picture = draw(lifted, frames.input_pixels(dataset), rows, report, args)
    with atomic_path(args.out / f'{NAME}.png') as file:
        cv2.imwrite(str(file), picture)
    print_table(report)
    print(f'wrote {args.out / NAME}.png and .json')
    return report


def check_same_frames(
    lifted: Mapping[str, LiftedFrames], frames: LiftedFrames, label: str
) -> None:
    """Refuse a lifter that scores other frames than those before it.

    Raises:
        ValueError: If it does.
    """
    for other, known in lifted.items():
        for key in ('sequence', 'frame', 'truth'):
            first, second = getattr(known, key), getattr(frames, key)
            if first.shape != second.shape or not np.allclose(first, second):
                raise ValueError(
                    f'{label} and {other} score different frames ({len(frames)} and '
                    f'{len(known)}), or have another truth; give lifters with the same '
                    'test data'
                )


def errors_of(frames: LiftedFrames) -> np.ndarray:
    """MPJPE of each frame over the joints that are seen, millimetres, ``(N,)``."""
    distances = np.linalg.norm(frames.pred - frames.truth, axis=-1)
    return 1000 * (distances * frames.seen).sum(axis=-1) / frames.seen.sum(axis=-1)


def choose_frames(
    frames: LiftedFrames,
    errors: Mapping[str, np.ndarray],
    people: np.ndarray,
    args: argparse.Namespace,
) -> tuple[np.ndarray, np.ndarray]:
    """Frames to draw, by the rule, and their places among all, from 0 to 1.

    Raises:
        ValueError: If no frame has the truth of all joints.
    """
    mean = np.mean(list(errors.values()), axis=0)
    order = np.argsort(mean, kind='stable')
    order = order[frames.seen[order].all(axis=-1)]
    if not len(order):
        raise ValueError('the test data has no frame with the truth of all joints')
    rows = RULES[args.choose](order, people, args.frames)
    place = np.empty(len(frames))
    place[order] = (np.arange(len(order)) + 0.5) / len(order)
    return rows, place[rows]


def by_quantiles(order: np.ndarray, people: np.ndarray, number: int) -> np.ndarray:
    """Frames that are evenly spaced in the order of their errors."""
    return order[spread(len(order), number)]


def by_people(order: np.ndarray, people: np.ndarray, number: int) -> np.ndarray:
    """Of each person the frame in the middle of the order, by name of the person."""
    names = np.unique(people[order])
    own = [order[people[order] == name] for name in names]
    return np.array([own[i][len(own[i]) // 2] for i in spread(len(names), number)])


RULES = {'quantiles': by_quantiles, 'people': by_people}


def summary(errors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Means over all frames, and how often each lifter beats the first."""
    first, *others = errors
    return {
        'scored_frames': len(errors[first]),
        'mean_MPJPE_mm': {label: float(e.mean()) for label, e in errors.items()},
        f'better_than_{first}': {
            label: float((errors[label] < errors[first]).mean()) for label in others
        },
    }


def draw(
    lifted: Mapping[str, LiftedFrames],
    pixels: np.ndarray,
    rows: np.ndarray,
    report: Mapping[str, Any],
    args: argparse.Namespace,
) -> np.ndarray:
    """The picture, BGR: a row a frame, the input, each lifter, the truth."""
    truth = next(iter(lifted.values())).truth
    shown = [frames.pred[rows] for frames in lifted.values()] + [truth[rows]]
    view = view_of(np.concatenate(shown), azimuth=args.azimuth)
    grid = []
    for row, facts in zip(rows, report['frames'], strict=True):
        left, top, side = crop_around(pixels[row][None])
        crop = (left - 0.1 * side, top - 0.1 * side, 1.2 * side)  # room for captions
        panel = draw_keypoints_panel(pixels[row], crop, args.size)
        caption(panel, f'2D, quantile {facts["quantile"]:.2f}', heading=True)
        panels = [caption(panel, f'{facts["sequence"]} {facts["frame"]}')]
        for label, frames in lifted.items():
            pose, true = frames.pred[row], frames.truth[row]
            panel = draw_pose_panel(pose, view, args.size, truth=true)
            caption(panel, label, heading=True)
            panels.append(caption(panel, f'{facts["MPJPE_mm"][label]:.0f} mm'))
        panel = draw_pose_panel(truth[row], view, args.size)
        panels.append(caption(panel, 'truth', heading=True))
        grid.append(panels)
    return tile(grid)


def print_table(report: Mapping[str, Any]) -> None:
    """Print the errors of the chosen frames and of all."""
    labels = list(report['mean_MPJPE_mm'])
    table = Table('frame', title='MPJPE, mm')
    for label in labels:
        table.add_column(label, justify='right')
    for frame in report['frames']:
        errors = [f'{frame["MPJPE_mm"][label]:.1f}' for label in labels]
        table.add_row(f'{frame["sequence"]} {frame["frame"]}', *errors)
    table.add_section()
    means = [f'{report["mean_MPJPE_mm"][label]:.1f}' for label in labels]
    table.add_row(f'all {report["scored_frames"]}', *means)
    Console().print(table)


if __name__ == '__main__':
    main()
