"""Lifters side by side on a clip: 2D input, and 3D from each (PrML, Fig. 7 and 12).

    python tools/analysis_tools/compare_lifters.py --out squats \
        configs/prml/motionbert_mocap_9.py MOTIONBERT.pth \
        configs/prml/prml_mocap_9.py PRML.pth --labels MotionBERT PrML \
        --keypoints squats.json --joints blazepose33 --video squats.mp4 \
        --reference squats_3d.json --model-fps 50
    python tools/analysis_tools/compare_lifters.py ... --sequence cmu_02_01_54138969

The clip is one person's keypoints from any 2D estimator, or a sequence of the config's
test data. A video `comparison.mp4`, a sheet `comparison.png` and the poses
`comparison.npz` are written into the folder. The truth of a sequence is drawn in grey
below each prediction, with the MPJPE; a reference for other clips, which may come from
another estimator and have another scale, beside them, with the P-MPJPE. How well the
angles of the knees follow the target in time is printed as their correlation (Pearson's
r over all frames, mean of both knees), which knows of no scale at all.

Keypoints are a `.json` or `.npz`: an array of shape (F, K, C), or by name `keypoints`
(F, K, C) and optionally `scores` (F, K), `image_size` and `fps`. `--joints` names the
joint set. Channels are x, y and a score from 0 to 1; for `blazepose33` x, y, z (not
used) and visibility. A reference is (F, K, 3) in camera axes, of the same joint set.

Networks expect what they were trained on. `--model-fps` interpolates the keypoints to
the frame rate of the training data. `--person-height` moves and scales them so that the
person is as large as there (a third of the image's width with Human3.6M's cameras); 0
keeps the framing of the clip.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from rich.progress import track

from mmpose_ext.apis.keypoint_lifter import (
    PERSON_HEIGHT,
    KeypointLifter,
    window_length,
)
from mmpose_ext.apis.keypoint_sequences import clip_to_track
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.datasets.clip_fields import frame_rate_field, image_size_field
from mmpose_ext.datasets.keypoint_clip import (
    KeypointClip,
    read_keypoints,
    read_poses,
)
from mmpose_ext.engine.hooks.pose_picture_hook import spread
from mmpose_ext.engine.lifter_files import (
    LifterFiles,
    add_lifter_arguments,
    batch_size_of,
    lift_test_data,
    lifter_files,
    load_config,
    load_lifter,
)
from mmpose_ext.evaluation.functional import mpjpe, p_mpjpe
from mmpose_ext.geometry import H36M17
from mmpose_ext.geometry.joint_maps import JOINT_SETS
from mmpose_ext.visualization.pose_panels import (
    caption,
    crop_around,
    draw_keypoints_panel,
    draw_pose_panel,
    tile,
    view_of,
)
from mmpose_ext.visualization.video import (
    read_video,
    video_properties,
    write_video,
)

NAME = 'comparison'
SIDES = ('left', 'right')


@dataclass(frozen=True)
class Comparison:
    """A clip and what each lifter makes of it.

    Attributes:
        keypoints: 2D input, pixels, ``(F, 17, 2)``.
        poses: By label, camera axes, relative to the root, metres, ``(F, 17, 3)``.
        target: Truth or reference, alike, or ``None``.
        is_truth: Whether the target shares scale and frame with the poses.
        fps: Frames a second.
        first_frame: Number of the first frame in the video.
    """

    keypoints: np.ndarray
    poses: dict[str, np.ndarray]
    target: np.ndarray | None
    is_truth: bool
    fps: float
    first_frame: int = 0

    def errors(self, label: str) -> np.ndarray | None:
        """Millimetres of each frame ``(F,)``: MPJPE to a truth, P-MPJPE otherwise."""
        if self.target is None:
            return None
        pred = torch.from_numpy(self.poses[label])
        measure = mpjpe if self.is_truth else p_mpjpe
        return 1000 * measure(pred, torch.from_numpy(self.target)).numpy()

    def knee_correlation(self, label: str) -> float | None:
        """Pearson's r of knee angles and the target's over time, mean of both knees.

        NaN where a knee never moves.
        """
        if self.target is None:
            return None
        return angle_correlation(
            knee_angles(self.poses[label]), knee_angles(self.target)
        )


def knee_angles(poses: np.ndarray) -> np.ndarray:
    """Angles between thigh and shin, 180 when stretched, of poses ``(F, 17, 3)``.

    Returns:
        Degrees, left and right, ``(F, 2)``.
    """
    hips, knees, feet = (
        poses[:, [H36M17.joint_names.index(f'{side}_{name}') for side in SIDES]]
        for name in ('hip', 'knee', 'foot')
    )
    thighs, shins = hips - knees, feet - knees
    lengths = np.linalg.norm(thighs, axis=-1) * np.linalg.norm(shins, axis=-1)
    cosines = (thighs * shins).sum(axis=-1) / np.maximum(lengths, 1e-9)
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def angle_correlation(pred: np.ndarray, target: np.ndarray) -> float:
    """Mean over columns of Pearson's r of angles ``(F, 2)``; NaN if one is constant."""
    pred, target = pred - pred.mean(axis=0), target - target.mean(axis=0)
    scale = np.sqrt((pred**2).sum(axis=0) * (target**2).sum(axis=0))
    if not (scale > 0).all():
        return float('nan')
    return float(((pred * target).sum(axis=0) / scale).mean())


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_lifter_arguments(parser)
    clip = parser.add_mutually_exclusive_group(required=True)
    clip.add_argument('--keypoints', help='file of 2D keypoints')
    clip.add_argument('--sequence', help='sequence of the test data')
    parser.add_argument(
        '--joints',
        choices=tuple(JOINT_SETS),
        help="joint set (default: the file's, or coco17)",
    )
    parser.add_argument('--reference', help='file of 3D poses of the same joints')
    parser.add_argument('--video', help='the clip, shown behind the keypoints')
    parser.add_argument(
        '--image-size', type=float, nargs=2, metavar=('W', 'H'), help="default: video's"
    )
    parser.add_argument('--fps', type=float, help="of the keypoints (default: video's)")
    parser.add_argument(
        '--model-fps', type=float, help='lift at this frame rate (default: as it is)'
    )
    parser.add_argument(
        '--person-height',
        type=float,
        default=PERSON_HEIGHT,
        help='share of the image width',
    )
    parser.add_argument(
        '--stride', type=int, help='frames between windows (default: half a window)'
    )
    parser.add_argument('--columns', type=int, default=6, help='frames of the sheet')
    parser.add_argument('--size', type=int, default=300, help='of a panel, in pixels')
    parser.add_argument('--azimuth', type=float, default=40.0, help='of the view')
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> Comparison:
    """Lift, draw, write.

    Returns:
        The clip with all poses.
    """
    args = parse_args(argv)
    lifters = lifter_files(args)
    if args.sequence:
        comparison = compare_on_sequence(lifters, args)
    else:
        comparison = compare_on_keypoints(lifters, args)
    for label in comparison.poses:
        errors = comparison.errors(label)
        if errors is not None:
            measure = 'MPJPE' if comparison.is_truth else 'P-MPJPE'
            print(
                f'{label}: {measure} {errors.mean():.1f} mm, correlation of knee '
                f'angles {comparison.knee_correlation(label):.3f}'
            )
    write(comparison, args)
    return comparison


