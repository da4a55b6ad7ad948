"""Facts about MPI-INF-3DHP (Mehta et al., 3DV 2017): sequences, cameras, frames.

Intrinsics are pixels, without distortion: the training cameras as the release's
``camera.calibration`` has them, TS1 to TS4 as fitted to their annotation (MMPose's
cameras), TS5 and TS6 with the focal length of the release and its pixel aspect of
0.993236. Applying the distortion that the release lists for TS5 and TS6 moves the
projection away from their annotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRAIN_SEQUENCES: dict[str, tuple[int, float]] = {
    'S1 Seq1': (6416, 25),
    'S1 Seq2': (12430, 50),
    'S2 Seq1': (6502, 25),
    'S2 Seq2': (6081, 25),
    'S3 Seq1': (12488, 50),
    'S3 Seq2': (12283, 50),
    'S4 Seq1': (6171, 25),
    'S4 Seq2': (6675, 25),
    'S5 Seq1': (12820, 50),
    'S5 Seq2': (12312, 50),
    'S6 Seq1': (6188, 25),
    'S6 Seq2': (6145, 25),
    'S7 Seq1': (6239, 25),
    'S7 Seq2': (6320, 25),
    'S8 Seq1': (6468, 25),
    'S8 Seq2': (6054, 25),
}
"""Frames that have images, and frames per second; 8 cameras each, 1,052,736 in all."""

TEST_SEQUENCES: dict[str, int] = {
    'TS1': 6151,
    'TS2': 6080,
    'TS3': 5838,
    'TS4': 6007,
    'TS5': 320,
    'TS6': 492,
}
"""Frames, 24,888 in all."""

VALID_FRAMES: dict[str, dict[str, int]] = {
    "2,929: the test set's README, and the papers": dict(
        TS1=603, TS2=540, TS3=505, TS4=553, TS5=276, TS6=452
    ),
    '2,875: the annotation files (TS6 of 2019), and D3DP': dict(
        TS1=603, TS2=540, TS3=506, TS4=558, TS5=276, TS6=392
    ),
}
"""The two counts of valid frames that are in use, with a name for results."""

ACTIVITIES: tuple[str, ...] = (
    *('unknown', 'Standing/Walking', 'Exercise', 'Sitting', 'Crouching/Reaching'),
    *('On the floor', 'Sports', 'Miscellaneous'),
)
"""Names of the numbers in ``activity_annotation`` of the test set, which start at 1."""

TRAIN_CAMERAS: tuple[str, ...] = ('0', '1', '2', '4', '5', '6', '7', '8')
"""The cameras that everybody uses, of the 14."""

_INTRINSICS: dict[str, tuple[float, float, float, float]] = {
    '0': (1497.693, 1497.103, 1024.704, 1051.394),
    '1': (1495.217, 1495.52, 1030.519, 1052.626),
    '2': (1495.587, 1497.828, 983.8873, 987.5902),
    '4': (1490.952, 1491.108, 987.6075, 1019.069),
    '5': (1500.414, 1499.971, 1012.331, 998.5009),
    '6': (1498.471, 1498.8, 999.7319, 1010.251),
    '7': (1498.831, 1499.674, 987.2716, 976.8773),
    '8': (1500.172, 1500.837, 1017.387, 1043.032),
    'TS1': (1500.07, 1500.66, 1017.38, 1043.06),
    'TS2': (1503.78, 1501.27, 1015.23, 1038.68),
    'TS3': (1500.04, 1500.59, 1017.39, 1043.05),
    'TS4': (1499.93, 1500.76, 1017.37, 1042.99),
    'TS5': (1683.98, 1683.98 * 0.993236, 939.86, 560.14),
    'TS6': (1683.98, 1683.98 * 0.993236, 939.86, 560.14),
}


def camera_of(sequence: str, camera: str | None = None) -> dict[str, Any]:
    """Image size and intrinsics of a sequence's camera.

    Args:
        sequence: Such as ``'S1 Seq1'`` or ``'TS5'``.
        camera: One of :data:`TRAIN_CAMERAS`, for a training sequence.

    Returns:
        ``{'image_size': (width, height), 'intrinsics': {'f', 'c'}}`` in pixels, as in
        :class:`~mmpose_ext.datasets.frame_store.SequenceInfo`.
    """
    fx, fy, cx, cy = _INTRINSICS[camera if camera is not None else sequence]
    wide = sequence in ('TS5', 'TS6')
    return {
        'image_size': (1920, 1080) if wide else (2048, 2048),
        'intrinsics': {'f': [fx, fy], 'c': [cx, cy]},
    }


def name_valid_frames(counts: Mapping[str, int]) -> str | None:
    """Which of the counts in use this is, by the number of each test sequence."""
    known = (name for name, numbers in VALID_FRAMES.items() if numbers == dict(counts))
    return next(known, None)
