"""Convert world-space motion capture to a FrameStore of 2D/3D pairs."""

from __future__ import annotations

import argparse
import csv
import json
import zlib
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
from mmengine.config import Config

from mmpose_ext.datasets.frame_store import (
    FrameStoreWriter,
    SequenceInfo,
    check_destination,
    sha256_of_file,
)
from mmpose_ext.datasets.pose_fields import outside_image, world_pose_to_fields
from mmpose_ext.geometry import H36M17, h36m_cameras, joint_order
from mmpose_ext.simulation.detector_noise import (
    SIGMA_PX,
    detect_keypoints,
)

COMMAND = (
    'python tools/dataset_converters/mocap_to_store.py mocap_h36m17.npz '
    '--out data/mocap --split configs/_base_/datasets/mocap_split.py --noise'
)
HELP = """
Turns motion capture in world coordinates into 2D/3D pairs as calibrated cameras
would have seen them, lens distortion included, and writes one FrameStore with one
sequence per motion and camera, for example 'cmu_01_01_54138969'.

  NAME.npz         one float array (frames, 17, 3) a sequence: metres, z up
  NAME_index.csv   optional: columns key, subject, cmu_description (or action)
  NAME_meta.json   optional: keypoints (joint names, any order), units, fps

Every motion is moved along the ground, so that the middle of the way of its
pelvis lies where the cameras look. The cameras are the four of Human3.6M, as they
stood for one of its subjects; the subjects' set-ups are taken in turn, so that
views vary. With --split, held-out people are seen by set-ups of their own.

For experiments on a change of domain, --scale makes people smaller or larger (about
the origin on the ground, so feet stay there), --cameras takes other cameras
(make_target_cameras.py draws some), and --lists says which lists of people of the
split file become the parts 'train' and 'test'; other people are left out then:

  --split people.py --lists source_subjects
  --split people.py --lists target_subjects test_subjects --scale 0.88 \
      --cameras target_cameras.json

With --noise, keypoints_det and scores_det hold what a 2D detector might have
found: correlated noise, left/right swaps, misses, and a score. The noise depends
on --seed, the motion and the camera only, not on what else is converted.
"""
H36M_SUBJECTS = ('S1', 'S5', 'S6', 'S7', 'S8', 'S9', 'S11')
TEST_CAMERA_SUBJECTS = ('S9', 'S11')
# Names of the motion's label in an index, in the order of preference.
ACTION_COLUMNS = ('action', 'cmu_description', 'description')
SPLIT_LISTS = ('train_subjects', 'test_subjects')
NOISE = dict(
    sigma_px=SIGMA_PX,
    correlation=0.85,
    swap_rate=0.0015,
    swap_length=8.0,
    miss_rate=0.0015,
    miss_length=6.0,
)
MAX_METRES = 50.0

