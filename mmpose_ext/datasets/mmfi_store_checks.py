"""What a store of MM-Fi must hold before samples are taken from it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.datasets.mmfi_layout import (
    CSI_SHAPE,
    MODALITIES,
    MODALITY_FILES,
    POINT_MODALITIES,
)
from mmpose_ext.datasets.pose_store_checks import JOINT_SET, check_finite

FIELDS: dict[str, tuple[tuple[int, ...], str]] = {
    'pose_cam': ((17, 3), 'float32'),
    'modality_valid': ((), 'uint8'),
    'keypoints_rgb': ((17, 2), 'float32'),
    'lidar': ((3,), 'float32'),
    'mmwave': ((5,), 'float32'),
    'csi_amplitude': (CSI_SHAPE, 'float32'),
    'csi_phase': (CSI_SHAPE, 'float32'),
}
"""Shape and type of one row of each field that samples come from."""


def check_mmfi_store(
    store: FrameStore, modalities: Iterable[str], drop_on: Iterable[str]
) -> None:
    """Check that a store is one of MM-Fi and has the modalities.

    Args:
        store: The store.
        modalities: Those that samples hold.
        drop_on: Those by whose frames samples are left out.

    Raises:
        ValueError: If it is another kind of store or lacks one of them.
    """
    lacks = {'pose_cam', 'modality_valid'} - set(store)
    if store.header['joint_set'] != JOINT_SET or lacks:
        raise ValueError(
            f'{store.path} is no store of MM-Fi (joint set '
            f'{store.header["joint_set"]!r}, fields {sorted(store)}); make one with '
            'tools/dataset_converters/mmfi_to_store.py'
        )
    has = [name for name in MODALITIES if MODALITY_FILES[name].field in store]
    for modality in modalities:
        if modality not in has:
            raise ValueError(
                f'{store.path} does not hold the modality {modality!r}; it has {has} '
                f'(fields {sorted(store)}). Name some of these as modalities, or '
                'convert the data again with it'
            )
    for modality in drop_on:
        if modality not in has:
            raise ValueError(
                f'{store.path} does not hold {modality!r}, so it cannot say which '
                f'frames lack it; it has {has} (fields {sorted(store)}). Pass '
                "empty_radar='keep' or another drop_on, and compare with runs of the "
                'same frames only'
            )
    for name, expected in FIELDS.items():
        if name not in store:
            continue
        info, (shape, dtype) = store.fields[name], expected
        ragged = name in POINT_MODALITIES
        if (info.shape[1:], info.dtype, info.ragged) != (shape, dtype, ragged):
            raise ValueError(
                f'{store.path}: a row of the field {name!r} is {info.dtype} '
                f'{list(info.shape[1:])}, expected {dtype} {list(shape)}; convert the '
                'data again'
            )


def check_mmfi_values(
    store: FrameStore, modalities: Iterable[str], sequences: Iterable[int]
) -> None:
    """Look for NaN and infinity in poses and keypoints.

    Channel state and points are too large to look through at each start; the converter
    leaves nothing undefined in them.

    Args:
        store: The store.
        modalities: Those in use.
        sequences: Rows of the sequence table.

    Raises:
        ValueError: If a value is not finite; names field, sequence and frame.
    """
    fields = ['pose_cam', *(['keypoints_rgb'] if 'rgb' in modalities else [])]
    check_finite(store, {name: np.s_[:] for name in fields}, list(sequences))
