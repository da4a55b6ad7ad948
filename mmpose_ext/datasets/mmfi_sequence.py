"""From the files of one sequence of MM-Fi to the fields of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mmpose_ext.datasets.channel_state import clean_csi
from mmpose_ext.datasets.mmfi_frame_files import (
    check_depth,
    read_channel_state,
    read_ground_truth,
    read_keypoints,
    read_points,
)
from mmpose_ext.datasets.mmfi_layout import (
    CSI_SHAPE,
    GROUND_TRUTH,
    MODALITY_FILES,
    frame_name,
)
from mmpose_ext.datasets.mmfi_tree import Listing, SequenceFolder

_PACKETS = CSI_SHAPE[2]
_EMPTY = {'lidar': 'empty_lidar', 'mmwave': 'empty_radar'}


def new_notes(stray: Sequence[str] = ()) -> dict[str, Any]:
    """Notes on a sequence of which nothing has been read."""
    return {
        'frames': 0,
        'missing': {},
        'damaged': [],
        'stray': list(stray),
        'empty_lidar': 0,
        'empty_radar': 0,
        'bad_packets': 0,
        'frames_without_csi': 0,
        'dropped_points': 0,
        'dropped_keypoints': 0,
    }


class SequenceReader:
    """Reads a sequence and notes down what is wrong with it.

    Args:
        sequence: Its folder.
        listing: Its files.

    Attributes:
        notes: What there is to report: ``missing`` and ``damaged`` files, ``stray``
            ones, counts of frames without LiDAR and without radar points, bad packets,
            frames without channel state, points and keypoints that were not finite.

    Raises:
        ValueError: If the poses are damaged, without which there is no sequence.
    """

    def __init__(self, sequence: SequenceFolder, listing: Listing) -> None:
        self.sequence, self.listing = sequence, listing
        poses = read_ground_truth(sequence.path / GROUND_TRUTH)
        self.num_frames = len(poses)
        self.fields: dict[str, Any] = {'pose_cam': poses}
        self.valid = np.zeros(self.num_frames, dtype=np.uint8)
        self.notes = new_notes(listing.stray) | {'frames': self.num_frames}

    def read(self, modalities: Sequence[str]) -> dict[str, Any]:
        """Read modalities; depth images are only looked for.

        Returns:
            Fields of a store, ragged ones as lists of one array a frame.
        """
        for modality in modalities:
            self._note_files(modality)
            if modality == 'wifi':
                self._read_channel_state()
            elif modality == 'depth':
                self._look_at_depth()
            elif MODALITY_FILES[modality].columns:
                self._read_points(modality)
            else:
                self._read_keypoints(modality)
        self.fields['modality_valid'] = self.valid
        return self.fields

    def _note_files(self, modality: str) -> None:
        frames = self.listing.frames[modality]
        expected = set(range(1, self.num_frames + 1))
        missing = sorted(expected - frames)
        folder = MODALITY_FILES[modality].folder
        if missing:
            self.notes['missing'][folder] = missing
        self.notes['stray'] += [
            f'{folder}/{frame_name(modality, number)}'
            for number in sorted(frames - expected)
        ]

    def _present(self, modality: str) -> np.ndarray:
        """Frames that have a file, ``(F,)`` bool."""
        frames = self.listing.frames[modality]
        return np.array([i + 1 in frames for i in range(self.num_frames)])

    def _read_frames(
        self, modality: str, read: Callable[[Any], Any], missing: Any
    ) -> tuple[list[Any], np.ndarray]:
        """Read each frame; one without a readable file becomes ``missing``."""
        folder = self.sequence.folder(modality)
        values = []
        present = self._present(modality)
        for i in range(self.num_frames):
            value = missing
            if present[i]:
                try:
                    value = read(folder / frame_name(modality, i + 1))
                except ValueError as error:
                    self.notes['damaged'].append(str(error))
                    present[i] = False
            values.append(value)
        return values, present

    def _mark(self, modality: str, valid: np.ndarray) -> None:
        self.valid[valid] |= MODALITY_FILES[modality].bit

    def _read_keypoints(self, modality: str) -> None:
        nothing = np.zeros((17, 2), dtype=np.float32)
        values, present = self._read_frames(modality, read_keypoints, nothing)
        keypoints = np.stack(values)
        finite = np.isfinite(keypoints).all(axis=(1, 2))
        keypoints[~finite] = 0
        self.notes['dropped_keypoints'] += int((~finite).sum())
        self.fields[MODALITY_FILES[modality].field] = keypoints
        self._mark(modality, present & finite)

    def _read_points(self, modality: str) -> None:
        columns = MODALITY_FILES[modality].columns
        clouds, present = self._read_frames(
            modality,
            lambda file: read_points(file, columns),
            np.zeros((0, columns), dtype=np.float32),
        )
        clean = [cloud[np.isfinite(cloud).all(axis=1)] for cloud in clouds]
        self.notes['dropped_points'] += sum(map(len, clouds)) - sum(map(len, clean))
        some = np.array([len(cloud) > 0 for cloud in clean])
        self.notes[_EMPTY[modality]] = int((present & ~some).sum())
        self.fields[MODALITY_FILES[modality].field] = clean
        self._mark(modality, some)

    def _look_at_depth(self) -> None:
        _, present = self._read_frames('depth', check_depth, None)
        self._mark('depth', present)

    def _read_channel_state(self) -> None:
        nothing = (np.full(CSI_SHAPE, np.nan),) * 2
        keys = ('amplitude', 'phase')
        values, present = self._read_frames(
            'wifi', lambda file: read_channel_state(file, keys), nothing
        )
        raw_amplitude, raw_phase = map(np.stack, zip(*values, strict=True))
        # What was lost has an amplitude of -inf and some phase all the same.
        with np.errstate(over='ignore', invalid='ignore'):
            raw_phase[~np.isfinite(raw_amplitude.astype(np.float32))] = np.nan
        amplitude, bad = clean_csi(raw_amplitude)
        phase, _ = clean_csi(raw_phase, circular=True)
        self.notes['bad_packets'] = int(bad[present].sum())
        self.notes['frames_without_csi'] = int(bad[present].all(axis=1).sum())
        self.fields |= {
            'csi_amplitude': amplitude,
            'csi_phase': phase,
            'csi_bad_packets': (bad << np.arange(_PACKETS)).sum(axis=1, dtype='u2'),
        }
        self._mark('wifi', np.logical_not(bad.all(axis=1)))