Cameras = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Motion:
    """One motion in the world."""

    key: str
    pose: np.ndarray
    subject: str | None
    action: str | None
    fps: float
    split: str | None = None


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    check_destination(args.out, args.overwrite)
    meta = read_meta(args.meta or sibling(args.motions, '_meta.json'))
    motions = read_motions(args, meta)
    cameras = read_cameras(args.cameras) if args.cameras else h36m_cameras()
    rigs = assign_rigs(motions, cameras, args)
    counts = {'frames': 0, 'outside': 0, 'kept': 0}
    errors: list[np.ndarray] = []
    with FrameStoreWriter(
        args.out,
        joint_set=H36M17.name,
        fps=args.fps,
        licence=args.licence or meta.get('licence', ''),
        source=f'motion capture: {args.motions.name}',
        source_sha256=sha256_of_file(args.motions),
        overwrite=args.overwrite,
        extra={
            'outside': args.outside,
            'yaw': args.yaw,
            'scale': args.scale,
            'cameras': args.cameras.name if args.cameras else 'Human3.6M',
            'seed': args.seed,
            'noise': NOISE if args.noise else None,
            'source_joints': list(meta.get('keypoints', H36M17.joint_names)),
        },
    ) as writer:
        for motion in progress(motions, 'Converting'):
            rig = cameras[rigs[motion.key]]
            yaw = yaw_of(motion.key, args)
            pose = motion.pose.astype(np.float64) * args.scale
            world = place(pose, look_at_point(rig), yaw)
            for camera, parameters in rig.items():
                info = SequenceInfo(
                    name=f'{motion.key}_{camera}',
                    subject=motion.subject,
                    action=motion.action,
                    camera=camera,
                    split=motion.split,
                    fps=None if motion.fps == args.fps else motion.fps,
                    extra={
                        'motion': motion.key,
                        'camera_subject': rigs[motion.key],
                        'yaw': yaw,
                    },
                    **parameters,
                )
                fields = fields_of(world, info, args)
                outside = outside_image(
                    fields['pose_cam'], fields['pose_image'], info.image_size
                )
                if args.noise:
                    errors.append(detection_errors(fields)[:, ~outside])
                counts['frames'] += len(world)
                counts['outside'] += int(outside.sum())
                counts['kept'] += write(writer, info, fields, outside, args.outside)
    report(args.out, notes(counts, errors, args.outside))


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('motions', type=Path, help='.npz of world-space motions')
    add('--out', type=Path, required=True, help='folder of the store')
    add('--overwrite', action='store_true', help='replace the store')
    add('--index', type=Path, help='subjects and actions (default: NAME_index.csv)')
    add('--meta', type=Path, help='joints, units, fps (default: NAME_meta.json)')
    add('--split', type=Path, help='Python file with train_subjects, test_subjects')
    add(
        '--lists',
        nargs='+',
        metavar='LIST',
        help='names of the lists in --split that become train and, if there are two, '
        'test; people of the other lists (*_subjects) are left out (default: '
        'train_subjects test_subjects)',
    )
    add('--scale', type=float, default=1.0, help='multiply motions by it, e.g. 0.88')
    add('--cameras', type=Path, help="calibration in karfly's JSON format, millimetres")
    add(
        '--camera-subjects',
        '--camera-subject',
        nargs='+',
        metavar='S',
        help='set-ups to take in turn (default: S1 S5 S6 S7 S8 S9 S11, with --split '
        'those that are not for held-out people)',
    )
    add(
        '--test-camera-subjects',
        nargs='+',
        metavar='S',
        help='set-ups for held-out people (default with --split: S9 S11)',
    )
    add(
        '--outside',
        choices=('keep', 'drop-frames'),
        default='keep',
        help='what to do with frames in which a joint is outside the image: keep them '
        '(default) or drop them, which cuts sequences into pieces',
    )
    add('--yaw', choices=('none', 'random'), default='none', help='turn each motion')
    add('--noise', action='store_true', help='add detector-like 2D keypoints')
    add('--seed', type=int, default=0, help='of --yaw random and --noise')
    add('--fps', type=float, default=50.0, help='where the meta file says nothing')
    add('--licence', default='', help='of the motions, for the header')
    args = parser.parse_args(argv)
    check_options(args)
    return args


def check_options(args: argparse.Namespace) -> None:
    """Refuse options that mean nothing.

    Raises:
        ValueError: If the scale is not a positive number, or --lists is not one or two
            names of lists in a file given as --split.
    """
    if not (args.scale > 0 and np.isfinite(args.scale)):
        raise ValueError(f'--scale must be a positive number, got {args.scale}')
    if args.lists is None:
        args.lists = list(SPLIT_LISTS)
    elif not args.split:
        raise ValueError('--lists names lists of a split file; give that as --split')
    elif len(args.lists) > 2 or len(set(args.lists)) < len(args.lists):
        raise ValueError(
            f'--lists takes one list for train and one for test, got {args.lists}'
        )


def sibling(motions: Path, ending: str) -> Path | None:
    """The file NAME + ending beside NAME.npz, if there is one."""
    file = motions.with_name(motions.stem + ending)
    return file if file.is_file() else None


