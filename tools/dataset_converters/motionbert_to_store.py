"""Convert MotionBERT's Human3.6M pickle to a FrameStore."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from conversion import (
    first_bad_frame,
    make_parser,
    progress,
    report,
    run,
)

from mmpose_ext.datasets.frame_store import (
    FrameStoreWriter,
    SequenceInfo,
    check_destination,
    sha256_of_file,
)
from mmpose_ext.datasets.restricted_unpickler import load_pickle
from mmpose_ext.geometry import (
    H36M17,
    factor_to_root_depth,
    h36m_cameras,
    image_pose_to_camera,
)

COMMAND = (
    'python tools/dataset_converters/motionbert_to_store.py '
    'h36m_sh_conf_cam_source_final.pkl --out data/h36m_sh'
)
HELP = """
Reads the Human3.6M file of MotionBERT (linked from docs/pose3d.md of
https://github.com/Walter0807/MotionBERT): keypoints of the Stacked Hourglass
with their confidence, and 2.5D labels. Writes one FrameStore with one sequence
per video, named as in the file, for example s_09_act_05_subact_02_ca_01:

  pose_image      2.5D label, pixels, depth relative to the root
  factor          metres per pixel; NaN in the training split, which has none
  keypoints_det   detections, pixels        scores_det   confidence
  pose_cam        camera-space pose, metres, from label and factor; NaN without it

The labels of this file are projected without lens distortion, so the sequences
carry the cameras with zero distortion. The pickle is read without executing it.
Human3.6M is licensed for academic use only and cannot be redistributed, and so
cannot this store.
"""
ACTIONS = (
    *('Directions', 'Discussion', 'Eating', 'Greeting', 'Phoning', 'Posing'),
    *('Purchases', 'Sitting', 'SittingDown', 'Smoking', 'Photo', 'Waiting'),
    *('Walking', 'WalkDog', 'WalkTogether'),
)
"""Actions 2 to 16 in Human3.6M's own order (Photo is 12, not 7)."""
SAME_ACTION = {
    'Direction': 'Directions',
    'Discuss': 'Discussion',
    'Greet': 'Greeting',
    'Phone': 'Phoning',
    'Pose': 'Posing',
    'Purchase': 'Purchases',
    'Smoke': 'Smoking',
    'TakingPhoto': 'Photo',
    'Wait': 'Waiting',
    'Walk': 'Walking',
    'WalkingDog': 'WalkDog',
    'WalkTwo': 'WalkTogether',
    'WalkingTogether': 'WalkTogether',
}
SOURCE = re.compile(r's_(\d+)_act_(\d+)_subact_(\d+)_ca_(\d+)')
REQUIRED = ('joint_2d', 'joint3d_image', 'camera_name', 'source', 'action')
LICENCE = 'Human3.6M: academic use only, http://vision.imar.ro/human3.6m'
TOLERANCE_MM = 1.0


@dataclass(frozen=True)
class Split:
    """One of the two parts of the file, as arrays with frames along axis 0."""

    name: str
    keypoints: np.ndarray
    scores: np.ndarray
    pose_image: np.ndarray
    factor: np.ndarray
    camera: np.ndarray
    source: np.ndarray
    action: np.ndarray

    def videos(self) -> Iterator[slice]:
        """The frames of each video; a new source is a new video."""
        new = np.flatnonzero(self.source[1:] != self.source[:-1]) + 1
        bounds = [0, *new.tolist(), len(self.source)]
        for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
            yield slice(start, stop)


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    check_destination(args.out, args.overwrite)
    splits = read_splits(load_pickle(args.pickle), args.pickle)
    videos = [(split, frames) for split in splits for frames in split.videos()]
    check_sources(videos, args.pickle)
    with FrameStoreWriter(
        args.out,
        joint_set=H36M17.name,
        fps=50.0,
        licence=LICENCE,
        source=f'MotionBERT: {args.pickle.name}',
        source_sha256=sha256_of_file(args.pickle),
        overwrite=args.overwrite,
    ) as writer:
        for split, frames in progress(videos, 'Converting'):
            info = sequence_info(split, frames)
            writer.add_sequence(info, fields_of(split, frames, info))
    report(
        args.out, [f'no factor and no pose_cam in split: {s}' for s in blind(splits)]
    )


def blind(splits: Sequence[Split]) -> list[str]:
    """Names of the splits without factors."""
    return [split.name for split in splits if not np.isfinite(split.factor).all()]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    parser.add_argument('pickle', type=Path, help='h36m_sh_conf_cam_source_final.pkl')
    parser.add_argument('--out', type=Path, required=True, help='folder of the store')
    parser.add_argument('--overwrite', action='store_true', help='replace the store')
    return parser.parse_args(argv)


def read_splits(data: Any, file: Path) -> list[Split]:
    """Both parts of the file, checked.

    Raises:
        ValueError: If a part or a key is missing, a shape or a length is wrong, a value
            is not finite, or the metric labels contradict the factor.
    """
    if not isinstance(data, dict) or not {'train', 'test'} <= set(data):
        found = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise ValueError(
            f"{file} must hold a dict with 'train' and 'test', not {found}"
        )
    return [read_split(data[name], name, file) for name in ('train', 'test')]


def read_split(data: Mapping[str, Any], name: str, file: Path) -> Split:
    """One part of the file, checked; see :func:`read_splits`."""
    where = f'{file}: {name}'
    missing = [key for key in REQUIRED if key not in data]
    if missing:
        raise ValueError(f'{where} has no {missing}; it holds {sorted(data)}')
    source = np.asarray(data['source']).astype(str)
    count = len(source)

    def array(key: str, *rows: tuple[int, ...]) -> np.ndarray:
        return shaped(data[key], [(count, *row) for row in rows], f'{where}: {key}')

    scores = np.ones((count, 17), dtype=np.float32)
    if 'confidence' in data:
        scores = array('confidence', (17,), (17, 1)).reshape(count, 17)
    factor = np.full(count, np.nan)
    if '2.5d_factor' in data:
        factor = array('2.5d_factor', ()) / 1000
    split = Split(
        name=name,
        keypoints=array('joint_2d', (17, 2), (17, 3))[..., :2],
        scores=scores,
        pose_image=array('joint3d_image', (17, 3)),
        factor=factor,
        camera=array('camera_name', ()).astype(str),
        source=source,
        action=array('action', ()),
    )
    for key in ('keypoints', 'scores', 'pose_image'):
        frame = first_bad_frame(getattr(split, key))
        if frame is not None:
            raise ValueError(
                f'{where}: {key} of {source[frame]} hold NaN or infinity '
                f'(frame {frame} of the split)'
            )
    if 'joints_2.5d_image' in data:
        check_metric_label(split, array('joints_2.5d_image', (17, 3)), where)
    return split


def shaped(value: Any, shapes: Sequence[tuple[int, ...]], name: str) -> np.ndarray:
    """``value`` as an array of one of the shapes.

    Raises:
        ValueError: If it has another shape.
    """
    array = np.asarray(value)
    if array.shape not in shapes:
        expected = ' or '.join(map(str, shapes))
        raise ValueError(f'{name} has shape {array.shape}, expected {expected}')
    return array


def check_metric_label(split: Split, label_mm: np.ndarray, where: str) -> None:
    """Check ``joints_2.5d_image = joint3d_image * 2.5d_factor``.

    Raises:
        ValueError: If it does not hold; the message names the first video.
    """
    expected = split.pose_image * (1000 * split.factor[:, None, None])
    gap = np.abs(label_mm - expected).max(axis=(1, 2), initial=0)
    wrong = ~(gap <= TOLERANCE_MM)
    if wrong.any():
        frame = int(np.argmax(wrong))
        raise ValueError(
            f'{where}: joints_2.5d_image of {split.source[frame]} differs from '
            f'joint3d_image * 2.5d_factor by {gap[frame]:.1f} mm (frame {frame} of the '
            'split); the file is damaged or of another kind'
        )


def check_sources(videos: Sequence[tuple[Split, slice]], file: Path) -> None:
    """Check that every video is one contiguous run of frames of one known camera.

    Raises:
        ValueError: If a source returns later, does not parse, changes its camera, or
            the camera or subject is not one of Human3.6M's.
    """
    cameras = h36m_cameras()
    seen: set[str] = set()
    for split, frames in videos:
        source = str(split.source[frames.start])
        where = f'{file}: {split.name}: {source}'
        if source in seen:
            raise ValueError(
                f'{where} occurs in two places; the frames of a video must be '
                'contiguous'
            )
        seen.add(source)
        match = SOURCE.fullmatch(source)
        if match is None:
            raise ValueError(
                f'{where}: expected a source like s_09_act_05_subact_02_ca_01'
            )
        subject = f'S{int(match[1])}'
        if subject not in cameras:
            raise ValueError(f'{where}: unknown subject {subject}')
        names = set(split.camera[frames].tolist())
        if len(names) != 1 or not names <= set(cameras[subject]):
            raise ValueError(
                f'{where}: camera_name is {sorted(names)}, expected one of '
                f'{sorted(cameras[subject])}'
            )


def sequence_info(split: Split, frames: slice) -> SequenceInfo:
    """The row of one video, read from its source string."""
    source = str(split.source[frames.start])
    match = SOURCE.fullmatch(source)
    assert match is not None
    subject, camera = f'S{int(match[1])}', str(split.camera[frames.start])
    parameters = h36m_cameras()[subject][camera]
    parameters['intrinsics']['distortion'] = [0.0] * 5
    return SequenceInfo(
        name=source,
        subject=subject,
        action=action_label(split.action[frames.start], source),
        camera=camera,
        split=split.name,
        extra={'act': int(match[2]), 'subaction': int(match[3]), 'ca': int(match[4])},
        **parameters,
    )


def action_label(value: Any, source: str) -> str:
    """A name of :data:`ACTIONS` from the file's label, a name or a number.

    Raises:
        ValueError: If it is neither.
    """
    text = str(value)
    if text.isdigit() and 2 <= int(text) < 2 + len(ACTIONS):
        return ACTIONS[int(text) - 2]
    label = SAME_ACTION.get(text, text)
    if label not in ACTIONS:
        raise ValueError(
            f'{source}: unknown action {text!r}; expected 2 to 16 or one of '
            f'{", ".join(ACTIONS)}'
        )
    return label


def fields_of(split: Split, frames: slice, info: SequenceInfo) -> dict[str, np.ndarray]:
    """The fields of one video."""
    assert info.intrinsics is not None
    pose_image = split.pose_image[frames].astype(np.float64)
    factor = split.factor[frames].astype(np.float64)
    root_depth = factor_to_root_depth(factor, info.intrinsics['f'])
    fields = {
        'pose_image': pose_image,
        'factor': factor,
        'pose_cam': image_pose_to_camera(
            pose_image, factor, root_depth, info.intrinsics['f'], info.intrinsics['c']
        ),
        'keypoints_det': split.keypoints[frames],
        'scores_det': split.scores[frames],
    }
    return {name: value.astype(np.float32) for name, value in fields.items()}


if __name__ == '__main__':
    run(main)
