"""Side by side on a clip: poses, sheet, video."""

import json

import compare_lifters as tool
import cv2
import numpy as np
import pytest
import untrained
from slot_lifter import SlotLifter

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.visualization.video import video_properties, write_video

SEQUENCE = 'S3_Sitting.54138969'


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    files = untrained.lifter_arguments(tmp_path, 'tiny_lifting', 'tiny_prml')
    return [*files, '--labels', 'MotionBERT', 'PrML', '--size', '64']


@pytest.fixture
def clip(tmp_path, pose_store):
    """Files of the 13 frames of a sequence: keypoints, poses, video."""
    store = FrameStore(pose_store)
    (row,) = (row for row in store.sequences if row.name == SEQUENCE)
    part = slice(row.start, row.start + row.length)
    keypoints, poses, video = (tmp_path / name for name in ('k.npz', 'p.json', 'v.mp4'))
    np.savez(keypoints, keypoints=store['pose_image'][part, :, :2])
    poses.write_text(json.dumps(store['pose_cam'][part].tolist()))
    write_video(video, [np.zeros((100, 200, 3), np.uint8)] * row.length, fps=10)
    return str(keypoints), str(poses), str(video)


def test_sequence(lifters, tmp_path):
    out = tmp_path / 'out'
    flags = ['--sequence', SEQUENCE, '--columns', '4', '--out', str(out)]
    comparison = tool.main([*lifters, *flags])
    assert list(comparison.poses) == ['MotionBERT', 'PrML']
    assert comparison.is_truth and comparison.fps == 50
    assert comparison.keypoints.shape == (13, 17, 2)
    pred, truth = comparison.poses['PrML'], comparison.target
    expected = 1000 * np.linalg.norm(pred - truth, axis=-1).mean(-1)
    np.testing.assert_allclose(comparison.errors('PrML'), expected, rtol=1e-5)
    sheet = cv2.imread(str(out / 'comparison.png'))
    assert sheet.shape == (3 * 68 - 4, 4 * 68 - 4, 3)
    (width, height), fps = video_properties(out / 'comparison.mp4')
    assert (width, height, fps) == (3 * 68 - 4, 64, 50)
    written = np.load(out / 'comparison.npz')
    assert written['labels'].tolist() == ['MotionBERT', 'PrML']
    np.testing.assert_array_equal(written['poses'][1], pred)


