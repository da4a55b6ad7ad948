"""Convert VideoPose3D's Human3.6M files to a FrameStore."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
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
from mmpose_ext.datasets.pose_fields import world_pose_to_fields
from mmpose_ext.datasets.restricted_unpickler import load_npz
from mmpose_ext.geometry import H36M17, H36M32_TO_H36M17, h36m_cameras

COMMAND = (
    'python tools/dataset_converters/videopose3d_to_store.py data_3d_h36m.npz '
    'data_2d_h36m_cpn_ft_h36m_dbb.npz --out data/h36m_cpn'
)
HELP = """
Reads the two kinds of files that VideoPose3D prepares from Human3.6M
(https://github.com/facebookresearch/VideoPose3D, DATASETS.md):

  data_3d_h36m.npz      poses in the world, metres, 32 or 17 joints
  data_2d_h36m_*.npz    keypoints of a detector, pixels, four cameras; any number

and writes one FrameStore with one sequence per subject, action and camera, for
example 'S9_Directions 1_54138969': camera-space poses, true 2D (projected with
the lens distortion), 2.5D poses, and the detections. The first detection file
becomes keypoints_det, a further one data_2d_h36m_NAME.npz becomes
keypoints_det_NAME; without any, only true 2D is written. S1, S5, S6, S7, S8
are the training split, S9 and S11 the test split.

The files are read without executing their pickles. Human3.6M is licensed for
academic use only and cannot be redistributed, and so cannot this store.
"""
CAMERA_ORDER = ('54138969', '55011271', '58860488', '60457274')
SPLITS = {
    **dict.fromkeys(('S1', 'S5', 'S6', 'S7', 'S8'), 'train'),
    **dict.fromkeys(('S9', 'S11'), 'test'),
}
LEFT_RIGHT = ({4, 5, 6, 11, 12, 13}, {1, 2, 3, 14, 15, 16})
SAME_ACTION = {
    'TakingPhoto': 'Photo',
    'WalkingDog': 'WalkDog',
    'WalkingTogether': 'WalkTogether',
}
LICENCE = 'Human3.6M: academic use only, http://vision.imar.ro/human3.6m'
MAX_METRES = 50.0
# A detector fine-tuned on Human3.6M errs by 5 to 10 px on average; a few videos of S9
# have drifted 3D poses, so one video may be further off than a whole file.
MAX_ERROR_OF_VIDEO_PX = 150.0
MAX_ERROR_OF_FILE_PX = 40.0


@dataclass(frozen=True)
class Detections:
    """One file of 2D keypoints: where it came from and which fields it fills."""

    file: Path
    name: str
    suffix: str
    poses: Mapping[str, Mapping[str, Sequence[np.ndarray]]]


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    check_destination(args.out, args.overwrite)
    poses = read_3d(args.poses_3d)
    detections = [read_2d(file, i) for i, file in enumerate(args.poses_2d)]
    videos = [(subject, action) for subject in poses for action in poses[subject]]
    for subject, action in videos:
        check_video(poses[subject][action], subject, action, detections)
    cameras = h36m_cameras()
    errors: dict[str, list[float]] = {d.name: [] for d in detections}
    with FrameStoreWriter(
        args.out,
        joint_set=H36M17.name,
        fps=50.0,
        licence=LICENCE,
        source=f'VideoPose3D: {args.poses_3d.name}',
        source_sha256=sha256_of_file(args.poses_3d),
        overwrite=args.overwrite,
        extra={'detections': {f'keypoints_det{d.suffix}': d.name for d in detections}},
    ) as writer:
        for subject, action in progress(videos, 'Converting'):
            world = to_17_joints(poses[subject][action])
            for index, camera in enumerate(CAMERA_ORDER):
                parameters = cameras[subject][camera]
                fields = world_pose_to_fields(
                    world, parameters['intrinsics'], parameters['extrinsics']
                )
                for detection in detections:
                    found = detection.poses[subject][action][index]
                    fields |= detection_fields(found[: len(world)], detection.suffix)
                    where = f'{subject} {action!r} camera {camera} in {detection.file}'
                    errors[detection.name].append(
                        error_of_detections(fields, detection.suffix, where)
                    )
                info = SequenceInfo(
                    name=f'{subject}_{action}_{camera}',
                    subject=subject,
                    action=action_label(action),
                    camera=camera,
                    split=SPLITS[subject],
                    extra={'video': action},
                    **parameters,
                )
                writer.add_sequence(info, fields)
        check_errors(detections, errors)
    report(args.out, notes(poses, detections, errors))


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    parser.add_argument('poses_3d', type=Path, help='data_3d_h36m.npz')
    parser.add_argument('poses_2d', type=Path, nargs='*', help='data_2d_h36m_*.npz')
    parser.add_argument('--out', type=Path, required=True, help='folder of the store')
    parser.add_argument('--overwrite', action='store_true', help='replace the store')
    return parser.parse_args(argv)


def read_3d(file: Path) -> dict[str, dict[str, np.ndarray]]:
    """World poses by subject and action.

    Raises:
        ValueError: If a subject is unknown or an array is not ``(n, 32 or 17, 3)``
            finite metres; the message names it.
    """
    data = dictionary(load_npz(file), 'positions_3d', file)
    for subject, actions in data.items():
        if subject not in SPLITS:
            raise ValueError(
                f'{file}: unknown subject {subject!r}; Human3.6M has {sorted(SPLITS)}'
            )
        for action, poses in actions.items():
            where = f'{file}: {subject} {action!r}'
            shape = np.shape(poses)
            if len(shape) != 3 or not shape[0] or shape[1:] not in ((32, 3), (17, 3)):
                raise ValueError(
                    f'{where} has shape {shape}, expected (frames, 32 or 17, 3)'
                )
            frame = first_bad_frame(poses)
            if frame is not None:
                raise ValueError(f'{where} holds NaN or infinity in frame {frame}')
            if np.abs(poses).max() > MAX_METRES:
                raise ValueError(
                    f'{where} reaches {np.abs(poses).max():.0f}; positions must be in '
                    'metres, these look like millimetres'
                )
    return data


def read_2d(file: Path, index: int) -> Detections:
    """Detections of one file; the first file gets the plain field names.

    Raises:
        ValueError: If the joints are not those of Human3.6M-17.
    """
    arrays = load_npz(file)
    poses = dictionary(arrays, 'positions_2d', file)
    metadata = dictionary(arrays, 'metadata', file)
    sides = tuple(
        set(map(int, side)) for side in metadata.get('keypoints_symmetry', ())
    )
    joints = metadata.get('num_joints', H36M17.num_joints)
    if sides != LEFT_RIGHT or joints != H36M17.num_joints:
        raise ValueError(
            f'{file} holds {joints} joints of layout '
            f'{metadata.get("layout_name", "(unnamed)")!r}, expected the 17 of '
            'Human3.6M; use a file of a detector fine-tuned on Human3.6M'
        )
    name = re.sub(r'^data_2d_h36m_', '', file.stem)
    return Detections(file, name, f'_{name}' if index else '', poses)


def dictionary(
    arrays: Mapping[str, np.ndarray], key: str, file: Path
) -> dict[str, Any]:
    """The dict that was saved under ``key`` as a 0-d object array.

    Raises:
        ValueError: If it is missing or something else.
    """
    if key not in arrays:
        raise ValueError(f'{file} has no {key!r}; it holds {sorted(arrays)}')
    value = arrays[key].item() if arrays[key].ndim == 0 else None
    if not isinstance(value, dict):
        raise ValueError(f'{file}: {key!r} is not a dict saved with np.savez')
    return value


def check_video(
    poses: np.ndarray, subject: str, action: str, detections: Sequence[Detections]
) -> None:
    """Check that every detection file covers a video.

    Raises:
        ValueError: If the video, a camera or frames are missing, a shape is wrong, or a
            keypoint is not finite.
    """
    for detection in detections:
        where = f'{detection.file}: {subject} {action!r}'
        views = detection.poses.get(subject, {}).get(action)
        if views is None:
            raise ValueError(f'{where} is missing although it has 3D poses')
        if len(views) != len(CAMERA_ORDER):
            raise ValueError(
                f'{where} has {len(views)} cameras, expected {len(CAMERA_ORDER)}'
            )
        for camera, view in zip(CAMERA_ORDER, views, strict=True):
            shape = np.shape(view)
            if len(shape) != 3 or shape[1:] not in ((17, 2), (17, 3)):
                raise ValueError(
                    f'{where} camera {camera} has shape {shape}, expected '
                    '(frames, 17, 2 or 3)'
                )
            if len(view) < len(poses):
                raise ValueError(
                    f'{where} camera {camera} has {len(view)} frames, its 3D poses '
                    f'have {len(poses)}'
                )
            frame = first_bad_frame(view[: len(poses)])
            if frame is not None:
                raise ValueError(
                    f'{where} camera {camera} holds NaN or infinity in frame {frame}'
                )


def to_17_joints(poses: np.ndarray) -> np.ndarray:
    """Select the 17 joints."""
    return poses if poses.shape[1] == 17 else poses[:, H36M32_TO_H36M17]


def detection_fields(found: np.ndarray, suffix: str) -> dict[str, np.ndarray]:
    """Keypoints and confidence, which is 1 where the file has none."""
    scores = found[..., 2] if found.shape[-1] == 3 else np.ones(found.shape[:2])
    return {
        f'keypoints_det{suffix}': found[..., :2].astype(np.float32),
        f'scores_det{suffix}': scores.astype(np.float32),
    }


def error_of_detections(
    fields: Mapping[str, np.ndarray], suffix: str, where: str
) -> float:
    """Mean distance between detections and true keypoints, pixels.

    Raises:
        ValueError: If they have nothing to do with each other.
    """
    gap = fields[f'keypoints_det{suffix}'] - fields['pose_image'][..., :2]
    error = np.linalg.norm(gap, axis=-1)
    if np.median(error) > MAX_ERROR_OF_VIDEO_PX:
        raise ValueError(unrelated(where, float(np.median(error))))
    return float(error.mean())


def check_errors(
    detections: Sequence[Detections], errors: Mapping[str, list[float]]
) -> None:
    """Check that each file as a whole belongs to the 3D poses.

    Raises:
        ValueError: If its mean error is that of another camera order.
    """
    for detection in detections:
        error = float(np.mean(errors[detection.name]))
        if error > MAX_ERROR_OF_FILE_PX:
            raise ValueError(unrelated(str(detection.file), error))


def unrelated(where: str, error: float) -> str:
    """The message about keypoints that do not fit."""
    return (
        f'{where}: keypoints lie {error:.0f} px away from the projected 3D poses; '
        f'expected pixels, in the camera order {", ".join(CAMERA_ORDER)}'
    )


def action_label(video: str) -> str:
    """'Directions 1' -> 'Directions'."""
    label = re.sub(r'\s+\d+$', '', video)
    return SAME_ACTION.get(label, label)


def notes(
    poses: Mapping[str, Mapping[str, np.ndarray]],
    detections: Sequence[Detections],
    errors: Mapping[str, list[float]],
) -> list[str]:
    """Lines for the end of the summary."""
    lines = []
    for detection in detections:
        error = float(np.mean(errors[detection.name]))
        lines.append(f'2D {detection.name}: {error:.2f} px from the true keypoints')
        unused = [
            f'{subject} {action!r}'
            for subject, actions in detection.poses.items()
            for action in actions
            if action not in poses.get(subject, {})
        ]
        if unused:
            lines.append(f'2D without 3D poses, not converted: {", ".join(unused)}')
    return lines


if __name__ == '__main__':
    run(main)
