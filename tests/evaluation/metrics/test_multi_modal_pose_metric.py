"""Absolute errors by group and by subset of modalities, in millimetres."""

import json

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from mmpose_ext.evaluation.functional import p_mpjpe
from mmpose_ext.evaluation.metrics import MultiModalPoseMetric
from tests.fixtures.tiny_multi_modal import tiny_batch, tiny_multi_modal

SHIFT = np.array([0.03, 0.0, 0.04], np.float32)  # 50 mm
SUBSETS = [('rgb',), ('wifi',), ('rgb', 'wifi')]


def truth_of(count, seed=0):
    pose = np.random.default_rng(seed).normal(0, 0.4, (count, 17, 3))
    return (pose + [0, 0, 3]).astype(np.float32)


def sample(truth, pred, *, frame_id=0, sequence='E01_S01_A02', subset=None, **meta):
    environment, subject, action = sequence.split('_')
    found = PoseDataSample(
        metainfo=dict(
            sequence=sequence,
            frame_id=frame_id,
            subject=subject,
            action=action,
            environment=environment,
            **meta,
        )
    )
    found.gt_instances = InstanceData(lifting_target=truth[None])
    found.pred_instances = InstanceData(keypoints=pred[None])
    if subset is not None:
        found.pred_instances.subset_keypoints = subset[None]
        found.set_metainfo(dict(subsets=SUBSETS))
    return found


def evaluate(samples, dataset_meta=None, **options):
    config = dict(type='MultiModalPoseMetric', **options)
    evaluator = Evaluator(METRICS.build(config))
    evaluator.dataset_meta = dataset_meta or {}
    for start in range(0, len(samples), 4):
        evaluator.process(samples[start : start + 4])
    return evaluator.evaluate(len(samples))


def test_values():
    """A shift is an error of the absolute pose only; one joint is one seventeenth."""
    truth = truth_of(2)
    wrong = truth[1].copy()
    wrong[3] += 0.17 * np.array([0, 1, 0])
    found = evaluate([sample(truth[0], truth[0] + SHIFT)])
    assert found['MPJPE'] == pytest.approx(50, abs=1e-3)
    assert found['root/MPJPE'] == pytest.approx(0, abs=1e-3)
    assert found['P-MPJPE'] == pytest.approx(0, abs=1e-3)
    found = evaluate([sample(truth[1], wrong)])
    assert found['MPJPE'] == found['root/MPJPE'] == pytest.approx(10, abs=1e-3)
    expected = 1000 * p_mpjpe(torch.from_numpy(wrong), torch.from_numpy(truth[1]))
    assert found['P-MPJPE'] == pytest.approx(expected.item(), abs=1e-3)


def test_groups():
    truth = truth_of(3)
    names = 'E01_S01_A02', 'E01_S02_A02', 'E02_S11_A03'
    samples = [
        sample(truth[i], truth[i] + i * SHIFT, sequence=name)
        for i, name in enumerate(names)
    ]
    found = evaluate(samples, group_by=('action', 'subject', 'environment', 'sequence'))
    expected = {
        'MPJPE': 50,
        'MPJPE/action/A02': 25,
        'MPJPE/action/A03': 100,
        'MPJPE/subject/S01': 0,
        'MPJPE/subject/S11': 100,
        'MPJPE/environment/E01': 25,
        'MPJPE/environment/E02': 100,
        'MPJPE/sequence/E01_S02_A02': 50,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-3), name
    assert found['P-MPJPE/action/A03'] == pytest.approx(0, abs=1e-3)
    for name in expected:
        root = f'root/{name}'
        assert found[root] == pytest.approx(0, abs=1e-3), 'a shift of the whole pose'
    assert 'MPJPE/action/A02' not in evaluate(samples, group_by=())


def test_subsets():
    """Each subset, and the deviation of what single modalities predict."""
    truth = truth_of(5)
    samples = []
    for i in range(5):
        constant = truth.mean(0)
        subset = np.stack([truth[i] + SHIFT, constant, truth[i]])
        samples.append(sample(truth[i], truth[i], frame_id=i, subset=subset))
    found = evaluate(samples)
    assert found['MPJPE/subset/rgb'] == pytest.approx(50, abs=1e-3)
    assert found['P-MPJPE/subset/rgb'] == pytest.approx(0, abs=1e-3)
    assert found['root/MPJPE/subset/rgb'] == pytest.approx(0, abs=1e-3)
    assert found['root/MPJPE/subset/wifi'] > 100
    assert found['MPJPE/subset/rgb+wifi'] == pytest.approx(0, abs=1e-3)
    errors = np.linalg.norm(truth - truth.mean(0), axis=-1).mean()
    assert found['MPJPE/subset/wifi'] == pytest.approx(1000 * errors, rel=1e-4)
    assert found['prediction_std/wifi'] == pytest.approx(0, abs=1e-3)
    assert found['prediction_std/rgb'] == pytest.approx(1000 * truth.std(0).mean())
    assert 'prediction_std/rgb+wifi' not in found


