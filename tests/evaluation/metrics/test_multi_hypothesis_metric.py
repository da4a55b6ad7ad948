"""Four ways to make one pose of several hypotheses, each scored on its own."""

import json

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from mmpose_ext.evaluation.functional import best_joints, best_pose
from mmpose_ext.evaluation.metrics import MultiHypothesisMetric, PoseLiftingMetric

WAYS = ('P-Agg', 'J-Agg', 'P-Best', 'J-Best')
H = 3


def poses(count, seed=0):
    """Root-relative poses ``(count, 17, 3)``, metres, float32."""
    truth = np.random.default_rng(seed).normal(0, 0.5, (count, 17, 3))
    return (truth - truth[:, :1]).astype(np.float32)


def guesses(truth, seed=1, deviation=0.05):
    """Hypotheses ``(T, H, 17, 3)`` around the truth."""
    error = np.random.default_rng(seed).normal(0, deviation, (len(truth), H, 17, 3))
    return (truth[:, None] + error).astype(np.float32)


def sample(truth, hypotheses, joint_choice='first', *, weight=None, **meta):
    """A data sample as a diffusion lifter leaves it."""
    meta = {
        'sequence': 'a',
        'frame_ids': np.arange(len(truth)),
        'score_mask': np.ones(len(truth), bool),
        'subject': 'S9',
        'action': 'Walking',
        'camera_name': '54138969',
        **meta,
    }
    data_sample = PoseDataSample(metainfo=meta)
    data_sample.gt_instances = InstanceData(lifting_target=torch.as_tensor(truth))
    if weight is not None:
        labels = InstanceData(lifting_target_weight=torch.as_tensor(weight))
        data_sample.gt_instance_labels = labels
    if isinstance(joint_choice, str):
        joint_choice = hypotheses[:, 0]
    pred = InstanceData(
        metainfo={'protocol': {'target': 'camera', 'aggregation': 'mean'}},
        keypoints=np.full_like(truth, np.nan),  # nobody looks at it
        hypotheses=hypotheses,
    )
    if joint_choice is not None:
        pred.joint_choice = joint_choice
    data_sample.pred_instances = pred
    return data_sample


def evaluate(samples, batch=2, metric=MultiHypothesisMetric, meta=None, **options):
    evaluator = Evaluator(metric(**options))
    evaluator.dataset_meta = meta
    for start in range(0, len(samples), batch):
        evaluator.process(samples[start : start + batch])
    return evaluator.evaluate(len(samples))


def score_of(truth, pose, **options):
    """What the metric for single poses says of them."""
    data_sample = sample(truth, pose[:, None])
    data_sample.pred_instances.keypoints = torch.as_tensor(pose)
    return evaluate([data_sample], metric=PoseLiftingMetric, **options)


def test_shapes():
    truth = poses(6)
    metrics = evaluate([sample(truth, guesses(truth))])
    single = score_of(truth, truth)
    assert list(metrics) == [f'{way}/{name}' for way in WAYS for name in single]
    assert all(isinstance(value, float) for value in metrics.values())


def test_values():
    """Three hypotheses, off by -10, 20 and 50 mm in all joints."""
    truth = poses(6)
    steps = np.float32([-0.01, 0.02, 0.05])[:, None, None] * np.float32([1, 0, 0])
    hypotheses = truth[:, None] + steps
    metrics = evaluate([sample(truth, hypotheses, hypotheses[:, 1])])
    found = {way: metrics[f'{way}/MPJPE'] for way in WAYS}
    assert found == pytest.approx(
        {'P-Agg': 20, 'J-Agg': 20, 'P-Best': 10, 'J-Best': 10}, abs=1e-3
    )