def compare_on_sequence(
    lifters: Sequence[LifterFiles], args: argparse.Namespace
) -> Comparison:
    """Run lifters on one sequence of their test data.

    Raises:
        ValueError: If it is not there, or lifters score different frames of it.
    """
    comparison, first_frames = None, None
    for files in lifters:
        _, dataset, frames = lift_test_data(
            files, args, choose=partial(windows_of, name=args.sequence)
        )
        if comparison is None:
            sequence = dataset.store.sequences[frames.sequence[0]]
            fps = sequence.fps or dataset.store.header['fps']
            pixels = frames.input_pixels(dataset)
            comparison = Comparison(pixels, {}, frames.truth, True, fps)
            first_frames = frames.frame
        if not np.array_equal(frames.frame, first_frames):
            raise ValueError(
                f'{files.label} scores other frames of {args.sequence} than '
                f'{lifters[0].label}; give lifters with the same test data'
            )
        comparison.poses[files.label] = frames.pred
    assert comparison is not None
    return comparison


def windows_of(dataset: Any, name: str) -> np.ndarray:
    """Windows of a sequence.

    Raises:
        ValueError: If the test data does not have it.
    """
    names = np.array([sequence.name for sequence in dataset.store.sequences])
    windows = np.flatnonzero(names[dataset.windows.sequence] == name)
    if not len(windows):
        known = np.unique(names[dataset.windows.sequence])
        raise ValueError(
            f'the test data has no sequence {name!r}; it has {known[:5].tolist()} and '
            'others'
        )
    return windows


