"""Draw the cameras of a target domain once and write them to a file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from conversion import make_parser, run
from mocap_to_store import look_at_point

from mmpose_ext.atomic_write import write_json
from mmpose_ext.geometry import h36m_cameras

COMMAND = (
    'python tools/dataset_converters/make_target_cameras.py --shift all '
    '--out target_cameras.json'
)
HELP = """
Draws camera set-ups for a target domain that differs from Human3.6M, and writes them
in karfly's JSON format, which mocap_to_store.py reads (--cameras). Each set-up has two
cameras without roll that look at (0, 0, 1) metres, the middle of a standing person.

  --shift all   lenses of 0.75 ('wide') and 1.4 ('long') times the focal length of
                Human3.6M, no distortion, images of 1920x1080, 2 to 8 m away, but not
                so near that a person of 1.6 m fills more than 80 % of the image's
                height; pitched 0 to 30 degrees downwards. Azimuths are those of the
                Human3.6M cameras, up to 10 degrees aside, since they are no part of
                this shift.
  --shift view  the viewpoint alone: the four Human3.6M cameras, two a set-up, as far
                away as they stand there, but pitched 0 to 30 degrees downwards and in
                the middle between two azimuths of Human3.6M, up to 10 degrees aside.

Distances and pitches are spread evenly: each set-up draws from an interval of its own.
A file that exists is not replaced: results belong to the cameras that they were made
with.
"""
AIM = np.array([0.0, 0.0, 1.0])
PITCH = (0.0, 30.0)
DISTANCE = (2.0, 8.0)
ASIDE = 10.0
IMAGE_SIZE = (1920, 1080)
FOCAL_FACTORS = {'wide': 0.75, 'long': 1.4}
PERSON = 1.6
FILLED = 0.8

Lenses = dict[str, dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> None:
    """Draw as the command line says."""
    args = parse_args(argv)
    if args.out.exists():
        raise FileExistsError(
            f'{args.out} exists; results belong to the cameras they were made with: '
            'choose another name'
        )
    cameras = draw_cameras(args.shift, rigs=args.rigs, seed=args.seed)
    write_json(args.out, cameras)
    print(f'{args.out}: {args.rigs} set-ups of 2 cameras')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(COMMAND, HELP)
    add = parser.add_argument
    add('--shift', choices=('all', 'view'), required=True, help='what differs')
    add('--out', type=Path, required=True, help='JSON file to write')
    add('--rigs', type=int, default=12, help='set-ups (default: 12)')
    add('--seed', type=int, default=0, help='of all draws')
    return parser.parse_args(argv)


def draw_cameras(shift: str, *, rigs: int, seed: int) -> dict[str, Any]:
    """Camera set-ups in karfly's format.

    Args:
        shift: ``'all'`` or ``'view'``, see the help.
        rigs: Set-ups to draw.
        seed: Of all draws.

    Returns:
        ``intrinsics`` of each camera and ``extrinsics`` of each set-up ``rig_01``, ...;
        pixels and millimetres.

    Raises:
        ValueError: If there is to be no set-up.
    """
    if rigs < 1:
        raise ValueError(f'--rigs must be at least 1, got {rigs}')
    generator = np.random.default_rng(seed)
    azimuths, stands = human36m_views()
    gaps = np.diff(azimuths, append=azimuths[0] + 360)
    lenses = new_lenses() if shift == 'all' else human36m_lenses(list(stands))
    names = list(lenses)
    # Column i of a draw is what the i-th camera of each set-up gets.
    pitch = np.stack([spread(generator, rigs, *PITCH) for _ in range(2)], axis=1)
    aside = generator.uniform(-ASIDE, ASIDE, (rigs, 2))
    share = np.stack([spread(generator, rigs, 0, 1) for _ in range(2)], axis=1)
    extrinsics: dict[str, dict[str, Any]] = {}
    for rig in range(rigs):
        views = extrinsics[f'rig_{rig + 1:02}'] = {}
        for i in range(2):
            # Azimuths are taken in turn, so that all occur equally often.
            place = (rig + i) % len(azimuths)
            if shift == 'all':
                name, azimuth = names[i], azimuths[place]
                near, far = nearest(lenses[name]), DISTANCE[1]
            else:
                name, azimuth = names[place], azimuths[place] + gaps[place] / 2
                near, far = min(stands.values()), max(stands.values())
            distance = near + share[rig, i] * (far - near)
            views[name] = look(azimuth + aside[rig, i], pitch[rig, i], distance)
    return {
        'note': f'{COMMAND.split()[1]} --shift {shift} --rigs {rigs} --seed {seed}',
        'intrinsics': lenses,
        'extrinsics': extrinsics,
    }


def human36m_views() -> tuple[np.ndarray, dict[str, float]]:
    """How the Human3.6M cameras stand around the point that they look at.

    Returns:
        Azimuths ``(4,)`` in degrees, ascending, and the distance in metres of each
        camera by name, in the same order; both are means over the subjects.
    """
    places: dict[str, list[np.ndarray]] = {}
    for rig in h36m_cameras().values():
        aim = look_at_point(rig)
        for name, camera in rig.items():
            places.setdefault(name, []).append(centre_of(camera) - aim)
    mean = {name: np.mean(offsets, axis=0) for name, offsets in places.items()}
    azimuth = {n: float(np.degrees(np.arctan2(v[1], v[0]))) for n, v in mean.items()}
    names = sorted(azimuth, key=azimuth.__getitem__)
    return (
        np.array([azimuth[name] for name in names]),
        {name: float(np.linalg.norm(mean[name])) for name in names},
    )


def centre_of(camera: Mapping[str, Any]) -> np.ndarray:
    """Where a camera stands, ``(3,)`` metres in the world."""
    rotation = np.asarray(camera['extrinsics']['R'], dtype=float)
    return -rotation.T @ np.asarray(camera['extrinsics']['t'], dtype=float)


def new_lenses() -> Lenses:
    """Square pixels, no distortion, the optical axis through the image's middle."""
    cameras = next(iter(h36m_cameras().values())).values()
    focal = float(np.mean([camera['intrinsics']['f'] for camera in cameras]))
    w, h = IMAGE_SIZE
    return {
        name: lens([round(factor * focal, 6)] * 2, [w / 2, h / 2], [0.0] * 5)
        | {'image_size': [w, h]}
        for name, factor in FOCAL_FACTORS.items()
    }