def test_values_equal_those_of_single_poses():
    truth = poses(6)
    hypotheses = guesses(truth)
    options = {'joints': ['root', 3, 'neck', 'head_top'], 'pck_joints': [1, 2]}
    metrics = evaluate([sample(truth, hypotheses, hypotheses[:, 2])], **options)
    stacked = torch.from_numpy(hypotheses).transpose(0, 1)
    seen = torch.zeros(6, 17, dtype=torch.bool)
    seen[:, list(PoseLiftingMetric(**options).joints)] = True
    expected = {
        'P-Agg': hypotheses.mean(1),
        'J-Agg': hypotheses[:, 2],
        'P-Best': best_pose(stacked, torch.from_numpy(truth), seen).numpy(),
        'J-Best': best_joints(stacked, torch.from_numpy(truth)).numpy(),
    }
    for way, pose in expected.items():
        single = score_of(truth, pose, **options)
        found = {name: metrics[f'{way}/{name}'] for name in single}
        assert found == pytest.approx(single, rel=1e-5), way


def test_the_oracles_are_in_order():
    truth = poses(20)
    hypotheses = guesses(truth)
    metrics = evaluate([sample(truth, hypotheses)])
    each = [score_of(truth, hypotheses[:, h])['MPJPE'] for h in range(H)]
    assert metrics['J-Best/MPJPE'] < metrics['P-Best/MPJPE'] < min(each)
    assert metrics['J-Agg/MPJPE'] == pytest.approx(each[0])


def test_joint_choice_may_be_absent():
    truth = poses(6)
    hypotheses = guesses(truth)
    metrics = evaluate([sample(truth, hypotheses, None)])
    assert {name.split('/')[0] for name in metrics} == set(WAYS) - {'J-Agg'}


def test_frames_count_once_and_only_where_scored():
    truth = poses(8)
    step = np.float32([0.01, 0, 0])
    hypotheses = np.repeat(truth[:, None] + step, H, axis=1)
    hypotheses[6:] = np.nan
    mask = np.arange(8) < 6
    windows = [
        sample(
            truth[s], hypotheses[s].copy(), frame_ids=range(8)[s], score_mask=mask[s]
        )
        for s in (slice(0, 5), slice(3, 8))
    ]
    windows[1].pred_instances.hypotheses[:2] += 1  # seen before
    metrics = evaluate(windows)
    for way in WAYS:
        assert metrics[f'{way}/MPJPE'] == pytest.approx(10, abs=1e-3)


def test_joints_without_ground_truth_do_not_choose():
    truth = poses(4)
    hypotheses = np.repeat(truth[:, None], H, axis=1)
    hypotheses[:, :2, 3, 0] += 0.17
    hypotheses[:, 2, 5, 0] += 1
    weight = np.ones((4, 17), np.float32)
    weight[:, 5] = 0
    truth[:, 5] = np.nan
    metrics = evaluate([sample(truth, hypotheses, weight=weight)])
    assert metrics['P-Best/MPJPE'] == pytest.approx(0, abs=1e-3)
    assert metrics['J-Best/MPJPE'] == pytest.approx(0, abs=1e-3)
    assert metrics['J-Agg/MPJPE'] == pytest.approx(170 / 16, abs=1e-3)


def test_every_sample_leaves_one_result():
    """MMEngine cuts padding off by counting, also where nothing is scored."""
    metric = MultiHypothesisMetric(skip_sequences=['b'])
    truth = poses(3)
    windows = [
        sample(truth, guesses(truth)),
        sample(truth, guesses(truth), score_mask=np.zeros(3, bool)),
        sample(truth, guesses(truth), sequence='b'),
    ]
    metric.process(None, [window.to_dict() for window in windows])
    assert len(metric.results) == 3
    assert not any(score.results for score in metric.scores.values())
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = None
    assert 'P-Agg/MPJPE' in evaluator.evaluate(3)


