"""Convert a FrameStore and the images of its frames to COCO person keypoints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from conversion import make_parser, progress, run
from frame_images import FrameImages

from mmpose_ext.atomic_write import atomic_path
from mmpose_ext.datasets.frame_store import FrameStore, SequenceInfo
from mmpose_ext.geometry import H36M17, camera_to_world, project_to_pixels

COMMAND = (
    'python tools/dataset_converters/store_to_coco.py data/h36m_cpn data/h36m '
    '--out data/h36m/annotations/h36m_test.json --split test --every 65'
)
HELP = """
Writes an annotation file that MMPose's CocoDataset reads with
metainfo=dict(from_file='configs/_base_/datasets/h36m.py') and
data_prefix=dict(img=FOLDER): one image and one person a frame and camera, with
the 17 projected joints and a box around them.

FOLDER holds the extracted frames under the names that --images says. The default is
what MMPose's tools/dataset_converters/preprocess_h36m.py extracts from Human3.6M's
videos, every fifth frame:

  images/S9/S9_Directions_1.54138969/S9_Directions_1.54138969_000001.jpg

Names in braces: subject, camera, sequence (its name in the store), action (of the
video, spaces as _), frame, and what the converter of the store noted down, for example
motion for motion capture. A video called TakingPhoto or WalkingDog is found too where
the store says Photo or WalkDog.

Each annotation also says which view of which pose it is (subject, action, camera,
frame) and holds the camera (camera_param) and the pose in the world (pose_world,
metres), so that TriangulatedPoseMetric can score 2D predictions in 3D; test all
cameras then. Training needs neither; --without-3d makes the file a third as large.

