"""The 2D part of 3D predictions, brought back to pixels."""

import json
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
import reprojected_2d as tool
import untrained
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from mmpose_ext.engine.inference import LiftedFrames
from mmpose_ext.geometry import project_to_pixels


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    return untrained.lifter_arguments(tmp_path, 'tiny_lifting', 'tiny_prml')


@pytest.fixture
def perfect(pose_store):
    """A dataset and the frames that a perfect lifter would give, for a target."""

    def make(target):
        init_default_scope('mmpose')
        dataset = DATASETS.build(
            dict(type='LiftingDataset', store=str(pose_store), seq_len=3, target=target)
        )
        dataset.full_init()
        store = dataset.store
        frame = np.concatenate([np.arange(row.length) for row in store.sequences])
        owner = np.repeat(
            np.arange(len(store.sequences)), [row.length for row in store.sequences]
        )
        if target == 'camera':
            pose = np.array(store['pose_cam'])
        else:
            pose = store['pose_image'] * store['factor'][:, None, None]
        pose = pose - pose[:, :1]
        seen = np.ones(pose.shape[:2], dtype=bool)
        return dataset, LiftedFrames(owner, frame, pose, pose, seen, pose)

    return make


@pytest.mark.parametrize('target', ['camera', 'image'])
def test_perfect_prediction(perfect, target):
    dataset, frames = perfect(target)
    truth = tool.true_pixels(frames, dataset)
    np.testing.assert_allclose(tool.predicted_pixels(frames, dataset), truth, atol=2e-3)


def test_perspective(perfect):
    """A joint predicted too far away moves towards the principal point."""
    dataset, frames = perfect('camera')
    row = dataset.store.sequences[0]
    wrong = frames.pred.copy()
    wrong[:, 5, 2] += 1.0
    pixels = tool.predicted_pixels(replace(frames, pred=wrong), dataset)
    root = np.asarray(dataset.store['pose_cam'][:1, :1])
    expected = project_to_pixels(
        wrong[:1] + root, row.intrinsics['f'], row.intrinsics['c']
    )
    np.testing.assert_allclose(pixels[:1], expected, atol=1e-3)
    centre = np.array(row.intrinsics['c'])
    truth = tool.true_pixels(frames, dataset)
    before = np.linalg.norm(truth[0, 5] - centre)
    assert np.linalg.norm(pixels[0, 5] - centre) < before


def test_lens(perfect):
    dataset, frames = perfect('camera')
    lens = [-0.2, 0.2, 0.001, -0.001, 0.0]
    rows = dataset.store.sequences
    intrinsics = {**rows[1].intrinsics, 'distortion': lens}
    rows[1] = replace(rows[1], intrinsics=intrinsics)
    pixels = tool.predicted_pixels(frames, dataset)
    truth = tool.true_pixels(frames, dataset)
    moved = np.abs(pixels - truth).max(axis=(1, 2)) > 0.05
    assert moved[frames.sequence == 1].all() and not moved[frames.sequence != 1].any()


def test_in_runner(lifters, tmp_path, capsys):
    out = tmp_path / 'out'
    flags = ['--labels', 'MotionBERT', 'PrML', '--pictures', '2', '--out', str(out)]
    tool.main([*lifters, *flags])
    report = json.loads((out / 'reprojected_2d.json').read_text())
    assert report['threshold'] == 0.5 and report['head'] == ['neck_base', 'head']
    assert report['root_counts'] is False
    for row in report['lifters']:
        assert row['input_PCKh'] == 100 and row['frames'] == 50
        assert row['input_error_px'] < 1e-3
        assert 0 <= row['output_PCKh'] < 50, 'not trained'
    assert matplotlib.image.imread(out / 'reprojected_2d.png').ndim == 3
    assert 'MotionBERT' in capsys.readouterr().out


def test_options(lifters, tmp_path):
    """Detections are no ground truth; a longer head forgives more, so does the root."""
    flags = [*lifters[:2], '--out', str(tmp_path)]
    det = ['--cfg-options', 'test_dataloader.dataset.keypoints_2d=det']
    row = tool.main([*flags, *det])['lifters'][0]
    assert 1 < row['input_error_px'] < 10
    (plain,) = tool.main(flags)['lifters']
    (thorax,) = tool.main([*flags, '--threshold', '3'])['lifters']
    assert thorax['output_PCKh'] > plain['output_PCKh']
    (rooted,) = tool.main([*flags, '--count-root'])['lifters']
    joint = 100 / 17
    expected = plain['output_PCKh'] * 16 / 17 + joint
    assert rooted['output_PCKh'] == pytest.approx(expected, abs=1e-3)
    other = tool.main([*flags, '--head', 'thorax'])
    assert other['head'] == ('thorax', 'head')
    assert other['lifters'][0]['output_PCKh'] != plain['output_PCKh']


def test_invalid(perfect, lifters, tmp_path):
    dataset, frames = perfect('camera')
    rows = dataset.store.sequences
    rows[0] = replace(rows[0], intrinsics=None)
    with pytest.raises(ValueError, match=f"'{rows[0].name}' has no intrinsics 'f'"):
        tool.predicted_pixels(frames, dataset)
    poses = {'names': np.array(['a 1'])}
    with pytest.raises(ValueError, match='PrML scores other frames'):
        tool.check_same_frames(poses, np.array(['a 2']), [0], 'PrML')
    with pytest.raises(ValueError, match='ratio=0'):
        tool.main([*lifters[:2], '--out', str(tmp_path), '--threshold', '0'])
