"""Write sequences in the layout of MM-Fi's release, bit for bit.

It is laid out here from the description of the format, and not by way of what reads it
(:mod:`~mmpose_ext.datasets.mmfi_frame_files`), so that one can be held against the
other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

from mmpose_ext.simulation.sensors.recording import Recording


def write_sequence(folder: Path, recording: Recording) -> None:
    """Write the files of one sequence.

    Keypoints are float32, poses and all else float64, little-endian; a frame without
    radar points is a file of 0 bytes; lost channel state is -inf. Channel state lies in
    uncompressed MATLAB 5 files.

    Args:
        folder: ``.../E01/S01/A01``; made if it is not there.
        recording: The sequence.
    """
    folders = [folder / name for name in ('rgb', 'lidar', 'mmwave', 'wifi-csi')]
    for entry in folders:
        entry.mkdir(parents=True, exist_ok=True)
    rgb, lidar, mmwave, wifi = folders
    np.save(folder / 'ground_truth.npy', recording.pose_cam.astype('<f8'))
    for index in range(len(recording.pose_cam)):
        name = f'frame{index + 1:03d}'
        np.save(rgb / f'{name}.npy', recording.keypoints[index].astype('<f4'))
        recording.lidar[index].astype('<f8').tofile(lidar / f'{name}.bin')
        recording.mmwave[index].astype('<f8').tofile(mmwave / f'{name}.bin')
        savemat(
            wifi / f'{name}.mat',
            {
                'CSIamp': recording.csi_amplitude[index].astype('<f8'),
                'CSIphase': recording.csi_phase[index].astype('<f8'),
            },
        )