def test_options_are_passed_on():
    truth = poses(6)
    window = sample(truth, guesses(truth))
    metrics = evaluate([window], metrics=['MPJPE'], group_by=['subject'], prefix='h36m')
    assert [name for name in metrics if 'P-Best' in name] == [
        'h36m/P-Best/MPJPE',
        'h36m/P-Best/MPJPE/subject/S9',
    ]
    metric = METRICS.build({'type': 'MultiHypothesisMetric', 'weighting': 'action'})
    assert {score.weighting for score in metric.scores.values()} == {'action'}
    with pytest.raises(ValueError, match='weighting'):
        MultiHypothesisMetric(weighting='joint')
    with pytest.raises(TypeError, match='weights'):
        MultiHypothesisMetric(weights='frame')


def test_outfiles_tell_the_oracles(tmp_path):
    truth = poses(6)
    metrics = evaluate(
        [sample(truth, guesses(truth))],
        outfile=tmp_path / 'result.json',
        meta={'protocol': {'annotation': 'univ_annot3'}},
    )
    assert {file.name for file in tmp_path.iterdir()} == {
        f'result.{way}.json' for way in WAYS
    }
    for way in WAYS:
        report = json.loads((tmp_path / f'result.{way}.json').read_text())
        protocol = report['protocol']
        assert protocol['hypotheses'] == H and protocol['target'] == 'camera'
        assert protocol['annotation'] == 'univ_annot3'
        assert protocol['aggregation'].startswith(way)
        assert ('ORACLE' in protocol['aggregation']) == way.endswith('Best')
        found = metrics[f'{way}/MPJPE']
        assert report['metrics']['MPJPE'] == pytest.approx(found, abs=1e-5)
    with pytest.raises(ValueError, match='json'):
        MultiHypothesisMetric(outfile='result.pkl')


def test_the_log_tells_the_oracles(monkeypatch):
    lines = []
    logger = type('Logger', (), {'info': staticmethod(lines.append)})
    module = 'mmpose_ext.evaluation.metrics.multi_hypothesis_metric.MMLogger'
    monkeypatch.setattr(f'{module}.get_current_instance', lambda: logger)
    truth = poses(6)
    evaluate([sample(truth, guesses(truth))])
    heads = [line for line in lines if 'of 3 hypotheses' in line]
    assert [head.split(' ')[0] for head in heads] == list(WAYS)
    assert ['ORACLE' in head for head in heads] == [False, False, True, True]


def test_invalid():
    truth = poses(4)
    valid = guesses(truth)
    absent = sample(truth, valid)
    del absent.pred_instances.hypotheses
    with pytest.raises(ValueError, match="'a'.*no pred_instances.hypotheses"):
        evaluate([absent])
    with pytest.raises(ValueError, match=r"'a'.*\(T, H, K, 3\) with H of 1"):
        evaluate([sample(truth, valid[:, :0], None)])
    with pytest.raises(ValueError, match=r'hypotheses have shape \(4, 17, 3\)'):
        evaluate([sample(truth, valid[:, 0], None)])
    with pytest.raises(ValueError, match="'a'.*must be"):
        evaluate([sample(truth, valid[:, :, :16], None)])
    other = sample(truth, valid[:, :2], sequence='b')
    with pytest.raises(ValueError, match=r'\[2, 3\] hypotheses'):
        evaluate([sample(truth, valid), other])
    other = sample(truth, valid, None, sequence='b')
    with pytest.raises(ValueError, match='1 of 2 samples have no .*joint_choice'):
        evaluate([other, sample(truth, valid)])
    with pytest.raises(ValueError, match='no sample'):
        evaluate([])
    broken = sample(truth, valid)
    broken.pred_instances.hypotheses[2, 1, 4] = np.nan
    with pytest.raises(ValueError, match='NaN or infinite.*frame 2'):
        evaluate([broken])


def test_invalid_sample_without_a_name():
    truth = poses(4)
    window = sample(truth, guesses(truth)).to_dict()
    del window['sequence']
    with pytest.raises(ValueError, match='no sequence'):
        MultiHypothesisMetric().process(None, [window])
