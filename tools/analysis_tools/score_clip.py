"""How well people of a simulated clip were found, followed and lifted.

    python tools/make_synthetic_data.py clip data/synthetic_clip
    python demo/lift_video.py data/synthetic_clip/clip.mp4 --boxes ... --out-dir out
    python tools/analysis_tools/score_clip.py data/synthetic_clip out/clip_3d.npz \
        --lifter configs/prml/prml_mocap_9.py \
            demo/weights/prml_mocap_9_det.safetensors --model-fps 50

Who is who: IDF1, precision and recall of the people's numbers, and how often a person's
number changes, at an overlap of boxes of 0.5. The picture: mean distance of the 2D
joints that can be seen. Poses: MPJPE (roots aligned) and P-MPJPE of all frames in which
a person was found. With `--lifter`, the true 2D joints of the same frames are lifted as
well, each stay of a person in the picture by itself, also where the person is hidden,
so that the errors of the lifter and those of finding people can be told apart; give the
lifter and the options that made the results. "whole" are the frames in which all joints
of a person lie within the picture: where the others are, no picture tells, while the
true 2D does. `--out FILE` writes all numbers as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mmpose_ext.apis import (
    KeypointLifter,
    LiftedClip,
    LiftedTrack,
    PersonTrack,
    read_results,
)
from mmpose_ext.apis.association import box_iou
from mmpose_ext.apis.keypoint_lifter import PERSON_HEIGHT
from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.datasets.synthetic_clip import ClipTruth, read_clip_truth
from mmpose_ext.evaluation.functional import mpjpe, p_mpjpe
from mmpose_ext.evaluation.functional.idf1 import identity_scores
from mmpose_ext.geometry.joint_maps import scores_to_h36m17, to_h36m17
from mmpose_ext.simulation.keypoint_visibility import OUTSIDE, VISIBLE

LEAST_OVERLAP = 0.5


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', type=Path, help='of the simulated clip')
    parser.add_argument('results', type=Path, help='.npz or .json that a demo wrote')
    parser.add_argument(
        '--lifter', nargs=2, metavar=('CONFIG', 'WEIGHTS'), help='lift the true 2D too'
    )
    parser.add_argument('--model-fps', type=float, help='as for the results')
    parser.add_argument(
        '--person-height',
        type=float,
        default=PERSON_HEIGHT,
        help='as for the results (default 1/3; 0: keep the framing)',
    )
    parser.add_argument('--device', help='default: a GPU where there is one')
    parser.add_argument('--out', type=Path, metavar='FILE', help='numbers as JSON')
    return parser.parse_args(argv)


class FramePairs(NamedTuple):
    """Who is true and who was found in a frame.

    Attributes:
        seen: People that the frame shows, ``(G,)``.
        tracks: Tracks of the results that it is a part of, P of them.
        overlap: Intersection over union of their boxes ``(G, P)``.
    """

    seen: np.ndarray
    tracks: list[LiftedTrack]
    overlap: np.ndarray


def frame_pairs(truth: ClipTruth, clip: LiftedClip) -> list[FramePairs]:
    """People and tracks of each frame."""
    pairs = []
    for frame in range(len(clip)):
        here = [t for t in clip if t.frames[0] <= frame <= t.frames[-1]]
        boxes = [track.boxes[frame - track.frames[0]] for track in here]
        seen = np.flatnonzero(truth.seen[:, frame])
        overlap = box_iou(truth.boxes[seen, frame], np.reshape(boxes, (-1, 4)))
        pairs.append(FramePairs(seen, here, overlap))
    return pairs


def score_people(pairs: Sequence[FramePairs]) -> dict[str, float]:
    """IDF1 and its kind, see :mod:`mmpose_ext.evaluation.functional.idf1`."""
    scores = identity_scores(
        [pair.seen for pair in pairs],
        [np.array([t.track_id for t in pair.tracks], dtype=int) for pair in pairs],
        [pair.overlap for pair in pairs],
        threshold=LEAST_OVERLAP,
    )
    return {
        'IDF1': scores.idf1,
        'ID precision': scores.precision,
        'ID recall': scores.recall,
        'switches': scores.switches,
    }


class FoundPeople(NamedTuple):
    """Frames of people who were found, whatever their number.

    Attributes:
        person: True number ``(N,)``.
        frame: ``(N,)``.
        poses: ``(N, 17, 3)``, metres.
        keypoints: ``(N, 17, 2)``, pixels.
    """

    person: np.ndarray
    frame: np.ndarray
    poses: np.ndarray
    keypoints: np.ndarray


def found_people(pairs: Sequence[FramePairs]) -> FoundPeople:
    """Of each person in each frame the track that overlaps it most.

    Raises:
        ValueError: If no track overlaps anybody by half.
    """
    found = []
    for frame, (seen, tracks, overlap) in enumerate(pairs):
        for person, row in zip(seen, overlap, strict=True):
            if tracks and row.max() >= LEAST_OVERLAP:
                track = tracks[int(row.argmax())]
                place = frame - track.frames[0]
                moment = track.poses[place], track.keypoints[place]
                found.append((person, frame, *moment))
    if not found:
        raise ValueError('no box of the results overlaps a person by half or more')
    return FoundPeople(*(np.stack(column) for column in zip(*found, strict=True)))


def true_tracks(truth: ClipTruth) -> list[PersonTrack]:
    """The true 2D of each stay of a person in the picture, hidden or not."""
    tracks = []
    low, high = truth.keypoints.min(axis=-2), truth.keypoints.max(axis=-2)
    around = np.concatenate([low, high], axis=-1)
    boxes = np.where(truth.seen[..., None], truth.boxes, around)
    for person, inside in enumerate(in_picture(truth)):
        edges = np.diff(np.concatenate([[0], inside, [0]]).astype(int))
        for start, stop in zip(
            np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True
        ):
            frames = np.arange(start, stop)
            keypoints = truth.keypoints[person, frames].astype(np.float32)
            tracks.append(
                PersonTrack(
                    track_id=person,
                    frames=frames,
                    keypoints=to_h36m17(keypoints, 'coco17'),
                    scores=np.ones((len(frames), 17), np.float32),
                    filled=np.zeros(len(frames), bool),
                    boxes=boxes[person, frames].astype(np.float32),
                )
            )
    return tracks


def in_picture(truth: ClipTruth) -> np.ndarray:
    """Frames in which a person is within the picture ``(P, F)``, even if hidden."""
    return truth.seen | (truth.visibility != OUTSIDE).any(axis=-1)


def lift_true_2d(
    truth: ClipTruth, clip: LiftedClip, args: argparse.Namespace
) -> np.ndarray:
    """Poses ``(P, F, 17, 3)`` that the lifter makes of the true 2D, metres.

    Zero in frames in which the person is outside the picture.
    """
    lifter = KeypointLifter(*args.lifter, device=args.device)
    lifted = lifter.lift_tracks(
        true_tracks(truth),
        clip.image_size,
        fps=clip.fps,
        model_fps=args.model_fps or None,
        person_height=args.person_height or None,
        camera=clip.camera,
    )
    poses = np.zeros_like(truth.poses)
    for track in lifted:
        poses[track.track_id, track.frames] = track.poses
    return poses


def pose_errors(pred: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """MPJPE with roots aligned, and P-MPJPE, millimetres, of poses ``(N, 17, 3)``."""
    pair = [torch.from_numpy(poses - poses[:, :1]).double() for poses in (pred, true)]
    return {
        'MPJPE': 1000 * float(mpjpe(*pair).mean()),
        'P-MPJPE': 1000 * float(p_mpjpe(*pair).mean()),
    }


def score_poses(
    found: np.ndarray, true: np.ndarray, lifted: np.ndarray | None = None
) -> dict[str, float]:
    """Errors of poses ``(N, 17, 3)`` that were found, and of those of the true 2D."""
    scores = pose_errors(found, true)
    if lifted is not None:
        reference = pose_errors(lifted, true)
        scores |= {f'{name} of true 2D': value for name, value in reference.items()}
        scores['MPJPE ratio'] = scores['MPJPE'] / reference['MPJPE']
    return scores


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Score, print, write.

    Returns:
        The numbers.

    Raises:
        ValueError: If results are of another video, or nobody was found.
    """
    args = parse_args(argv)
    truth, clip = read_clip_truth(args.folder), read_results(args.results)
    if len(clip) != truth.seen.shape[1]:
        raise ValueError(
            f'{args.results} is of {len(clip)} frames, the clip of '
            f'{truth.seen.shape[1]}: results of another video'
        )
    pairs = frame_pairs(truth, clip)
    scores = score_people(pairs)
    found = found_people(pairs)
    rows = found.person, found.frame
    scores['found'] = len(found.frame) / truth.seen.sum()
    true_2d = to_h36m17(truth.keypoints[rows].astype(np.float32), 'coco17')
    visible = (truth.visibility[rows] == VISIBLE).astype(np.float32)
    in_sight = scores_to_h36m17(visible, 'coco17') == 1
    distance = np.linalg.norm(found.keypoints - true_2d, axis=-1)
    scores['2D error of visible joints'] = float(distance[in_sight].mean())
    poses = [found.poses, truth.poses[rows]]
    if args.lifter:
        poses.append(lift_true_2d(truth, clip, args)[rows])
    scores |= score_poses(*poses)
    whole = (truth.visibility[rows] != OUTSIDE).all(axis=-1)
    if whole.any():
        of_whole = score_poses(*(part[whole] for part in poses))
        scores |= {f'{name}, whole': value for name, value in of_whole.items()}
    table = Table(title=f'{args.results} against {args.folder}')
    table.add_column('score')
    table.add_column('value', justify='right')
    for name, value in scores.items():
        table.add_row(name, f'{value:d}' if name == 'switches' else f'{value:.3f}')
    Console().print(table)
    if args.out is not None:
        with atomic_path(args.out) as file:
            file.write_text(json.dumps(scores, indent=1) + '\n', encoding='utf-8')
    return scores


if __name__ == '__main__':
    main()