def test_mean_pose():
    truth = truth_of(4)
    samples = [sample(t, t, frame_id=i) for i, t in enumerate(truth)]
    found = evaluate(samples, dict(mean_pose=truth.mean(0).tolist()))
    errors = np.linalg.norm(truth - truth.mean(0), axis=-1).mean()
    assert found['mean_pose/MPJPE'] == pytest.approx(1000 * errors, rel=1e-4)
    assert 'mean_pose/MPJPE' not in evaluate(samples)


def test_a_frame_counts_once():
    truth = truth_of(2)
    samples = [sample(truth[0], truth[0]), sample(truth[1], truth[1] + SHIFT)]
    assert evaluate(samples)['MPJPE'] == pytest.approx(0, abs=1e-3), 'the first one'
    samples[1].set_metainfo(dict(frame_id=7))
    assert evaluate(samples)['MPJPE'] == pytest.approx(25, abs=1e-3)


def test_unseen_joints():
    truth = truth_of(1)[0]
    wrong = truth.copy()
    wrong[3] += 1
    one = sample(truth, wrong)
    visible = np.ones((1, 17), np.float32)
    visible[0, 3] = 0
    one.gt_instances.lifting_target_visible = visible
    assert evaluate([one])['MPJPE'] == pytest.approx(0, abs=1e-3)


def test_outfile(tmp_path, caplog):
    truth = truth_of(2)
    samples = [sample(t, t + SHIFT, frame_id=i) for i, t in enumerate(truth)]
    found = evaluate(
        samples,
        dict(protocol=dict(protocol=1, split='random')),
        outfile=str(tmp_path / 'scores.json'),
    )
    content = json.loads((tmp_path / 'scores.json').read_text())
    assert content['metrics']['MPJPE'] == pytest.approx(found['MPJPE'], abs=1e-5)
    assert content['protocol'] == {'protocol': 1, 'split': 'random'}
    assert content['num_frames'] == 2 and content['unit'] == 'mm'
    (row,) = content['sequences']
    assert row['sequence'] == 'E01_S01_A02' and row['frames'] == 2
    assert row['MPJPE'] == pytest.approx(50, abs=1e-3)


def test_of_the_estimator():
    """What the estimator predicts can be scored as it is."""
    names = ('rgb', 'lidar', 'mmwave', 'wifi')
    model = tiny_multi_modal(test_cfg=dict(subsets='all')).eval()
    inputs, data_samples = tiny_batch()
    metas = [
        PoseDataSample(metainfo=dict(sequence='E01_S01_A02', frame_id=i, action='A02'))
        for i in range(6)
    ]
    with torch.no_grad():
        pred = model.predict(inputs, {**data_samples, 'samples': metas})
        poses = model(inputs)
    found = evaluate(pred)
    error = (poses - data_samples['pose']).norm(dim=-1).mean()
    assert found['MPJPE'] == pytest.approx(1000 * error.item(), rel=1e-4)
    assert found['MPJPE/subset/rgb+lidar+mmwave+wifi'] == pytest.approx(found['MPJPE'])
    assert sum(name.startswith('MPJPE/subset/') for name in found) == 15
    assert [name for name in found if 'std' in name] == [
        f'prediction_std/{name}' for name in names
    ]
    assert found['MPJPE/subject/unknown'] == found['MPJPE']


def test_invalid():
    truth = truth_of(1)[0]
    with pytest.raises(ValueError, match="group_by=\\['camera'\\]"):
        MultiModalPoseMetric(group_by=['camera'])
    with pytest.raises(ValueError, match='ending in .json'):
        MultiModalPoseMetric(outfile='scores.txt')
    with pytest.raises(ValueError, match='in metres: convert'):
        evaluate([sample(1000 * truth, 1000 * truth)])
    with pytest.raises(ValueError, match='in metres: convert'):
        evaluate([sample(0 * truth, truth)])
    with pytest.raises(ValueError, match='keypoints is NaN or infinite'):
        evaluate([sample(truth, truth * np.nan)])
    with pytest.raises(ValueError, match=r'keypoints has shape \(1, 17, 2\)'):
        evaluate([sample(truth, truth[:, :2])])
    lost = sample(truth, truth)
    del lost.gt_instances
    with pytest.raises(ValueError, match='PackMultiModalInputs'):
        evaluate([lost])
    with pytest.raises(ValueError, match='differ in what can be scored'):
        subset = np.stack([truth] * 3)
        evaluate(
            [sample(truth, truth, frame_id=i) for i in range(4)]
            + [sample(truth, truth, frame_id=9, subset=subset)]
        )
    with pytest.raises(ValueError, match=r'subset_keypoints has shape \(1, 2, 17, 3\)'):
        evaluate([sample(truth, truth, subset=np.stack([truth] * 2))])
    with pytest.raises(ValueError, match='no frame to score'):
        MultiModalPoseMetric().compute_metrics([])