def test_keypoints(lifters, clip, tmp_path, capsys):
    keypoints, poses, video = clip
    out = tmp_path / 'out'
    flags = ['--keypoints', keypoints, '--joints', 'h36m17', '--reference', poses]
    size = ['--image-size', '1000', '1002', '--person-height', '0', '--stride', '3']
    flags += ['--video', video]
    comparison = tool.main([*lifters, *flags, *size, '--out', str(out)])
    assert not comparison.is_truth and comparison.fps == 10
    assert 'PrML: P-MPJPE' in (said := capsys.readouterr().out)
    correlation = comparison.knee_correlation('PrML')
    assert f'knee angles {correlation:.3f}' in said and -1 <= correlation <= 1
    capture = cv2.VideoCapture(str(out / 'comparison.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 13
    sheet = cv2.imread(str(out / 'comparison.png'))
    assert sheet.shape[0] == 4 * 68 - 4, 'input, two lifters, reference'
    same = tool.main([*lifters, '--sequence', SEQUENCE, '--out', str(out)])
    np.testing.assert_allclose(
        comparison.poses['PrML'][:9], same.poses['PrML'][:9], atol=1e-5
    )


def test_frame_rate_and_size(lifters, clip, tmp_path, monkeypatch):
    """The clip is lifted at the model's frame rate, and given back at its own."""
    seen = SlotLifter(lambda inputs: inputs[..., [0, 1, 1]], confidence=False)
    monkeypatch.setattr(tool, 'load_lifter', lambda *args: seen)
    flags = ['--keypoints', clip[0], '--image-size', '1000', '1002', '--fps', '10']
    stride = ['--model-fps', '50', '--stride', '1', '--batch-size', '99']
    comparison = tool.main([*lifters, *flags, *stride, '--out', str(tmp_path / 'out')])
    windows = seen.batches[0]
    assert len(windows) == 12 * 5 + 1 - 2
    heights = np.ptp(windows[:, 0].numpy(), axis=1).max(axis=-1)
    assert np.quantile(heights, 0.9) == pytest.approx(2 / 3, rel=0.03)
    given = windows[::5, 0].numpy()
    expected = (given - given[:, :1])[..., 0]
    poses = comparison.poses['PrML'][: len(given), :, 0]
    np.testing.assert_allclose(poses, expected, atol=1e-5)


def test_part_of_a_video(lifters, clip, tmp_path):
    """A file of the last frames of the video: its times, and its pictures."""
    part = tmp_path / 'part.npz'
    frames = np.arange(3, 13)
    with np.load(clip[0]) as arrays:
        keypoints = arrays['keypoints'][frames]
    np.savez(part, keypoints=keypoints, frames=frames, times=0.1 * frames**1.1)
    write_video(
        clip[2], (np.full((100, 200, 3), 20 * n, np.uint8) for n in range(13)), fps=10
    )
    flags = ['--keypoints', str(part), '--video', clip[2], '--out', str(tmp_path)]
    size = ['--image-size', '1000', '1002', '--model-fps', '50']
    comparison = tool.main([*lifters, *flags, *size])
    assert comparison.first_frame == 3 and len(comparison.poses['PrML']) == 10
    assert comparison.fps == pytest.approx(12 / (0.1 * 12**1.1))
    pictures = [
        image[:64, :64].max()
        for image in tool.read_video(tmp_path / 'comparison.mp4', 10)
    ]
    assert pictures[0] >= 55, 'the first picture is that of frame 3'


def test_knee_angles():
    """A right angle on the left, a stretched leg on the right; r by hand."""
    poses = np.zeros((1, 17, 3))
    names = tool.H36M17.joint_names
    for name, place in (
        *(('left_hip', (0, 0, 1)), ('left_knee', (0, 0, 0)), ('left_foot', (0, 2, 0))),
        *(('right_hip', (5, 0, 1)), ('right_knee', (5, 0, 0))),
        ('right_foot', (5, 0, -3)),
    ):
        poses[0, names.index(name)] = place
    np.testing.assert_allclose(tool.knee_angles(poses), [[90, 180]])
    angles = np.array([[1.0, 1], [2, 2], [3, 3]])
    assert tool.angle_correlation(3 * angles + 7, angles) == pytest.approx(1)
    mixed = angles * [1, -1]
    assert tool.angle_correlation(mixed, angles) == pytest.approx(0)
    others = np.array([[1.0, 1], [3, 3], [2, 2]])
    assert tool.angle_correlation(others, angles) == pytest.approx(0.5)
    assert np.isnan(tool.angle_correlation(0 * angles, angles))


def test_invalid(lifters, clip, tmp_path):
    keypoints, poses, video = clip
    out = ['--out', str(tmp_path / 'out')]
    with pytest.raises(ValueError, match="no sequence 'S9'; it has"):
        tool.main([*lifters, '--sequence', 'S9', *out])
    with pytest.raises(ValueError, match='--image-size W H or --video'):
        tool.main([*lifters, '--keypoints', keypoints, *out])
    size = ['--image-size', '1000', '1002']
    with pytest.raises(ValueError, match='give --fps'):
        tool.main(
            [*lifters, '--keypoints', keypoints, *size, '--model-fps', '50', *out]
        )
    short = tmp_path / 'short.json'
    short.write_text(json.dumps(json.loads(open(poses).read())[:5]))
    with pytest.raises(ValueError, match='has 5 frames, .* has 13'):
        tool.main(
            [*lifters, '--keypoints', keypoints, *size, '--reference', str(short), *out]
        )
    with pytest.raises(SystemExit):
        tool.main([*lifters, *out])