def human36m_lenses(names: Sequence[str]) -> Lenses:
    """The lenses of Human3.6M, distortion included."""
    cameras = next(iter(h36m_cameras().values()))
    return {
        name: lens(**cameras[name]['intrinsics'])
        | {'image_size': list(cameras[name]['image_size'])}
        for name in names
    }


def lens(
    f: Sequence[float], c: Sequence[float], distortion: Sequence[float]
) -> dict[str, Any]:
    """Intrinsics in karfly's format, pixels."""
    matrix = [[f[0], 0.0, c[0]], [0.0, f[1], c[1]], [0.0, 0.0, 1.0]]
    return {'calibration_matrix': matrix, 'distortion': list(distortion)}


def nearest(entry: Mapping[str, Any]) -> float:
    """The least distance at which a person fits, metres."""
    focal = entry['calibration_matrix'][1][1]
    return max(DISTANCE[0], focal * PERSON / (FILLED * entry['image_size'][1]))


def spread(
    generator: np.random.Generator, count: int, low: float, high: float
) -> np.ndarray:
    """One number from each of ``count`` equal parts of an interval, shuffled."""
    part = generator.permutation(count) + generator.uniform(size=count)
    return low + (high - low) * part / count


def look(azimuth: float, pitch: float, distance: float) -> dict[str, Any]:
    """Extrinsics of a camera without roll that looks at the aim.

    Args:
        azimuth: Where it stands around the aim, degrees from x to y.
        pitch: How far it looks downwards, degrees.
        distance: Metres to the aim.

    Returns:
        ``R`` ``(3, 3)``, world to camera, and ``t`` ``(3, 1)`` in millimetres.
    """
    a, p = np.radians([azimuth, pitch])
    back = np.array([np.cos(p) * np.cos(a), np.cos(p) * np.sin(a), np.sin(p)])
    right = np.array([-np.sin(a), np.cos(a), 0])
    rotation = np.stack([right, np.cross(-back, right), -back])
    shift = -rotation @ (AIM + distance * back) * 1000
    # Adding 0 makes a plain zero of -0.
    return {
        'R': (np.round(rotation, 12) + 0).tolist(),
        't': (np.round(shift[:, None], 6) + 0).tolist(),
    }


if __name__ == '__main__':
    run(main)