def compare_on_keypoints(
    lifters: Sequence[LifterFiles], args: argparse.Namespace
) -> Comparison:
    """Run lifters on keypoints of a file.

    Raises:
        ValueError: If the image size is unknown, or the reference does not fit.
    """
    clip = complete_clip(read_keypoints(args.keypoints, args.joints), args)
    target = read_poses(args.reference, args.joints) if args.reference else None
    if target is not None and len(target) != len(clip.keypoints):
        raise ValueError(
            f'{args.reference} has {len(target)} frames, {args.keypoints} has '
            f'{len(clip.keypoints)}'
        )
    track = clip_to_track(clip)
    poses = {}
    for files in lifters:
        cfg = load_config(files, args)
        lifter = KeypointLifter.of_model(
            load_lifter(files, args, cfg), window_length(cfg), name=files.label
        )
        assert clip.image_size is not None
        (lifted,) = lifter.lift_tracks(
            [track],
            clip.image_size,
            fps=clip.fps,
            times=clip.times,
            model_fps=args.model_fps,
            stride=args.stride,
            batch_size=batch_size_of(args, cfg),
            person_height=args.person_height or None,
        )
        poses[files.label] = lifted.poses
    fps = clip.fps or args.model_fps or 25.0
    return Comparison(track.keypoints, poses, target, False, fps, clip.first_frame)


def complete_clip(clip: KeypointClip, args: argparse.Namespace) -> KeypointClip:
    """The clip with image size and frame rate of the flags, else of the video.

    Raises:
        ValueError: If nothing says what the image size is, or the frame rate, where it
            is needed.
    """
    size, fps = clip.image_size, clip.fps
    if args.video:
        size, video_fps = video_properties(args.video)
        fps = fps or video_fps
    given = {'image_size': args.image_size, 'fps': args.fps}
    size = image_size_field(given, 'arguments') or size
    fps = frame_rate_field(given, 'arguments') or fps
    if size is None:
        raise ValueError(
            'keypoints are normalised by the image size: give --image-size W H or '
            '--video'
        )
    if args.model_fps and not fps:
        raise ValueError(
            '--model-fps needs the frame rate of the keypoints: give --fps'
        )
    times = None if args.fps else clip.times
    return replace(clip, image_size=size, fps=fps, times=times)


def write(comparison: Comparison, args: argparse.Namespace) -> None:
    """Write video, sheet and poses."""
    number = len(comparison.keypoints)
    chosen = spread(number, args.columns)
    columns = []

    def pictures() -> Iterator[np.ndarray]:
        rows = panels_of_frames(comparison, args)
        for frame, row in enumerate(track(rows, 'drawing', total=number)):
            if frame in chosen:
                columns.append(row)
            yield tile([row])

    write_video(args.out / f'{NAME}.mp4', pictures(), fps=comparison.fps)
    with atomic_path(args.out / f'{NAME}.png') as file:
        cv2.imwrite(str(file), tile(list(zip(*columns, strict=True))))
    with atomic_path(args.out / f'{NAME}.npz') as file:
        np.savez(
            file,
            labels=list(comparison.poses),
            poses=np.stack(list(comparison.poses.values())),
            keypoints=comparison.keypoints,
        )
    print(f'wrote {args.out / NAME}.mp4, .png and .npz')


def panels_of_frames(
    comparison: Comparison, args: argparse.Namespace
) -> Iterator[list[np.ndarray]]:
    """For each frame the input, each lifter and, unless it is the truth, the target."""
    shown = dict(comparison.poses)
    truth = comparison.target if comparison.is_truth else None
    if comparison.target is not None and truth is None:
        shown['reference'] = comparison.target
    view = view_of(np.concatenate(list(shown.values())), azimuth=args.azimuth)
    crop = crop_around(comparison.keypoints)
    errors = {label: comparison.errors(label) for label in comparison.poses}
    first, number = comparison.first_frame, len(comparison.keypoints)
    images: Iterable[np.ndarray | None] = [None] * number
    if args.video:
        images = islice(read_video(args.video, first + number), first, None)
    for frame, image in enumerate(images):
        keypoints = comparison.keypoints[frame]
        panel = draw_keypoints_panel(keypoints, crop, args.size, image=image)
        caption(panel, 'input 2D', heading=True)
        row = [caption(panel, f'{frame / comparison.fps:.2f} s')]
        for label, poses in shown.items():
            below = None if truth is None else truth[frame]
            panel = draw_pose_panel(poses[frame], view, args.size, truth=below)
            caption(panel, label, heading=True)
            error = errors.get(label)
            if error is not None:
                caption(panel, f'{error[frame]:.0f} mm')
            row.append(panel)
        yield row


if __name__ == '__main__':
    main()
