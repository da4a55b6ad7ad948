"""Hypotheses of frames: which frames, which is chosen, the picture."""

import json

import matplotlib.image
import numpy as np
import plot_hypotheses as tool
import pytest
import untrained
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmpose_ext.datasets.frame_store import FrameStore
from mmpose_ext.models.estimators.diffusion_lifter import DiffusionLifter


@pytest.fixture
def lifters(tmp_path, tiny_config_file):
    return untrained.lifter_arguments(tmp_path, 'tiny_posynda', 'tiny_diffusion')


def rows_of(pose_store, report):
    """Rows of the store of a report's frames, and their sequences."""
    store = FrameStore(pose_store)
    sequences = {sequence.name: sequence for sequence in store.sequences}
    chosen = [sequences[frame['sequence']] for frame in report['frames']]
    frames = zip(chosen, report['frames'], strict=True)
    return store, [row.start + frame['frame'] for row, frame in frames], chosen


def test_test_data(lifters, tmp_path, pose_store, monkeypatch):
    out, seen = tmp_path / 'out', {}
    draw = tool.draw_hypotheses

    def watch(figure, keypoints, hypotheses, **options):
        seen.update(hypotheses=hypotheses, **options)
        return draw(figure, keypoints, hypotheses, **options)

    monkeypatch.setattr(tool, 'draw_hypotheses', watch)
    flags = ['--labels', 'adapted', 'unadapted', '--hypotheses', '4', '--frames', '3']
    report = tool.main([*lifters, *flags, '--out', str(out)])
    assert matplotlib.image.imread(out / 'hypotheses.png').ndim == 3
    assert json.loads((out / 'hypotheses.json').read_text()) == report
    store, rows, sequences = rows_of(pose_store, report)
    assert len(set(rows)) == 3 and {row.subject for row in sequences} == {'S3'}
    truth = store['pose_cam'][rows]
    truth = truth - truth[:, :1]
    np.testing.assert_allclose(seen['truth'], truth, atol=1e-5)
    assert list(seen['hypotheses']) == ['adapted', 'unadapted']
    for label, (poses, chosen, notes) in seen['hypotheses'].items():
        assert poses.shape == (3, 4, 17, 3)
        errors = 1000 * np.linalg.norm(poses - truth[:, None], axis=-1).mean(-1)
        for row, frame in enumerate(report['frames']):
            facts = frame['lifters'][label]
            np.testing.assert_allclose(facts['MPJPE_mm'], errors[row], rtol=1e-4)
            assert facts['chosen'] == chosen[row] and facts['spread_mm'] > 0
            assert f'chosen {errors[row, chosen[row]]:.0f} mm' in notes[row]


def test_target_data(lifters, tmp_path, pose_store):
    """The 2D that the lifter adapts to, of which no truth is drawn."""
    flags = ['--data', 'target', '--frames', '2', '--out', str(tmp_path / 'out')]
    report = tool.main([*lifters[:2], *flags])
    _, _, sequences = rows_of(pose_store, report)
    assert {row.subject for row in sequences} == {'S2'}
    facts = report['frames'][0]['lifters']['tiny_posynda']
    assert facts.keys() == {'chosen', 'spread_mm'}


def test_chosen_fits_the_2d(lifters, tmp_path, monkeypatch):
    """The truth among other poses is the one in red."""
    step = DiffusionLifter.test_step

    def know(model, data):
        samples = step(model, data)
        for sample in samples:
            truth = sample.gt_instances.lifting_target.numpy()
            noise = np.random.default_rng(0).normal(0, 0.1, (4, 17, 3))
            noise[2] = 0
            sample.pred_instances = InstanceData(hypotheses=truth[:, None] + noise)
        return samples

    monkeypatch.setattr(DiffusionLifter, 'test_step', know)
    flags = ['--hypotheses', '4', '--frames', '5', '--out', str(tmp_path / 'out')]
    report = tool.main([*lifters[:2], *flags])
    for frame in report['frames']:
        facts = frame['lifters']['tiny_posynda']
        assert facts['chosen'] == 2
        assert facts['MPJPE_mm'][2] < 0.1 < min(facts['MPJPE_mm'][:2])


def test_seed(lifters, tmp_path):
    """It decides frames and noise; the number of frames does not change either."""
    command = [*lifters[:2], '--out', str(tmp_path / 'out')]
    first = tool.main([*command, '--frames', '2'])['frames']
    assert tool.main([*command, '--frames', '2'])['frames'] == first
    assert tool.main([*command, '--frames', '3'])['frames'][:2] == first
    assert tool.main([*command, '--frames', '2', '--seed', '1'])['frames'] != first


def test_unknown_joints(lifters, tmp_path):
    """Joints without truth are not drawn and do not count."""
    cfg = Config.fromfile(lifters[0])
    init_default_scope('mmpose')
    dataset = tool.data_of(cfg, 'test')
    sample = dataset[0]['data_samples']
    sample.gt_instance_labels.lifting_target_weight[:, 5] = 0
    truth = tool.truth_of(sample)
    assert np.isnan(truth[:, 5]).all() and np.isfinite(truth[:, :5]).all()
    poses = np.nan_to_num(truth[:1]) + np.array([0.01, 0, 0])
    poses[:, 5] = 7
    frame = tool.Frame(0, 0, 'x', 0, np.zeros((17, 2)), truth[0])
    facts = tool.facts_of(poses, frame)
    assert facts['MPJPE_mm'] == pytest.approx([10], rel=1e-4)
    assert facts['spread_mm'] == 0


def test_spread():
    poses = np.zeros((2, 17, 3))
    poses[0, :, 1], poses[1, :, 1] = 0.03, -0.03
    frame = tool.Frame(0, 0, 'x', 0, np.zeros((17, 2)), np.full((17, 3), np.nan))
    assert tool.facts_of(poses, frame) == {'spread_mm': pytest.approx(30)}
    assert tool.note_of(poses, 0, frame) == 'spread 30 mm'


def test_invalid(lifters, tmp_path, make_pose_store, monkeypatch):
    out = ['--out', str(tmp_path / 'out')]
    plain = untrained.lifter_arguments(tmp_path, 'tiny_lifting')
    with pytest.raises(ValueError, match='SequenceLifter, which gives one pose'):
        tool.main([*plain, *out])
    with pytest.raises(ValueError, match='tiny_diffusion.py has no training data with'):
        tool.main([*lifters[2:], '--data', 'target', *out])
    with pytest.raises(ValueError, match='only 18 windows .* --frames 19'):
        tool.main([*lifters[:2], '--frames', '19', *out])
    other = tmp_path / 'other.py'
    cfg = Config.fromfile(lifters[2])
    cfg.test_dataloader.dataset.seq_len = 9
    cfg.dump(other)
    with pytest.raises(ValueError, match='other takes windows of 9 frames, .* have 3'):
        tool.main([*lifters[:2], str(other), lifters[3], *out])
    for flags in (['--hypotheses', '1'], ['--frames', '0']):
        with pytest.raises(SystemExit):
            tool.main([*lifters, *flags, *out])
    of_samples = tool.NormalizedCameras.of_samples

    def forget(samples, device):
        samples[0].metainfo['camera_param'].pop('f', None)
        return of_samples(samples, device)

    monkeypatch.setattr(tool.NormalizedCameras, 'of_samples', forget)
    with pytest.raises(ValueError, match=r"camera_param lacks \['f'\]"):
        tool.main([*lifters[:2], *out])
    assert not (tmp_path / 'out').exists()
