"""Facts about MPI-INF-3DHP: sums that the literature quotes, cameras, names."""

import pytest

from mmpose_ext.datasets.mpi_inf_3dhp import (
    ACTIVITIES,
    TEST_SEQUENCES,
    TRAIN_CAMERAS,
    TRAIN_SEQUENCES,
    VALID_FRAMES,
    camera_of,
    name_valid_frames,
)


def test_numbers_of_frames():
    per_camera = sum(frames for frames, _ in TRAIN_SEQUENCES.values())
    assert (len(TRAIN_SEQUENCES), len(TRAIN_CAMERAS)) == (16, 8)
    assert (per_camera, per_camera * 8) == (131_592, 1_052_736)
    assert sum(TEST_SEQUENCES.values()) == 24_888
    fast = {name for name, (_, fps) in TRAIN_SEQUENCES.items() if fps == 50}
    assert fast == {'S1 Seq2', 'S3 Seq1', 'S3 Seq2', 'S5 Seq1', 'S5 Seq2'}


def test_valid_frames():
    sums = {sum(counts.values()): counts for counts in VALID_FRAMES.values()}
    assert set(sums) == {2929, 2875}
    assert list(sums[2929].values()) == [603, 540, 505, 553, 276, 452]
    assert list(sums[2875].values()) == [603, 540, 506, 558, 276, 392]
    for count, numbers in sums.items():
        assert name_valid_frames(numbers).startswith(f'{count:,}: ')
    assert name_valid_frames({**sums[2929], 'TS6': 451, 'TS5': 277}) is None
    assert name_valid_frames({'TS1': 603}) is None


@pytest.mark.parametrize('name', TEST_SEQUENCES)
def test_cameras_of_the_test_set(name):
    camera = camera_of(name)
    wide = name in ('TS5', 'TS6')
    assert camera['image_size'] == ((1920, 1080) if wide else (2048, 2048))
    fx, fy = camera['intrinsics']['f']
    assert fy / fx == pytest.approx(0.993236 if wide else 1, abs=2e-3)
    middle = [size / 2 for size in camera['image_size']]
    assert camera['intrinsics']['c'] == pytest.approx(middle, abs=25)


def test_cameras_of_the_training_set():
    assert camera_of('S1 Seq1', '0')['intrinsics'] == {
        'f': [1497.693, 1497.103],
        'c': [1024.704, 1051.394],
    }
    for camera in TRAIN_CAMERAS:
        facts = camera_of('S8 Seq2', camera)
        assert facts['image_size'] == (2048, 2048)
        assert facts['intrinsics']['f'] == pytest.approx([1500, 1500], rel=0.01)


def test_activities():
    assert len(ACTIVITIES) == 8 and ACTIVITIES[0] == 'unknown'
