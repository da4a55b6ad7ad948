"""Readers of MM-Fi's files: true format, and files that are damaged."""

import mmfi_format
import numpy as np
import pytest
from scipy.io import savemat

from mmpose_ext.datasets.mmfi_frame_files import (
    check_depth,
    read_channel_state,
    read_depth,
    read_ground_truth,
    read_keypoints,
    read_points,
)

SEVEN = ('rgb', 'infra1', 'infra2', 'depth', 'lidar', 'mmwave', 'wifi-csi')
PLACE = ('S01', 'A02')
READERS = {
    **dict.fromkeys(('rgb', 'infra1', 'infra2'), read_keypoints),
    'depth': read_depth,
    'lidar': lambda file: read_points(file, 3),
    'mmwave': lambda file: read_points(file, 5),
    'wifi-csi': lambda file: read_channel_state(file)[0],
}


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp('mmfi')
    content = mmfi_format.make_sequence(3)
    mmfi_format.write_sequence(root, *PLACE, content, SEVEN)
    return root, content


@pytest.mark.parametrize('modality', SEVEN)
def test_values(tree, modality):
    root, content = tree
    for i in range(3):
        file = mmfi_format.frame_file(root, *PLACE, modality, i + 1)
        found = READERS[modality](file)
        wifi = modality == 'wifi-csi'
        true = content[modality][0][i] if wifi else content[modality][i]
        kind = {'depth': np.uint16, 'wifi-csi': np.float64}.get(modality, np.float32)
        assert found.dtype == kind
        np.testing.assert_array_equal(found, true.astype(kind))


def test_ground_truth(tree):
    root, content = tree
    poses = read_ground_truth(mmfi_format.folder_of(root, *PLACE) / 'ground_truth.npy')
    np.testing.assert_array_equal(poses, content['pose'].astype(np.float32))


def test_phase(tree):
    root, content = tree
    file = mmfi_format.frame_file(root, *PLACE, 'wifi-csi', 2)
    amplitude, phase = read_channel_state(file, ('amplitude', 'phase'))
    np.testing.assert_array_equal(amplitude, content['wifi-csi'][0][1])
    np.testing.assert_array_equal(phase, content['wifi-csi'][1][1])


def test_empty_radar_file(tmp_path):
    (tmp_path / 'frame001.bin').write_bytes(b'')
    assert read_points(tmp_path / 'frame001.bin', 5).shape == (0, 5)


@pytest.mark.parametrize(('columns', 'size'), [(3, 100), (5, 48), (5, 1)])
def test_truncated_points(tmp_path, columns, size):
    file = tmp_path / 'frame007.bin'
    file.write_bytes(bytes(size))
    with pytest.raises(
        ValueError, match=rf'frame007.bin is damaged: its {size} bytes .*fetch it again'
    ):
        read_points(file, columns)


@pytest.mark.parametrize('modality', SEVEN)
@pytest.mark.parametrize('part', ['half', 'nothing'])
def test_broken_off(tree, tmp_path, modality, part):
    content = mmfi_format.frame_file(tree[0], *PLACE, modality, 1).read_bytes()
    file = tmp_path / f'frame001.{mmfi_format.EXTENSIONS[modality]}'
    size = len(content) // 2 // 24 * 24 + 1
    if part == 'nothing':
        # Of points, a file of 0 bytes is one without any.
        size = 1 if modality in ('lidar', 'mmwave') else 0
    file.write_bytes(content[:size])
    with pytest.raises(ValueError, match='frame001.* is damaged'):
        READERS[modality](file)
    if modality == 'depth':
        with pytest.raises(ValueError, match='no whole PNG'):
            check_depth(file)


def test_depth_of_eight_bits(tmp_path):
    import cv2

    file = tmp_path / 'frame001.png'
    cv2.imwrite(str(file), np.zeros((480, 640), np.uint8))
    with pytest.raises(ValueError, match='16 bits'):
        read_depth(file)


def test_other_contents(tmp_path):
    file = tmp_path / 'frame001.npy'
    np.save(file, np.zeros((18, 2)))
    with pytest.raises(ValueError, match=r'\[18, 2\], expected \[17, 2\]'):
        read_keypoints(file)
    np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match='damaged'):
        read_keypoints(file)
    file = tmp_path / 'frame001.mat'
    savemat(file, {'CSIphase': np.zeros((3, 114, 10))})
    with pytest.raises(ValueError, match=r"frame001.mat .* lacks \['CSIamp'\]"):
        read_channel_state(file)
    savemat(file, {'CSIamp': np.zeros((3, 30, 10))})
    with pytest.raises(ValueError, match=r'expected \[3, 114, 10\]'):
        read_channel_state(file)


@pytest.mark.parametrize(
    ('poses', 'message'),
    [
        (np.zeros((5, 17, 2)), r'\[5, 17, 2\], expected \[frames, 17, 3\]'),
        (np.zeros((0, 17, 3)), 'expected'),
        (np.full((3, 17, 3), np.nan), 'pose of frame 1 is not finite'),
    ],
)
def test_ground_truth_that_is_none(tmp_path, poses, message):
    np.save(tmp_path / 'ground_truth.npy', poses)
    with pytest.raises(ValueError, match=message):
        read_ground_truth(tmp_path / 'ground_truth.npy')


@pytest.mark.parametrize('modality', ['rgb', 'lidar', 'wifi-csi', 'depth'])
def test_missing_file(tmp_path, modality):
    with pytest.raises(FileNotFoundError):
        READERS[modality](tmp_path / 'frame001.x')