A joint outside the image is not labelled. A frame of which no joint is in the image, or
in which one is behind the camera, is left out and counted.
"""
PATTERN = (
    'images/{subject}/{subject}_{action}.{camera}/'
    '{subject}_{action}.{camera}_{frame:06d}.jpg'
)
# VideoPose3D renamed what Human3.6M calls so for some subjects.
OTHER_NAMES = {
    'Photo': 'TakingPhoto',
    'WalkDog': 'WalkingDog',
    'WalkTogether': 'WalkingTogether',
}
CATEGORY = {
    'id': 1,
    'name': 'person',
    'supercategory': 'person',
    'keypoints': list(H36M17.joint_names),
    'skeleton': [[parent + 1, child + 1] for parent, child in H36M17.edges],
}
SHOWN = 3


@dataclass
class Counts:
    """What happened to the frames."""

    outside: int = 0
    missing: list[Path] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    store = FrameStore(args.store)
    rows = chosen_sequences(store, args)
    counts = Counts()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row in progress(rows, 'Converting'):
        for image, annotation in views(store, row, args, counts):
            number = len(images) + 1
            images.append({'id': number, **image})
            annotations.append({'id': number, 'image_id': number, **annotation})
    check_missing(counts, len(images), args)
    if not images:
        raise ValueError(
            f'no frame of {args.store} is left to write; --every {args.every} may be '
            'larger than its sequences, or people are outside the images'
        )
    content = {
        'info': {
            'description': f'{args.store.name}, every {args.every} frames',
            'licence': store.header.get('licence', ''),
            'source': store.header.get('source', ''),
        },
        'images': images,
        'annotations': annotations,
        'categories': [CATEGORY],
    }
    with atomic_path(args.out) as file, file.open('w', encoding='utf-8') as stream:
        json.dump(content, stream, allow_nan=False, separators=(',', ':'))
    print_summary(args, rows, annotations, counts)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('store', type=Path, help='folder of the store')
    add('folder', type=Path, help='folder of the images')
    add('--out', type=Path, required=True, help='JSON file to write')
    add('--overwrite', action='store_true', help='replace the file')
    add('--images', default=PATTERN, help='names of the images below the folder')
    add('--first-frame', type=int, default=1, help='number of the first image')
    add('--every', type=int, default=5, help='take every Nth frame (default: 5)')
    add('--subjects', nargs='+', metavar='S', help='subjects to take (default: all)')
    add('--split', help='part of the store to take, train or test (default: all)')
    add('--padding', type=float, default=1.2, help='box in extents of the joints')
    add('--without-3d', action='store_true', help='no cameras and world poses')
    add('--skip-missing', action='store_true', help='leave frames without image out')
    args = parser.parse_args(argv)
    if args.every < 1 or not args.padding >= 1:
        raise ValueError(
            f'--every {args.every} and --padding {args.padding} must be 1 or more'
        )
    if args.out.exists() and not args.overwrite:
        raise FileExistsError(f'{args.out} exists; pass --overwrite to replace it')
    if not args.folder.is_dir():
        raise FileNotFoundError(f'there is no folder {args.folder}; check the path')
    return args


def chosen_sequences(store: FrameStore, args: argparse.Namespace) -> list[SequenceInfo]:
    """The sequences of the wanted subjects and split.

    Raises:
        ValueError: If there are none, a subject is unknown, or the store lacks poses,
            joints or cameras.
    """
    if 'pose_cam' not in store or store.header['joint_set'] != H36M17.name:
        raise ValueError(
            f'{args.store} holds {sorted(store)} of {store.header["joint_set"]}; '
            f'expected pose_cam of {H36M17.name}'
        )
    known = {row.subject for row in store.sequences}
    unknown = sorted(set(args.subjects or ()) - known)
    if unknown:
        raise ValueError(
            f'{args.store} has no subjects {unknown}; it has {sorted(map(str, known))}'
        )
    rows = [
        row
        for row in store.sequences
        if (not args.subjects or row.subject in args.subjects)
        and (not args.split or row.split == args.split)
    ]
    if not rows:
        splits = sorted({str(row.split) for row in store.sequences})
        raise ValueError(
            f'{args.store} has no sequence of split {args.split!r} and these subjects; '
            f'its splits are {splits}'
        )
    for row in rows:
        if not (row.camera and row.image_size and row.intrinsics and row.extrinsics):
            raise ValueError(
                f'{args.store}: sequence {row.name!r} lacks its camera (name, image '
                'size, intrinsics, extrinsics), without which there are no views'
            )
    return rows


def views(
    store: FrameStore, row: SequenceInfo, args: argparse.Namespace, counts: Counts
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Image and annotation of every chosen frame of a sequence, without numbers."""
    assert row.image_size and row.intrinsics and row.extrinsics
    first = int(row.extra.get('first_frame', 0))
    # The same moments for all cameras, also where sequences were cut into pieces.
    frames = np.arange(-(-first // args.every) * args.every, first + row.length)
    frames = frames[:: args.every]
    pose_cam = store['pose_cam'][row.start + frames - first].astype(np.float64)
    lens = (row.intrinsics[key] for key in ('f', 'c'))
    pixels = project_to_pixels(pose_cam, *lens, row.intrinsics.get('distortion'))
    world = camera_to_world(pose_cam, row.extrinsics['R'], row.extrinsics['t'])
    width, height = row.image_size
    inside = ((pixels >= 0) & (pixels < row.image_size)).all(-1)
    seen = inside.any(-1) & (pose_cam[..., 2] > 0).all(-1)
    counts.outside += int((~seen).sum())
    boxes = person_boxes(pixels, row.image_size, args.padding)
    identity = {
        'subject': row.subject or 'unknown',
        'action': recording_of(row),
        'camera': row.camera,
    }
    space = {} if args.without_3d else {'camera_param': camera_of(row)}
    # With nobody in view no image is needed.
    files = images_of(row, frames[seen], args, counts)
    for index in np.flatnonzero(seen).tolist():
        frame = int(frames[index])
        if frame not in files:
            continue
        view = {**identity, 'frame': frame}
        image = {'file_name': files[frame], 'width': width, 'height': height, **view}
        box = rounded(boxes[index], 2)
        if not args.without_3d:
            space['pose_world'] = rounded(world[index], 6)
        annotation = {
            'category_id': 1,
            'iscrowd': 0,
            'bbox': box,
            'area': round(box[2] * box[3], 2),
            'num_keypoints': int(inside[index].sum()),
            'keypoints': labels(pixels[index], inside[index]),
            **view,
            **space,
        }
        yield image, annotation


def recording_of(row: SequenceInfo) -> str:
    """What all cameras saw at once: the video, the motion, or the name in the store.

    'S9_Directions 1_54138969' -> 'Directions 1', 'P01_walk_1.54138969' -> 'P01_walk_1'.
    """
    for key in ('video', 'motion'):
        if row.extra.get(key):
            return str(row.extra[key])
    name = row.name.removesuffix(f'_from_{row.extra.get("first_frame")}')
    if 'ca' in row.extra:  # MotionBERT's sources end in the number of the camera
        return name.removesuffix(f'_ca_{row.extra["ca"]:02d}')
    return name.removesuffix(str(row.camera)).rstrip('._')


def camera_of(row: SequenceInfo) -> dict[str, Any]:
    """Parameters of the camera, as the metric wants them."""
    assert row.intrinsics and row.extrinsics
    distortion = row.intrinsics.get('distortion') or [0.0] * 5
    return {
        'f': row.intrinsics['f'],
        'c': row.intrinsics['c'],
        'distortion': distortion,
        'R': row.extrinsics['R'],
        't': row.extrinsics['t'],
    }


def images_of(
    row: SequenceInfo, frames: np.ndarray, args: argparse.Namespace, counts: Counts
) -> dict[int, str]:
    """Files of the frames, relative to the folder; missing ones are noted down.

    Raises:
        ValueError: If the pattern does not fit, or the first image cannot be read or
            has another size than the camera's.
    """
    folder = args.folder.as_posix().replace('{', '{{').replace('}', '}}')
    finder = FrameImages(f'{folder}/{args.images}', args.first_frame)
    if finder.is_video:
        raise ValueError(f'--images {args.images!r} has no {{frame}}')
    candidates = [replace(row, action=name) for name in names_of_action(row)]
    files: dict[int, str] = {}
    for frame in frames.tolist():
        paths = [finder.path(candidate, frame) for candidate in candidates]
        found = [place for place, path in enumerate(paths) if path.is_file()]
        if not found:
            counts.missing.append(paths[0])
            continue
        if not files:
            finder.loader(candidates[found[0]])(frame)()
        files[frame] = paths[found[0]].relative_to(args.folder).as_posix()
    return files


def names_of_action(row: SequenceInfo) -> list[str]:
    """What the video may be called, spaces as _: 'Photo_1', 'TakingPhoto_1'."""
    name = str(row.extra.get('video') or row.action).replace(' ', '_')
    label, separator, number = name.partition('_')
    names = [name]
    if label in OTHER_NAMES:
        names.append(OTHER_NAMES[label] + separator + number)
    return names


def person_boxes(
    pixels: np.ndarray, image_size: Sequence[int], padding: float
) -> np.ndarray:
    """Boxes x, y, width, height around joints, cut off at the edges of the image.

    Args:
        pixels: ``(F, K, 2)``.
        image_size: ``(width, height)``.
        padding: Longer side of a box in multiples of that of the joints' extent; the
            other side gets the same margin.

    Returns:
        Boxes ``(F, 4)``, pixels.
    """
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    margin = (padding - 1) / 2 * (high - low).max(axis=-1, keepdims=True)
    low, high = (np.clip(x, 0, image_size) for x in (low - margin, high + margin))
    return np.concatenate([low, high - low], axis=-1)


def labels(pixels: np.ndarray, inside: np.ndarray) -> list[float]:
    """COCO's x, y, v of each joint: v is 2 inside the image, all are 0 outside."""
    rows = np.concatenate([pixels, np.full((len(pixels), 1), 2.0)], axis=-1)
    return rounded(np.where(inside[:, None], rows, 0).reshape(-1), 3)


def rounded(values: np.ndarray, digits: int) -> list:
    """Lists of numbers that are short in a file."""
    return np.round(values, digits).tolist()


def check_missing(counts: Counts, found: int, args: argparse.Namespace) -> None:
    """Refuse to go on without images, unless that is wanted.

    Raises:
        FileNotFoundError: Names the first ones.
    """
    if not counts.missing or (args.skip_missing and found):
        return
    first = ', '.join(map(str, counts.missing[:SHOWN]))
    raise FileNotFoundError(
        f'{len(counts.missing)} images are missing, {found} are there; the first '
        f'missing ones: {first}. Say with --images and --first-frame how they are '
        'called and with --every which frames were extracted, or leave the frames out '
        'with --skip-missing'
    )


def print_summary(
    args: argparse.Namespace,
    rows: Sequence[SequenceInfo],
    annotations: Sequence[Mapping[str, Any]],
    counts: Counts,
) -> None:
    """Print what was written and what was left out."""
    poses = {(a['subject'], a['action'], a['frame']) for a in annotations}
    subjects = sorted({str(row.subject) for row in rows})
    cameras = {row.camera for row in rows}
    print(
        f'{args.out}: {len(annotations)} images of {len(poses)} poses, '
        f'{len(cameras)} cameras, subjects {", ".join(subjects)}, '
        f'{args.out.stat().st_size / 2**20:.1f} MiB'
    )
    if counts.outside:
        print(f'  {counts.outside} frames left out: nobody in the image')
    if counts.missing:
        print(
            f'  {len(counts.missing)} frames left out: no image, first '
            f'{counts.missing[0]}'
        )


if __name__ == '__main__':
    run(main)
