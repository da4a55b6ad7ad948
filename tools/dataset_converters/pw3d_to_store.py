"""Convert the sequence files of 3DPW to a FrameStore."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from conversion import make_parser, progress, report, run
from pw3d_sources import SPLITS, Person, find_files, read_people

from mmpose_ext.datasets.frame_store import (
    FrameStoreWriter,
    SequenceInfo,
    check_destination,
)
from mmpose_ext.datasets.pose_fields import world_pose_to_fields
from mmpose_ext.datasets.smpl_files import (
    REGRESSORS,
    find_smpl_model,
    load_h36m_regressor,
    load_smpl_model,
)
from mmpose_ext.geometry import (
    H36M17,
    SMPL24,
    SmplModel,
    smpl_joints,
    smpl_to_joints,
)
from mmpose_ext.geometry.joint_maps import (
    joint_map,
    scores_to_h36m17,
    to_h36m17,
)

COMMAND = (
    'python tools/dataset_converters/pw3d_to_store.py 3DPW --out data/pw3d '
    '--smpl-dir models/smpl --square'
)
HELP = """
Reads sequenceFiles/{train,validation,test}/*.pkl of 3DPW
(https://virtualhumans.mpi-inf.mpg.de/3DPW). One person of a video becomes one
sequence, for example downtown_arguing_00_1, at 30 fps:

  pose_cam        17 joints in the frame of the moving camera, metres
  pose_image      their true projection; without meaning in some frames that are
                  not valid, where it is 0 together with factor
  factor          metres per pixel
  valid           campose_valid: the camera was aligned; only these are scored
  keypoints_det   the file's OpenPose detections, pixels     scores_det
  joint_valid     only without SMPL files: which joints have ground truth

Ground truth. With --smpl-dir, the gendered SMPL mesh is posed and Human3.6M's 17
joints are regressed from it: the 14-joint protocol of the field. The folder holds
SMPL_MALE.pkl and SMPL_FEMALE.pkl (or basicModel_m_lbs_..., or .npz) from
https://smpl.is.tue.mpg.de and J_regressor_h36m.npy from the data of
https://github.com/nkolot/SPIN. Without, the 24 SMPL joints of the pickles stand in
by name (thorax = neck, spine = spine2, neck_base = head, which lies at the base of
the skull); SMPL has no top of the head, so that joint does not count. Such a store
and its results say so.

Detections. OpenPose's 18 joints become Human3.6M's as in MotionBERT: root is the
middle of the hips, thorax is OpenPose's neck (the middle of the shoulders), spine
the middle of both, neck_base the nose, head the middle of the eyes. The score of a
composed joint is the least of its parts; a joint with a missing part is 0, 0 with
score 0.

Image size. The files do not state it: it is 1080 x 1920 or 1920 x 1080, whichever
has its middle nearer to the principal point. --square says 1920 x 1920 instead, by
which MotionBERT normalises the 2D of both.

The pickles are read without executing them. 3DPW is licensed for research only and
cannot be redistributed, and neither can this store.
"""
LICENCE = '3DPW: research only, https://virtualhumans.mpi-inf.mpg.de/3DPW'
SQUARE = (1920, 1920)
FROM_SMPL = {
    'root': 'pelvis',
    'right_foot': 'right_ankle',
    'left_foot': 'left_ankle',
    'spine': 'spine2',
    'thorax': 'neck',
    'neck_base': 'head',
    'head': 'head',
}
"""Joints of Human3.6M that SMPL does not have by name: what stands in."""
WITHOUT_TRUTH = 'head'
WITH_SMPL = '14 joints: SMPL mesh, Human3.6M regressor'
WITHOUT_SMPL = 'smpl24 joints, not the 14-joint protocol'
MIN_DEPTH_M = 0.1
# OpenPose and the joints of SMPL differ by 10 to 20 px; a wrong camera by hundreds.
MAX_MEDIAN_ERROR_PX = 100.0


class Facts(NamedTuple):
    """What the summary says of one person."""

    split: str
    valid: int
    behind: int
    undetected: int
    errors_px: np.ndarray
    mesh_gap_mm: float


Bodies = Mapping[str, tuple[SmplModel, np.ndarray]]
"""For each gender the body model and the regressor of the 17 joints."""


def main(argv: Sequence[str] | None = None) -> None:
    """Convert as the command line says."""
    args = parse_args(argv)
    check_destination(args.out, args.overwrite)
    files = find_files(args.root)
    people = [
        p for split, f in progress(files, 'Reading') for p in read_people(f, split)
    ]
    bodies = read_bodies(args.smpl_dir, args.regressor, people)
    facts = []
    with FrameStoreWriter(
        args.out,
        joint_set=H36M17.name,
        fps=30.0,
        axes='camera: x right, y down, z forward',
        licence=LICENCE,
        source='3DPW: sequenceFiles',
        overwrite=args.overwrite,
        extra=header(bool(bodies)),
    ) as writer:
        for person in progress(people, 'Converting'):
            fields = fields_of(person, bodies)
            info = SequenceInfo(
                name=person.name,
                action=person.video.rpartition('_')[0] or None,
                image_size=SQUARE if args.square else person.image_size,
                intrinsics=person.intrinsics,
                split=person.split,
                extra={'person': person.number, 'gender': person.gender},
            )
            writer.add_sequence(info, fields)
            facts.append(facts_of(person, fields, bodies))
        check_errors(facts, args.root)
    report(args.out, notes(facts, bool(bodies)))


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('root', type=Path, help='folder of 3DPW, which has sequenceFiles')
    add('--out', type=Path, required=True, help='folder of the store')
    add('--smpl-dir', type=Path, help='folder of the SMPL models and the regressor')
    add('--regressor', type=Path, help='default: J_regressor_h36m.npy in --smpl-dir')
    add('--square', action='store_true', help='image size 1920 x 1920, as MotionBERT')
    add('--overwrite', action='store_true', help='replace the store')
    return parser.parse_args(argv)


def read_bodies(
    folder: Path | None, regressor: Path | None, people: Sequence[Person]
) -> Bodies:
    """Body models of all genders that occur; none without a folder.

    Raises:
        FileNotFoundError: If one of them or the regressor is missing.
        ValueError: If one cannot be read, or there is a regressor without a folder.
    """
    if folder is None:
        if regressor is not None:
            raise ValueError(f'--regressor {regressor} needs --smpl-dir, too')
        return {}
    if regressor is None:
        there = [folder / name for name in REGRESSORS if (folder / name).is_file()]
        if not there:
            raise FileNotFoundError(
                f'{folder} has no {REGRESSORS[0]}; it is part of the data of '
                'https://github.com/nkolot/SPIN; put it there or pass --regressor'
            )
        regressor = there[0]
    bodies = {}
    for gender in sorted({person.gender for person in people}):
        model = load_smpl_model(find_smpl_model(folder, gender))
        bodies[gender] = model, load_h36m_regressor(regressor, model)
    return bodies


def header(with_smpl: bool) -> dict[str, Any]:
    """What the store says about its ground truth and its detections."""
    own: dict[str, Any] = {'annotation': WITH_SMPL if with_smpl else WITHOUT_SMPL}
    if not with_smpl:
        own['joint_map'] = {j: FROM_SMPL.get(j, j) for j in H36M17.joint_names}
    return {
        **own,
        'detections': {'keypoints_det': 'OpenPose'},
        'detection_map': joint_map('openpose18'),
    }


def fields_of(person: Person, bodies: Bodies) -> dict[str, np.ndarray]:
    """The fields of one person."""
    world = ground_truth(person, bodies)
    extrinsics = {
        'R': person.cameras[:, None, :3, :3],
        't': person.cameras[:, None, :3, 3],
    }
    with np.errstate(divide='ignore', invalid='ignore'):
        fields = world_pose_to_fields(world, person.intrinsics, extrinsics)
    pixels = fields['pose_image'][..., :2]
    behind = (fields['pose_cam'][..., 2] < MIN_DEPTH_M).any(axis=1)
    valid = person.aligned & ~behind
    # Where the camera is lost, a projection may be anywhere, and networks would see it.
    size = np.array(person.image_size)
    near = ((pixels > -size) & (pixels < 2 * size)).all(axis=(1, 2))
    lost = behind | ~valid & ~near
    fields['pose_image'][lost] = 0
    fields['factor'][lost] = 0
    keypoints, scores = detections_to_h36m17(person.detections)
    fields |= {'valid': valid, 'keypoints_det': keypoints, 'scores_det': scores}
    if not bodies:
        known = [name != WITHOUT_TRUTH for name in H36M17.joint_names]
        fields['joint_valid'] = np.tile(np.float32(known), (len(valid), 1))
    return fields


def ground_truth(person: Person, bodies: Bodies) -> np.ndarray:
    """Human3.6M's joints ``(F, 17, 3)``, world, metres."""
    if not bodies:
        names = (FROM_SMPL.get(name, name) for name in H36M17.joint_names)
        return person.joints[:, [SMPL24.joint_names.index(name) for name in names]]
    model, regressor = bodies[person.gender]
    return smpl_to_joints(
        model,
        regressor,
        pose=person.pose,
        betas=person.betas,
        translation=person.translation,
    )


def detections_to_h36m17(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """OpenPose's joints as Human3.6M's.

    Args:
        found: Pixels and confidence ``(F, 18, 3)``.

    Returns:
        Pixels ``(F, 17, 2)`` and confidence ``(F, 17)``, float32, both 0 where a part
        of the joint was not found.
    """
    scores = scores_to_h36m17(found[..., 2], 'openpose18').astype(np.float32)
    pixels = to_h36m17(found[..., :2], 'openpose18').astype(np.float32)
    known = scores > 0
    return np.where(known[..., None], pixels, 0), np.where(known, scores, 0)


def facts_of(person: Person, fields: Mapping[str, np.ndarray], bodies: Bodies) -> Facts:
    """Count and measure for the summary."""
    valid, scores = fields['valid'], fields['scores_det']
    error = np.linalg.norm(
        fields['keypoints_det'] - fields['pose_image'][..., :2], axis=-1
    )
    seen = valid[:, None] & (scores > 0)
    gap = np.nan
    if bodies:
        model, _ = bodies[person.gender]
        own = smpl_joints(model, person.pose, person.betas, person.translation)
        gap = 1000 * np.linalg.norm(own - person.joints, axis=-1).mean()
    return Facts(
        split=person.split,
        valid=int(valid.sum()),
        behind=int((person.aligned & ~valid).sum()),
        undetected=int((valid & ~(scores > 0).any(axis=1)).sum()),
        errors_px=error[seen],
        mesh_gap_mm=float(gap),
    )


def check_errors(facts: Sequence[Facts], root: Path) -> None:
    """Check that detections and cameras belong to the 3D poses.

    Raises:
        ValueError: If they are far from each other.
    """
    errors = np.concatenate([fact.errors_px for fact in facts])
    if errors.size and np.median(errors) > MAX_MEDIAN_ERROR_PX:
        raise ValueError(
            f'{root}: half of the detected joints lie more than '
            f'{np.median(errors):.0f} px from the projected 3D poses; cam_poses must '
            'be world to camera, in metres, and poses2d pixels'
        )


def notes(facts: Sequence[Facts], with_smpl: bool) -> list[str]:
    """Lines for the end of the summary."""
    counts: Counter[str] = Counter()
    for fact in facts:
        counts[f'{fact.split} valid'] += fact.valid
        counts['behind'] += fact.behind
        counts['undetected'] += fact.undetected
    errors = np.concatenate([fact.errors_px for fact in facts])
    absent = [split for split in SPLITS if f'{split} valid' not in counts]
    valid = [f'{s} {counts[f"{s} valid"]}' for s in SPLITS if s not in absent]
    lines = [
        f'valid frames: {", ".join(valid)}; {counts["undetected"]} of them without any '
        f'detection, {counts["behind"]} more left out because a joint is behind the '
        'camera'
    ]
    if errors.size:
        lines.append(f'2D OpenPose: {np.median(errors):.1f} px median from the truth')
    if absent:
        lines.append(f'no files for the splits: {", ".join(absent)}')
    if with_smpl:
        gap = np.mean([fact.mesh_gap_mm for fact in facts])
        return [
            *lines,
            f'ground truth: {WITH_SMPL}',
            f"SMPL's own joints: {gap:.1f} mm from jointPositions (wrong models show)",
        ]
    return [
        *lines,
        f'ground truth: {WITHOUT_SMPL}',
        'for the 14-joint protocol pass --smpl-dir with SMPL_MALE.pkl and '
        'SMPL_FEMALE.pkl (https://smpl.is.tue.mpg.de) and '
        f'{REGRESSORS[0]} (data of https://github.com/nkolot/SPIN)',
    ]


if __name__ == '__main__':
    run(main)
