"""The layout of MM-Fi's release, read without the package's readers."""

import numpy as np
import pytest
from scipy.io import loadmat

from mmpose_ext.datasets.mmfi_writer import write_sequence
from mmpose_ext.simulation.sensors.recording import Recording

FRAMES = 3


@pytest.fixture
def recording():
    rng = np.random.default_rng(0)
    amplitude = rng.uniform(20, 40, (FRAMES, 3, 114, 10))
    amplitude[1, :, :, 4] = -np.inf
    return Recording(
        pose_cam=rng.normal(size=(FRAMES, 17, 3)),
        keypoints=rng.uniform(0, 480, (FRAMES, 17, 2)).astype(np.float32),
        lidar=[rng.normal(size=(n, 3)) for n in (900, 800, 1)],
        mmwave=[rng.normal(size=(n, 5)) for n in (7, 0, 1)],
        csi_amplitude=amplitude,
        csi_phase=rng.uniform(-3, 3, (FRAMES, 3, 114, 10)),
    )


@pytest.fixture
def folder(tmp_path, recording):
    write_sequence(tmp_path / 'E01' / 'S01' / 'A01', recording)
    return tmp_path / 'E01' / 'S01' / 'A01'


def test_names(folder):
    assert sorted(entry.name for entry in folder.iterdir()) == [
        *('ground_truth.npy', 'lidar', 'mmwave', 'rgb', 'wifi-csi')
    ]
    for name, ending in (
        ('rgb', 'npy'),
        ('lidar', 'bin'),
        ('mmwave', 'bin'),
        ('wifi-csi', 'mat'),
    ):
        found = sorted(file.name for file in (folder / name).iterdir())
        assert found == [f'frame{number:03d}.{ending}' for number in (1, 2, 3)]


def test_poses_and_keypoints(folder, recording):
    pose = np.load(folder / 'ground_truth.npy')
    assert pose.dtype == np.float64
    np.testing.assert_array_equal(pose, recording.pose_cam)
    keypoints = np.load(folder / 'rgb' / 'frame002.npy')
    assert keypoints.dtype == np.float32
    np.testing.assert_array_equal(keypoints, recording.keypoints[1])


@pytest.mark.parametrize(('name', 'columns'), [('lidar', 3), ('mmwave', 5)])
def test_points_are_bare_float64(folder, recording, name, columns):
    for index, points in enumerate(getattr(recording, name)):
        file = folder / name / f'frame{index + 1:03d}.bin'
        assert file.stat().st_size == 8 * columns * len(points)
        found = np.frombuffer(file.read_bytes(), '<f8').reshape(-1, columns)
        np.testing.assert_array_equal(found, points)
    assert (folder / 'mmwave' / 'frame002.bin').stat().st_size == 0


def test_channel_state_is_matlab_5(folder, recording):
    file = folder / 'wifi-csi' / 'frame002.mat'
    assert file.read_bytes().startswith(b'MATLAB 5.0 MAT-file')
    # Uncompressed, as large as those of the release: 2 x 3 x 114 x 10 x 8 bytes.
    assert 54_720 < file.stat().st_size < 55_100
    content = loadmat(file)
    assert {key for key in content if key[0] != '_'} == {'CSIamp', 'CSIphase'}
    for key, expected in (
        ('CSIamp', recording.csi_amplitude[1]),
        ('CSIphase', recording.csi_phase[1]),
    ):
        assert content[key].dtype == np.float64
        np.testing.assert_array_equal(content[key], expected)
    assert np.isneginf(content['CSIamp'][:, :, 4]).all()
