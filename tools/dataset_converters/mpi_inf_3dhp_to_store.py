"""Convert MPI-INF-3DHP to a FrameStore."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from conversion import make_parser, progress, report, run
from mpi_inf_3dhp_sources import Recording, View, find_recordings

from mmpose_ext.datasets.frame_store import (
    FrameStoreWriter,
    SequenceInfo,
    check_destination,
    sha256_of_file,
)
from mmpose_ext.datasets.mpi_inf_3dhp import (
    ACTIVITIES,
    TEST_SEQUENCES,
    TRAIN_SEQUENCES,
    VALID_FRAMES,
    camera_of,
    name_valid_frames,
)
from mmpose_ext.geometry import (
    H36M17,
    MPI_INF_3DHP17,
    MPI_INF_3DHP17_TO_H36M17,
    project_to_pixels,
    root_depth_to_factor,
)

COMMAND = (
    'python tools/dataset_converters/mpi_inf_3dhp_to_store.py '
    'data_train_3dhp.npz data_test_3dhp.npz --out data/mpi_inf_3dhp'
)
HELP = """
Reads MPI-INF-3DHP (https://vcai.mpi-inf.mpg.de/3dhp-dataset) from either of

  FOLDER     the official release: S*/Seq*/annot.mat, with camera.calibration beside
             it if there is one, and TS*/annot_data.mat (needs h5py)
  FILE.npz   data_train_3dhp.npz and data_test_3dhp.npz as P-STMO makes them
             (https://github.com/paTRICK-swk/P-STMO), or the *_ori.npz of D3DP

and writes one FrameStore with one sequence a video, S1_Seq1_Cam0 or TS1:

  pose_cam     camera frame, metres          valid      frames that count
  pose_image   true 2D in pixels, depth relative to the root in pixels
  factor       metres per pixel              activity   what is done (release only)

The 17 joints are brought into the order of Human3.6M by name; the header holds the
map. The data set has two 3D annotations, and their numbers are not comparable:

  univ_annot3  bones of one universal length; P-STMO, MotionAGFormer, PrML
  annot3       bones of each person, which project onto the 2D; D3DP, PoSynDA

A store holds one of them and names it. A release has both: --annotation chooses, the
default is univ_annot3. An .npz has one, unnamed: it is recognised by projecting the
poses, and --annotation says what you expect.

Examples:

  python tools/dataset_converters/mpi_inf_3dhp_to_store.py mpi_inf_3dhp \\
      --out data/mpi_inf_3dhp
  python tools/dataset_converters/mpi_inf_3dhp_to_store.py mpi_inf_3dhp \\
      --annotation annot3 --out data/mpi_inf_3dhp_annot3

The files are read without executing what is in them. MPI-INF-3DHP is licensed for
research only and cannot be redistributed, and so cannot this store.
"""
LICENCE = (
    'MPI-INF-3DHP: non-commercial research only, '
    'https://vcai.mpi-inf.mpg.de/3dhp-dataset'
)
FPS = 25.0  # training sequences of 50 fps say so; the test files say nothing
ANNOTATIONS = ('univ_annot3', 'annot3')
# The root is the same in both annotations, so it tells whether the camera is right. The
# rest projects onto the keypoints within a third of a pixel in annot3, and several
# pixels off in univ_annot3.
SAME_CAMERA_PX = 1.0
ANNOT3_BELOW_PX = 1.0
UNIV_ABOVE_PX = 2.0
CHECKED_FRAMES = 300


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    check_destination(args.out, args.overwrite)
    recordings = find_recordings(args.sources, args.annotation or ANNOTATIONS[0])
    annotation, evidence = settle_annotation(recordings, args.annotation)
    test = {r.sequence: r.load()[0] for r in recordings if r.sequence in TEST_SEQUENCES}
    valid_frames = count_valid_frames(test)
    with_activity = any(view.activity is not None for view in test.values())
    lengths: dict[str, int] = {}
    facts = {
        'annotation': annotation,
        'annotation_evidence': evidence,
        'valid_frames': valid_frames,
        'activities': ACTIVITIES if with_activity else (),
        'joint_map': joint_map(),
        'source_files': {
            file.name: sha256_of_file(file) for file in args.sources if file.is_file()
        },
    }
    with FrameStoreWriter(
        args.out,
        joint_set=H36M17.name,
        fps=FPS,
        licence=LICENCE,
        source=f'MPI-INF-3DHP: {", ".join(source.name for source in args.sources)}',
        overwrite=args.overwrite,
        extra=facts,
    ) as writer:
        for recording in progress(recordings, 'Converting'):
            for view in recording.load():
                info = sequence_info(recording.sequence, view)
                writer.add_sequence(info, fields_of(view, info, with_activity))
                lengths[recording.sequence] = len(view.pose)
    report(args.out, [*evidence, *notes(valid_frames, lengths)])


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('sources', type=Path, nargs='+', help='folders of the release, .npz files')
    add('--out', type=Path, required=True, help='folder of the store')
    add('--annotation', choices=ANNOTATIONS, help='which 3D annotation')
    add('--overwrite', action='store_true', help='replace the store')
    return parser.parse_args(argv)


def settle_annotation(
    recordings: Sequence[Recording], expected: str | None
) -> tuple[str, list[str]]:
    """The annotation that all recordings hold, and how that is known.

    Raises:
        ValueError: If a file holds another one than expected, does not tell and nothing
            was said, or two files differ.
    """
    held: dict[Path, str] = {}
    evidence = []
    for source in dict.fromkeys(recording.source for recording in recordings):
        parts = [r for r in recordings if r.source == source]
        annotation = parts[0].annotation
        if annotation is None:
            found, reason = recognise(parts)
            if expected and found and found != expected:
                raise ValueError(
                    f'{source} holds {found}, not {expected}: {reason}; give '
                    f'--annotation {found} or another file'
                )
            if not expected and not found:
                raise ValueError(
                    f'{source}: cannot tell which annotation it holds: {reason}; say '
                    '--annotation univ_annot3 (P-STMO) or annot3 (D3DP, PoSynDA)'
                )
            annotation = found or expected
            if not found:
                reason = f'as --annotation says; not confirmed: {reason}'
                warnings.warn(f'{source}: {annotation} {reason}', stacklevel=2)
            evidence.append(f'{source.name}: {annotation}, {reason}')
        held[source] = str(annotation)
    if len(set(held.values())) > 1:
        lines = ', '.join(f'{source.name}: {name}' for source, name in held.items())
        raise ValueError(
            f'a store holds one annotation, these are two: {lines}; convert them into '
            'two stores, or give --annotation for the release'
        )
    annotation = next(iter(held.values()))
    return annotation, evidence or [f'{annotation}, by its name in the release']


def recognise(recordings: Sequence[Recording]) -> tuple[str | None, str]:
    """Which annotation a file holds, by projection, and the reason in words."""
    errors, strangers = [], 0
    for recording in recordings:
        for view in recording.load():
            root, joints = projection_errors(recording.sequence, view)
            if root < SAME_CAMERA_PX:
                errors.append(joints)
            else:
                strangers += 1
    seen = f'{len(errors)} of {len(errors) + strangers} views have the known camera'
    if not errors:
        return None, seen
    mean = float(np.mean(errors))
    reason = f'its poses project {mean:.2f} px from the keypoints; {seen}'
    if mean < ANNOT3_BELOW_PX:
        return 'annot3', reason
    return 'univ_annot3' if mean > UNIV_ABOVE_PX else None, reason


def projection_errors(sequence: str, view: View) -> tuple[float, float]:
    """Median over valid frames of the distance to the keypoints, of root and joints."""
    frames = np.flatnonzero(view.valid & (view.pose[..., 2] > 0).all(axis=1))
    frames = frames[:: max(1, len(frames) // CHECKED_FRAMES)]
    if not len(frames):
        return np.inf, np.inf
    lens = camera_of(sequence, view.camera)['intrinsics']
    pixels = project_to_pixels(view.pose[frames], lens['f'], lens['c'])
    error = np.linalg.norm(pixels - view.keypoints[frames], axis=-1)
    root = error[:, MPI_INF_3DHP17.root]
    return float(np.median(root)), float(np.median(error.mean(axis=1)))


def count_valid_frames(test: Mapping[str, View]) -> dict[str, Any]:
    """Valid frames of the test sequences, and what this count is known as.

    Another count than those in use draws a warning.
    """
    counts = {name: int(view.valid.sum()) for name, view in test.items()}
    known_as = name_valid_frames(counts)
    if counts and known_as is None:
        published = '; '.join(VALID_FRAMES)
        warnings.warn(
            f'{sum(counts.values()):,} valid frames ({counts}) are none of the counts '
            f'in use ({published}); results on them are not comparable',
            stacklevel=2,
        )
    return {'count': sum(counts.values()), 'known_as': known_as, 'sequences': counts}


def joint_map() -> dict[str, str]:
    """For each joint of the store the joint of 3DHP that it comes from."""
    sources = (MPI_INF_3DHP17.joint_names[j] for j in MPI_INF_3DHP17_TO_H36M17)
    return dict(zip(H36M17.joint_names, sources, strict=True))


def sequence_info(sequence: str, view: View) -> SequenceInfo:
    """The row of one view."""
    training = sequence in TRAIN_SEQUENCES
    subject = sequence.split()[0]
    name = f'{sequence.replace(" ", "_")}_Cam{view.camera}' if training else sequence
    extra: dict[str, Any] = {'sequence': sequence}
    action = None
    if view.activity is not None:
        extra['activities'] = [ACTIVITIES[i] for i in np.unique(view.activity)]
        action = extra['activities'][0] if len(extra['activities']) == 1 else None
    return SequenceInfo(
        name=name,
        subject=subject,
        action=action,
        camera=view.camera,
        split='train' if training else 'test',
        fps=view.fps,
        extra=extra,
        **(view.calibration or camera_of(sequence, view.camera)),
    )


def fields_of(
    view: View, info: SequenceInfo, with_activity: bool
) -> dict[str, np.ndarray]:
    """The fields of one view, joints in the order of Human3.6M.

    Raises:
        ValueError: If somebody stands behind the camera in a valid frame.
    """
    assert info.intrinsics is not None
    order = list(MPI_INF_3DHP17_TO_H36M17)
    pose = view.pose[:, order] / 1000
    depth = pose[..., 2:]
    root_depth = depth[:, :1]
    seen = root_depth[:, 0, 0] > 0
    if (view.valid & ~seen).any():
        frame = int(np.argmax(view.valid & ~seen))
        raise ValueError(
            f'{view.where}: the pelvis is behind the camera in the valid '
            f'frame {frame}; the file is damaged or not in the camera frame'
        )
    # Frames that do not count may hold anything; 0 stands for an unknown factor.
    factor = np.zeros(len(pose))
    factor[seen] = root_depth_to_factor(root_depth[seen, 0, 0], info.intrinsics['f'])
    relative = np.zeros_like(depth)
    relative[seen] = (depth - root_depth)[seen] / factor[seen, None, None]
    image = np.concatenate([view.keypoints[:, order], relative], axis=-1)
    fields = {'pose_cam': pose, 'pose_image': image, 'factor': factor}
    fields = {name: value.astype(np.float32) for name, value in fields.items()}
    fields['valid'] = view.valid
    if with_activity:
        unknown = np.zeros(len(pose), np.uint8)
        fields['activity'] = unknown if view.activity is None else view.activity
    return fields


def notes(valid_frames: Mapping[str, Any], lengths: Mapping[str, int]) -> list[str]:
    """Lines for the end of the summary."""
    train = {name: frames for name, (frames, _) in TRAIN_SEQUENCES.items()}
    published = {**train, **TEST_SEQUENCES}
    lines = []
    if valid_frames['sequences']:
        known_as = valid_frames['known_as'] or 'none of the counts in use'
        lines.append(f'{valid_frames["count"]:,} valid test frames ({known_as})')
    short = [
        f'{name} ({length} of {published[name]})'
        for name, length in lengths.items()
        if length < published[name]
    ]
    missing = [
        name
        for split in (train, TEST_SEQUENCES)
        for name in split
        if name not in lengths and not lengths.keys().isdisjoint(split)
    ]
    if short:
        lines.append(f'fewer frames than published: {", ".join(short)}')
    if missing:
        lines.append(f'not given: {", ".join(missing)}')
    return lines


if __name__ == '__main__':
    run(main)