def read_meta(file: Path | None) -> dict[str, Any]:
    """What the meta file says; empty without one.

    Raises:
        ValueError: If it is not JSON or its unit is not the metre.
    """
    if file is None:
        return {}
    try:
        meta = json.loads(file.read_text(encoding='utf-8'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{file} is not valid JSON ({error})') from error
    if meta.get('units', 'metre') not in ('metre', 'meter', 'm'):
        raise ValueError(
            f'{file}: unit {meta["units"]!r}; convert the motions to metres'
        )
    return meta


def read_motions(args: argparse.Namespace, meta: Mapping[str, Any]) -> list[Motion]:
    """All motions with subject, action, rate and split, checked.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a motion is not ``(frames, 17, 3)`` finite metres, or subjects
            and split do not fit; the message names it.
    """
    if not args.motions.is_file():
        raise FileNotFoundError(f'there is no file {args.motions}; check the path')
    rows = read_index(args.index or sibling(args.motions, '_index.csv'))
    order = joint_order(meta.get('keypoints', H36M17.joint_names))
    split_of = read_split(args.split, args.lists) if args.split else {}
    described = meta.get('sequences', {})
    motions, subjects = [], set()
    with np.load(args.motions, allow_pickle=False) as arrays:
        for key in arrays.files:
            row, entry = rows.get(key, {}), described.get(key, {})
            subject = row.get('subject') or entry.get('subject')
            if rows and not row:
                raise ValueError(f'{args.motions}: {key!r} is missing in the index')
            if args.split and subject not in split_of:
                raise ValueError(
                    f'{args.motions}: subject {subject!r} of {key!r} is in no list of '
                    f'{args.split}; add it to one'
                )
            subjects.add(subject)
            if args.split and split_of[subject] is None:
                continue
            labels = [row[column] for column in ACTION_COLUMNS if row.get(column)]
            motion = Motion(
                key=key,
                pose=read_pose(arrays, key, args.motions, len(order))[:, order],
                subject=subject,
                action=labels[0] if labels else None,
                fps=float(entry.get('fps', args.fps)),
                split=split_of.get(subject),
            )
            motions.append(motion)
    absent = sorted(set(split_of) - subjects)
    if absent:
        raise ValueError(
            f'{args.split} names subjects that {args.motions} does not have: {absent}'
        )
    return motions


def read_index(file: Path | None) -> dict[str, dict[str, str]]:
    """Rows of the index by key; empty without one.

    Raises:
        ValueError: If there is no column ``key``.
    """
    if file is None:
        return {}
    with file.open(newline='', encoding='utf-8') as stream:
        reader = csv.DictReader(stream)
        if 'key' not in (reader.fieldnames or ()):
            raise ValueError(f"{file} has no column 'key'; it has {reader.fieldnames}")
        return {row['key']: row for row in reader}


def read_pose(
    arrays: Mapping[str, np.ndarray], key: str, file: Path, joints: int
) -> np.ndarray:
    """One motion, checked; see :func:`read_motions`."""
    where = f'{file}: {key!r}'
    try:
        pose = arrays[key]
    except ValueError as error:
        raise ValueError(f'{where} is not a plain array ({error})') from error
    if pose.ndim != 3 or not len(pose) or pose.shape[1:] != (joints, 3):
        raise ValueError(
            f'{where} has shape {pose.shape}, expected (frames, {joints}, 3)'
        )
    frame = first_bad_frame(pose)
    if frame is not None:
        raise ValueError(f'{where} holds NaN or infinity in frame {frame}')
    if np.ptp(pose, axis=1).max() > MAX_METRES:
        raise ValueError(f'{where} is larger than {MAX_METRES:g}; expected metres')
    return pose


def read_split(file: Path, names: Sequence[str] = SPLIT_LISTS) -> dict[str, str | None]:
    """The part of each subject that the file lists.

    Args:
        file: Python file with lists of subjects.
        names: The lists that become 'train' and, if there is a second, 'test'.

    Returns:
        'train', 'test', or ``None`` for people of another list named ``*_subjects``,
        who are left out.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If a list is missing or a subject is in two lists.
    """
    if not file.is_file():
        raise FileNotFoundError(f'there is no split file {file}; check --split')
    config = Config.fromfile(str(file))
    for name in names:
        if not isinstance(config.get(name), list | tuple):
            raise ValueError(f'{file} has no list {name}')
    parts: dict[str, str | None] = dict(zip(names, ('train', 'test'), strict=False))
    others = [name for name in config if name.endswith('_subjects')]
    parts = {**dict.fromkeys(others), **parts}
    split_of: dict[str, str | None] = {}
    for name, part in parts.items():
        both = sorted(set(config[name]) & set(split_of))
        if both:
            raise ValueError(f'{file}: subjects of {name} in two lists: {both}')
        split_of |= dict.fromkeys(config[name], part)
    return split_of


def read_cameras(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Cameras in the layout of :func:`h36m_cameras` from karfly's JSON format.

    That format has ``intrinsics[camera] = {calibration_matrix, distortion}`` and
    ``extrinsics[subject][camera] = {R, t}`` in millimetres. It has no image sizes:
    Human3.6M's are known, other cameras need ``intrinsics[camera]['image_size']``.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is not of this format.
    """
    if not file.is_file():
        raise FileNotFoundError(f'there is no camera file {file}; check --cameras')
    known = next(iter(h36m_cameras().values()))
    try:
        data = json.loads(file.read_text(encoding='utf-8'))
        lenses = {}
        for camera, entry in data['intrinsics'].items():
            matrix = np.array(entry['calibration_matrix'], dtype=float).reshape(3, 3)
            size = entry.get('image_size') or known.get(camera, {}).get('image_size')
            if size is None:
                raise ValueError(
                    f'add "image_size": [width, height] to camera {camera}'
                )
            lenses[camera] = {
                'intrinsics': {
                    'f': [matrix[0, 0], matrix[1, 1]],
                    'c': [matrix[0, 2], matrix[1, 2]],
                    'distortion': np.reshape(entry['distortion'], 5).tolist(),
                },
                'image_size': tuple(map(int, size)),
            }
        return {
            subject: {
                camera: {
                    **lenses[camera],
                    'extrinsics': {
                        'R': np.reshape(entry['R'], (3, 3)).tolist(),
                        't': (np.reshape(entry['t'], 3) / 1000).tolist(),
                    },
                }
                for camera, entry in views.items()
            }
            for subject, views in data['extrinsics'].items()
        }
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is not in karfly's camera format ({type(error).__name__}: {error})"
        ) from error


def assign_rigs(
    motions: Sequence[Motion], cameras: Cameras, args: argparse.Namespace
) -> dict[str, str]:
    """The camera set-up of each motion: in turn, by name, within each split.

    Raises:
        ValueError: If a set-up does not exist.
    """
    everyone = [s for s in H36M_SUBJECTS if s in cameras] or list(cameras)
    test = args.test_camera_subjects
    if test is None and args.split and not args.cameras:
        test = TEST_CAMERA_SUBJECTS
    train = args.camera_subjects
    if train is None:
        train = [s for s in everyone if s not in (test or ())] or everyone
    for subject in (*train, *(test or ())):
        if subject not in cameras:
            raise ValueError(
                f'no camera set-up {subject!r}; choose from {sorted(cameras)}'
            )
    rigs: dict[str, str] = {}
    for held_out, choice in ((False, train), (True, test or train)):
        keys = sorted(m.key for m in motions if (m.split == 'test') == held_out)
        rigs |= {key: choice[i % len(choice)] for i, key in enumerate(keys)}
    return rigs


def generator_of(seed: int, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and the names only."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def yaw_of(key: str, args: argparse.Namespace) -> float:
    """The turn of a motion about the vertical, radians."""
    if args.yaw == 'none':
        return 0.0
    return float(generator_of(args.seed, key).uniform(-np.pi, np.pi))


def look_at_point(rig: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    """The point ``(3,)`` nearest to all optical axes, world, metres."""
    normal, offset = np.zeros((3, 3)), np.zeros(3)
    for parameters in rig.values():
        rotation = np.asarray(parameters['extrinsics']['R'], dtype=float)
        centre = -rotation.T @ np.asarray(parameters['extrinsics']['t'], dtype=float)
        across = np.eye(3) - np.outer(rotation[2], rotation[2])
        normal += across
        offset += across @ centre
    # One camera alone leaves the distance open: the least-norm answer is taken.
    return np.linalg.lstsq(normal, offset, rcond=None)[0]


def place(pose: np.ndarray, target: np.ndarray, yaw: float) -> np.ndarray:
    """Turn a motion and move it along the ground.

    Args:
        pose: Motion ``(F, K, 3)``, world, metres.
        target: Point ``(3,)``; its height is ignored.
        yaw: Turn about the vertical, radians.

    Returns:
        Motion ``(F, K, 3)`` whose pelvis path has its middle (the centre of its
        bounding rectangle) above the target.
    """
    cos, sin = np.cos(yaw), np.sin(yaw)
    turned = pose.astype(np.float64)
    turned[..., :2] = turned[..., :2] @ np.array([[cos, sin], [-sin, cos]])
    path = turned[:, H36M17.root, :2]
    turned[..., :2] += target[:2] - (path.min(axis=0) + path.max(axis=0)) / 2
    return turned


def fields_of(
    world: np.ndarray, info: SequenceInfo, args: argparse.Namespace
) -> dict[str, np.ndarray]:
    """All fields of a motion seen by one camera.

    Raises:
        ValueError: If a joint is behind the camera and such frames are to be kept.
    """
    assert info.intrinsics is not None and info.extrinsics is not None
    fields = world_pose_to_fields(world, info.intrinsics, info.extrinsics)
    behind = (fields['pose_cam'][..., 2] <= 0).any(axis=1)
    if behind.any() and args.outside == 'keep':
        raise ValueError(
            f'{info.name}: the person is behind the camera in {int(behind.sum())} '
            'frames, which have no image; pass --outside drop-frames'
        )
    if args.noise:
        pixels = np.where(behind[:, None, None], 0, fields['pose_image'][..., :2])
        generator = generator_of(args.seed, info.extra['motion'], str(info.camera))
        fields['keypoints_det'], fields['scores_det'] = detect_keypoints(
            pixels, generator, image_size=info.image_size, **NOISE
        )
    return fields


def write(
    writer: FrameStoreWriter,
    info: SequenceInfo,
    fields: Mapping[str, np.ndarray],
    outside: np.ndarray,
    policy: str,
) -> int:
    """Write a sequence, or the runs of it inside the image; return their frames."""
    if policy == 'keep' or not outside.any():
        writer.add_sequence(info, fields)
        return len(outside)
    edges = np.flatnonzero(np.diff(np.r_[True, outside, True]))
    for start, stop in edges.reshape(-1, 2).tolist():
        part = SequenceInfo(
            **{
                **vars(info),
                'name': f'{info.name}_from_{start}',
                'extra': {**info.extra, 'first_frame': start},
            }
        )
        writer.add_sequence(part, {k: v[start:stop] for k, v in fields.items()})
    return int((~outside).sum())


def detection_errors(fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """Errors of detections ``(2, F, 17)``, in pixels and in sizes of the person."""
    truth = fields['pose_image'][..., :2]
    error = np.linalg.norm(fields['keypoints_det'] - truth, axis=-1)
    size = np.ptp(truth, axis=1).max(axis=-1)
    return np.stack([error, error / np.maximum(size, 1)[:, None]])


def notes(
    counts: Mapping[str, int], errors: Sequence[np.ndarray], policy: str
) -> list[str]:
    """Lines for the end of the summary."""
    share = counts['outside'] / counts['frames']
    verb = 'kept' if policy == 'keep' else 'dropped'
    lines = [
        f'{counts["outside"]} of {counts["frames"]} frames ({share:.1%}) have a joint '
        f'outside the image: {verb} (--outside)'
    ]
    if errors:
        pixels, relative = np.concatenate(errors, axis=1)
        lines.append(
            f'detections in the others: {pixels.mean():.2f} px mean error, '
            f'{np.median(pixels):.2f} px median, {(relative < 0.05).mean():.1%} within '
            "5 % of the person's size"
        )
    return lines


if __name__ == '__main__':
    run(main)
