"""Names of MM-Fi (Yang et al., NeurIPS 2023, Datasets and Benchmarks): what lies where.

The release is a tree of one file a frame and modality::

    E01/S01/A01/ground_truth.npy            (F, 17, 3) metres, camera frame
    E01/S01/A01/rgb/frame001.npy            (17, 2) pixels; infra1, infra2 likewise
    E01/S01/A01/depth/frame001.png          640 x 480, 16 bits, millimetres
    E01/S01/A01/lidar/frame001.bin          float64 x, y, z a point, metres
    E01/S01/A01/mmwave/frame001.bin         float64 x, y, z, Doppler, intensity a point
    E01/S01/A01/wifi-csi/frame001.mat       CSIamp and CSIphase, (3, 114, 10) each

for four environments of ten people each, 27 actions and 297 frames at 10 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

MODALITIES = ('rgb', 'lidar', 'mmwave', 'wifi')
"""The modalities of pose networks, in the order in which everything lists them."""

POINT_MODALITIES = ('lidar', 'mmwave')
"""Those whose frames are sets of points."""

ENVIRONMENTS = ('E01', 'E02', 'E03', 'E04')
SUBJECTS = tuple(f'S{number:02d}' for number in range(1, 41))
FPS = 10.0
IMAGE_SIZE = (640, 480)
GROUND_TRUTH = 'ground_truth.npy'

ACTIONS: dict[str, str] = {
    'A01': 'stretching and relaxing',
    'A02': 'chest expansion (horizontal)',
    'A03': 'chest expansion (vertical)',
    'A04': 'twist (left)',
    'A05': 'twist (right)',
    'A06': 'mark time',
    'A07': 'limb extension (left)',
    'A08': 'limb extension (right)',
    'A09': 'lunge (toward left-front)',
    'A10': 'lunge (toward right-front)',
    'A11': 'limb extension (both)',
    'A12': 'squat',
    'A13': 'raising hand (left)',
    'A14': 'raising hand (right)',
    'A15': 'lunge (toward left side)',
    'A16': 'lunge (toward right side)',
    'A17': 'waving hand (left)',
    'A18': 'waving hand (right)',
    'A19': 'picking up things',
    'A20': 'throwing (toward left side)',
    'A21': 'throwing (toward right side)',
    'A22': 'kicking (toward left side)',
    'A23': 'kicking (toward right side)',
    'A24': 'body extension (left)',
    'A25': 'body extension (right)',
    'A26': 'jumping up',
    'A27': 'bowing',
}
"""The actions, in the order of their numbers."""

PROTOCOLS: dict[int, tuple[str, ...]] = {
    1: (
        *('A02', 'A03', 'A04', 'A05', 'A13', 'A14', 'A17', 'A18', 'A19', 'A20', 'A21'),
        *('A22', 'A23', 'A27'),
    ),
    2: (
        *('A01', 'A06', 'A07', 'A08', 'A09', 'A10', 'A11', 'A12', 'A15', 'A16', 'A24'),
        *('A25', 'A26'),
    ),
    3: tuple(ACTIONS),
}
"""Actions of the protocols: daily life, rehabilitation, all. Their order matters."""


@dataclass(frozen=True)
class ModalityFiles:
    """Where the frames of a modality lie, and what a store makes of them.

    Attributes:
        folder: Below the folder of the sequence.
        suffix: Of the files, with its dot.
        field: Of the store.
        bit: In the field ``modality_valid`` of the store.
        columns: Numbers a point, for sets of points.
    """

    folder: str
    suffix: str
    field: str
    bit: int
    columns: int = 0


MODALITY_FILES: dict[str, ModalityFiles] = {
    'rgb': ModalityFiles('rgb', '.npy', 'keypoints_rgb', 1),
    'lidar': ModalityFiles('lidar', '.bin', 'lidar', 2, columns=3),
    'mmwave': ModalityFiles('mmwave', '.bin', 'mmwave', 4, columns=5),
    'wifi': ModalityFiles('wifi-csi', '.mat', 'csi_amplitude', 8),
    'depth': ModalityFiles('depth', '.png', 'depth', 16),
    'infra1': ModalityFiles('infra1', '.npy', 'keypoints_infra1', 32),
    'infra2': ModalityFiles('infra2', '.npy', 'keypoints_infra2', 64),
}
"""Everything that the release holds beside the poses."""

CSI_SHAPE = (3, 114, 10)
"""Receiving antennas, sub-carriers, packets of a frame."""


def environment_of(subject: str) -> str:
    """The room that a person was recorded in, ``'S11'`` in ``'E02'``.

    Raises:
        ValueError: If there is no such person.
    """
    if subject not in SUBJECTS:
        raise ValueError(
            f'unknown subject {subject!r}; expected one of S01 to S40, as {SUBJECTS[0]}'
        )
    return ENVIRONMENTS[SUBJECTS.index(subject) // 10]


def frame_name(modality: str, number: int) -> str:
    """Name of a frame's file; frames are counted from 1."""
    return f'frame{number:03d}{MODALITY_FILES[modality].suffix}'


def sequence_name(subject: str, action: str) -> str:
    """Name of a sequence in a store, such as ``'E01_S01_A02'``."""
    return f'{environment_of(subject)}_{subject}_{action}'
