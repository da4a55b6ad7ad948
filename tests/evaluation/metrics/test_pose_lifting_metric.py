import json
import os

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import keypoint_mpjpe
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample

from mmpose_ext.evaluation.metrics import PoseLiftingMetric, format_table
from mmpose_ext.geometry import (
    H36M17,
    MPI_INF_3DHP_PCK_JOINTS,
    camera_to_image_pose,
    h36m_cameras,
)

CAMERA = {'f': [1145.0, 1143.0], 'c': [512.0, 515.0], 'w': 1000, 'h': 1002}


def poses(count, seed=0):
    """Root-relative poses ``(count, 17, 3)`` of half a metre, float32."""
    truth = np.random.default_rng(seed).normal(0, 0.5, (count, 17, 3))
    return (truth - truth[:, :1]).astype(np.float32)


def sample(pred, truth, *, sequence='a', frame_ids=None, score_mask=None, **meta):
    """A data sample as the package's pipeline and model make it."""
    count = len(pred)
    pose_cam, weight = meta.pop('pose_cam', None), meta.pop('weight', None)
    decoding = meta.pop('decoding', None)
    meta = {
        'sequence': sequence,
        'frame_ids': np.arange(count) if frame_ids is None else np.asarray(frame_ids),
        'score_mask': np.ones(count, bool) if score_mask is None else score_mask,
        'subject': 'S9',
        'action': 'Walking',
        'camera_name': '54138969',
        **meta,
    }
    data_sample = PoseDataSample(metainfo=meta)
    data_sample.gt_instances = InstanceData(lifting_target=torch.as_tensor(truth))
    if pose_cam is not None:
        data_sample.gt_instances.pose_cam = torch.as_tensor(pose_cam)
    if weight is not None:
        labels = InstanceData(lifting_target_weight=torch.as_tensor(weight))
        data_sample.gt_instance_labels = labels
    meta = {} if decoding is None else {'protocol': decoding}
    data_sample.pred_instances = InstanceData(
        metainfo=meta, keypoints=torch.as_tensor(pred)
    )
    return data_sample


def shifted(length, millimetres, *, axis=0, seed=0, **meta):
    """A sample whose every joint is wrong by so much along one axis."""
    truth = poses(length, seed)
    pred = truth.copy()
    pred[..., axis] += millimetres / 1000
    return sample(pred, truth, **meta)


def evaluate(samples, batch=2, dataset_meta=None, **options):
    evaluator = Evaluator(PoseLiftingMetric(**options))
    evaluator.dataset_meta = dataset_meta
    for start in range(0, len(samples), batch):
        evaluator.process(samples[start : start + batch])
    return evaluator.evaluate(len(samples))


def test_shapes():
    metrics = evaluate([shifted(9, 10), shifted(9, 20, sequence='b')])
    headline = [name for name in metrics if '/' not in name]
    assert headline == [
        *('MPJPE', 'P-MPJPE', 'N-MPJPE', 'MPJVE'),
        *('PCK@150', 'AUC', 'MPJPE_xy', 'MPJPE_depth'),
    ]
    assert all(isinstance(value, float) for value in metrics.values())


def test_values():
    metrics = evaluate([shifted(9, 30, axis=0), shifted(9, 40, axis=2, sequence='b')])
    assert metrics['MPJPE'] == pytest.approx(35, abs=1e-3)
    assert metrics['P-MPJPE'] == pytest.approx(0, abs=1e-3)
    assert metrics['MPJVE'] == pytest.approx(0, abs=1e-3)
    assert metrics['MPJPE_xy'] == pytest.approx(15, abs=1e-3)
    assert metrics['MPJPE_depth'] == pytest.approx(20, abs=1e-3)
    assert metrics['PCK@150'] == 100


def test_values_of_a_perfect_prediction():
    metrics = evaluate([shifted(9, 0)])
    assert metrics['MPJPE'] == 0 and metrics['N-MPJPE'] < 1e-3
    assert metrics['PCK@150'] == 100
    assert metrics['AUC'] == pytest.approx(3000 / 31)


def test_values_of_pck_and_auc_are_strict():
    truth = np.zeros((1, 17, 3), np.float32)
    truth[:, 1:, 1] = 1  # x and z stay zero, so that errors are exact
    pred = truth.copy()
    pred[:, 0, 0] = 0.150
    pred[:, 1, 2] = np.nextafter(np.float32(0.150), np.float32(0))
    metrics = evaluate([sample(pred, truth)], pck_joints=[0, 1])
    assert metrics['PCK@150'] == 50
    assert metrics['AUC'] == pytest.approx(100 / 62)


def test_pck_joints_choose_those_of_pck_and_auc_only():
    truth = poses(4)
    pred = truth.copy()
    pred[:, 3, 0] += 1
    everything = evaluate([sample(pred, truth)])
    others = evaluate([sample(pred, truth)], pck_joints=[0, 1, 2])
    assert everything['PCK@150'] == pytest.approx(16 / 17 * 100)
    assert others['PCK@150'] == 100
    assert others['MPJPE'] == everything['MPJPE'] == pytest.approx(1000 / 17, rel=1e-5)


def test_joints_choose_those_of_every_metric():
    truth = poses(4)
    pred = truth.copy()
    pred[:, 3, 0] += 1
    chosen = evaluate([sample(pred, truth)], joints=['root', 'right_ankle'])
    assert chosen['MPJPE'] == pytest.approx(500, rel=1e-5)
    assert chosen['MPJPE_xy'] == pytest.approx(500, rel=1e-5)
    assert chosen['PCK@150'] == 50
    without = evaluate([sample(pred, truth)], joints=['root', 1, 'neck', 'head_top'])
    assert without['MPJPE'] == 0 and without['P-MPJPE'] < 1e-3
    assert without['PCK@150'] == 100


@pytest.mark.parametrize('name', ['root', 'spine', 'neck_base'])
def test_the_14_joints_of_mpi_inf_3dhp_leave_out(name):
    truth = poses(4)
    pred = truth.copy()
    pred[:, H36M17.joint_names.index(name), 0] += 1
    metrics = evaluate([sample(pred, truth)], pck_joints=MPI_INF_3DHP_PCK_JOINTS)
    assert metrics['PCK@150'] == 100
    assert metrics['AUC'] == pytest.approx(3000 / 31)
    assert metrics['MPJPE'] == pytest.approx(1000 / 17, rel=1e-5)


@pytest.mark.parametrize('name', MPI_INF_3DHP_PCK_JOINTS)
def test_the_14_joints_of_mpi_inf_3dhp(name):
    truth = poses(4)
    pred = truth.copy()
    pred[:, H36M17.joint_names.index(name), 0] += 1
    metrics = evaluate([sample(pred, truth)], pck_joints=MPI_INF_3DHP_PCK_JOINTS)
    assert metrics['PCK@150'] == pytest.approx(1300 / 14)
    assert metrics['AUC'] == pytest.approx(13 / 14 * 3000 / 31)


def test_joints_without_ground_truth_do_not_count():
    truth = poses(4)
    pred = truth + np.float32([0.01, 0, 0])
    weight = np.ones((4, 17), np.float32)
    weight[:2, 5] = weight[3] = 0
    pred[:2, 5] += 1
    truth[:2, 5] = np.nan  # nobody looks at it
    pred[3] += 2
    metrics = evaluate([sample(pred, truth, weight=weight)])
    assert metrics['MPJPE'] == pytest.approx(10, abs=1e-3)
    assert metrics['P-MPJPE'] == pytest.approx(0, abs=1e-3)
    assert metrics['MPJVE'] == pytest.approx(0, abs=1e-3)
    assert metrics['PCK@150'] == 100


@pytest.mark.parametrize(
    'name, alignment',
    [('MPJPE', 'none'), ('P-MPJPE', 'procrustes'), ('N-MPJPE', 'scale')],
)
def test_values_equal_mmpose(name, alignment):
    truth, pred = poses(40), poses(40) + poses(40, seed=1) * 0.2
    theirs = keypoint_mpjpe(pred, truth, np.ones((40, 17), bool), alignment) * 1000
    windows = [
        sample(pred[i : i + 8], truth[i : i + 8], frame_ids=range(i, i + 8))
        for i in range(0, 40, 8)
    ]
    assert evaluate(windows)[name] == pytest.approx(theirs, rel=1e-5)


def unbalanced():
    """Sequences of 8, 2 and 2 frames, the last two of one action."""
    return [
        shifted(8, 10, sequence='a', action='Walking', subject='S9'),
        shifted(2, 40, sequence='b', action='Sitting', subject='S9'),
        shifted(2, 80, sequence='c', action='Sitting', subject='S11'),
    ]


@pytest.mark.parametrize(
    'weighting, expected',
    [
        ('frame', (8 * 10 + 2 * 40 + 2 * 80) / 12),
        ('sequence', (10 + 40 + 80) / 3),
        ('action', (10 + (40 + 80) / 2) / 2),
    ],
)
def test_weighting(weighting, expected):
    metrics = evaluate(unbalanced(), weighting=weighting)
    assert metrics['MPJPE'] == pytest.approx(expected, abs=1e-3)
    assert metrics['MPJPE_xy'] == pytest.approx(expected, abs=1e-3)


def test_groups():
    metrics = evaluate(unbalanced(), group_by=('action', 'subject', 'sequence'))
    expected = {
        'MPJPE/action/Sitting': 60,
        'MPJPE/action/Walking': 10,
        'MPJPE/subject/S11': 80,
        'MPJPE/subject/S9': 16,
        'MPJPE/sequence/a': 10,
        'MPJPE/sequence/b': 40,
        'MPJPE/sequence/c': 80,
    }
    found = {k: v for k, v in metrics.items() if k.startswith('MPJPE/')}
    assert found == pytest.approx(expected, abs=1e-3)
    assert {k for k in metrics if '/' in k} == {
        prefix + k for k in expected for prefix in ('', 'P-')
    }


def test_activities_may_change_within_a_sequence():
    truth = poses(6)
    pred = truth + np.arange(6)[:, None, None] * np.float32([0.01, 0, 0])
    activity = np.array(['Sitting', 'Sports', 'Sports'] * 2)
    windows = [
        sample(pred[s], truth[s], frame_ids=range(6)[s], activity=activity[s])
        for s in (slice(0, 4), slice(2, 6))
    ]
    metrics = evaluate(windows, group_by=['activity'])
    found = {k: v for k, v in metrics.items() if k.startswith('MPJPE/')}
    expected = {'MPJPE/activity/Sitting': 15, 'MPJPE/activity/Sports': 30}
    assert found == pytest.approx(expected, abs=1e-3)
    unknown = evaluate(unbalanced(), group_by=['activity'])
    assert unknown['MPJPE/activity/unknown'] == unknown['MPJPE']


def test_metrics_choose_what_is_reported():
    metrics = evaluate(unbalanced(), metrics=['MPJPE'], group_by=())
    assert list(metrics) == ['MPJPE']


def test_prefix():
    metrics = evaluate(unbalanced(), metrics=['AUC'], group_by=(), prefix='h36m')
    assert list(metrics) == ['h36m/AUC']


def test_unscored_frames_do_not_count():
    truth = poses(4)
    pred = truth + np.float32([0.01, 0, 0])
    pred[2:] = np.nan
    mask = np.array([True, True, False, False])
    assert evaluate([sample(pred, truth, score_mask=mask)])['MPJPE'] == pytest.approx(
        10, abs=1e-3
    )


def test_frames_count_once():
    truth = poses(6)
    error = np.arange(6)[:, None, None] * np.float32([0.01, 0, 0])
    windows = [
        sample(truth[s] + error[s], truth[s], frame_ids=range(6)[s])
        for s in (slice(3, 6), slice(0, 4), slice(3, 6))
    ]
    metrics = evaluate(windows)
    assert metrics['MPJPE'] == pytest.approx(25, abs=1e-3)
    assert metrics['MPJVE'] == pytest.approx(10, abs=1e-3)


def test_order_of_windows_does_not_matter():
    windows = [
        sample(poses(3, i), poses(3, i + 9), frame_ids=range(3 * i, 3 * i + 3))
        for i in range(4)
    ]
    assert evaluate(windows) == pytest.approx(evaluate(windows[::-1]), rel=1e-6)


def test_every_sample_leaves_one_result():
    """MMEngine cuts padding off by counting, also where nothing is scored."""
    metric = PoseLiftingMetric(skip_sequences=['b'])
    windows = [
        shifted(3, 1),
        shifted(3, 1, score_mask=np.zeros(3, bool)),
        shifted(3, 1, sequence='b'),
    ]
    metric.process(None, [window.to_dict() for window in windows])
    assert len(metric.results) == 3


def test_velocity_only_between_consecutive_frames():
    truth = np.repeat(poses(1), 5, axis=0)
    pred = truth.copy()
    # Jumps of 50 mm between frames 1 and 5 and between sequences, 10 mm within.
    pred[..., 0] += np.float32([0, 0.01, 0.06, 0.07, 0.08])[:, None]
    one = sample(pred, truth, frame_ids=[0, 1, 5, 6, 7])
    other = sample(pred[:1] + 1, truth[:1], sequence='b', frame_ids=[8])
    assert evaluate([one, other])['MPJVE'] == pytest.approx(10, abs=1e-3)
    assert np.isnan(evaluate([other])['MPJVE'])


def test_skipped_sequences():
    names = [
        's_09_act_05_subact_02_ca_01',
        's_09_act_05_subact_02_ca_02',
        's_09_act_05',
    ]
    samples = [shifted(3, 10 * i + 10, sequence=name) for i, name in enumerate(names)]
    samples[0].pred_instances.keypoints[:] = torch.nan
    options = {'skip_sequences': ['s_09_act_05_subact_02']}
    metrics = evaluate(samples, group_by=['sequence'], **options)
    assert metrics['MPJPE'] == pytest.approx(30, abs=1e-3)
    assert [k for k in metrics if k.startswith('MPJPE/')] == [
        'MPJPE/sequence/s_09_act_05'
    ]


def image_sample(absolute, camera, error_m=(0, 0, 0), **meta):
    """A 2.5D sample: truth in pixels times factor; its prediction is off by error."""
    pose_image, factor = camera_to_image_pose(
        absolute, camera['f'], camera['c'], camera.get('distortion')
    )
    truth = (pose_image - pose_image[:, :1]) * factor[:, None, None]
    pred = truth + np.asarray(error_m)
    pred[:, 0] = 0
    meta = {
        'pose_cam': absolute.astype(np.float32),
        'factor': factor.astype(np.float32),
        'root_image': pose_image[:, 0, :2].astype(np.float32),
        'camera_param': camera,
        **meta,
    }
    return sample(pred.astype(np.float32), truth.astype(np.float32), **meta)


def absolute_poses(count):
    centre = np.random.default_rng(3).uniform((-1, -0.5, 3), (1, 0.5, 6), (count, 3))
    return poses(count).astype(np.float64) * 0.6 + centre[:, None]


@pytest.mark.parametrize('distortion', [None, 'h36m'])
def test_camera_space_of_a_perfect_prediction(distortion):
    camera = CAMERA
    if distortion:
        camera = h36m_cameras()['S9']['54138969']['intrinsics']
    samples = [image_sample(absolute_poses(9), camera)]
    metrics = evaluate(samples, camera_space=True)
    assert metrics['MPJPE'] == 0
    assert metrics['camera/MPJPE'] < 0.01
    assert metrics['camera/P-MPJPE'] < 0.01


def test_values_of_camera_space():
    """A point at (0.2, 0, 5), root (0.1, 0, 4), depth overestimated by 1 m."""
    camera = {'f': [1000.0, 1000.0], 'c': [500.0, 500.0]}
    pose_cam = np.array([[[0.1, 0, 4], [0.2, 0, 5]]])
    metrics = evaluate(
        [image_sample(pose_cam, camera, (0, 0, 1))], camera_space=True, group_by=()
    )
    # x = 0.2 / 5 * 6 = 0.24: wrong by 0.04 m, and by 1 m in depth; the root is right.
    assert metrics['camera/MPJPE'] == pytest.approx(np.hypot(40, 1000) / 2, rel=1e-5)
    assert metrics['MPJPE'] == pytest.approx(500, rel=1e-5)
    assert list(metrics)[-2:] == ['camera/MPJPE', 'camera/P-MPJPE']


def test_camera_space_follows_the_weighting():
    short, long = absolute_poses(2), absolute_poses(8)
    samples = [
        image_sample(short, CAMERA, (0, 0, 0.1), sequence='a'),
        image_sample(long, CAMERA, sequence='b'),
    ]
    by_frame = evaluate(samples, camera_space=True)['camera/MPJPE']
    by_sequence = evaluate(samples, 1, camera_space=True, weighting='sequence')
    assert by_frame / by_sequence['camera/MPJPE'] == pytest.approx(0.4, rel=1e-3)


@pytest.mark.parametrize(
    'change, message',
    [
        ({'pose_cam': None}, 'pose_cam'),
        ({'camera_param': {'w': 1000, 'h': 1000}}, 'no f and c'),
        ({'camera_param': None}, 'camera_param'),
        ({'root_image': None}, 'root_image'),
        ({'factor': np.full(3, np.nan, np.float32)}, 'factor is NaN'),
        ({'factor': np.zeros(3, np.float32)}, 'factor is 0'),
    ],
)
def test_invalid_camera_space(change, message):
    broken = image_sample(absolute_poses(3), CAMERA, **change)
    with pytest.raises(ValueError, match=f"sequence 'a'.*{message}"):
        evaluate([broken], camera_space=True)
    evaluate([broken])


def test_outfile(tmp_path):
    file = tmp_path / 'work' / 'metrics.json'
    options = {'metrics': ['MPJPE'], 'group_by': ['action'], 'outfile': str(file)}
    metrics = evaluate(unbalanced(), weighting='action', **options)
    report = json.loads(file.read_text())
    assert report['metrics'] == pytest.approx(metrics, abs=1e-5)
    assert report['weighting'] == 'action' and report['num_frames'] == 12
    assert [row['name'] for row in report['sequences']] == ['a', 'b', 'c']
    row = report['sequences'][2]
    assert row['subject'] == 'S11' and row['action'] == 'Sitting'
    assert row['camera'] == '54138969' and row['frames'] == 2
    assert row['MPJPE'] == pytest.approx(80, abs=1e-3)
    assert row['MPJPE_xy'] == pytest.approx(80, abs=1e-3)
    assert row['P-MPJPE'] < 1e-2 and row['MPJPE_depth'] < 1e-2
    # The headline can be had again from the table, as bootstrap intervals need.
    evaluate(unbalanced(), weighting='sequence', **options)
    report = json.loads(file.read_text())
    mean = np.mean([row['MPJPE'] for row in report['sequences']])
    assert report['metrics']['MPJPE'] == pytest.approx(mean, abs=1e-4)
    assert os.listdir(file.parent) == ['metrics.json']


def test_outfile_and_log_name_the_protocol(tmp_path, monkeypatch):
    file = tmp_path / 'metrics.json'
    lines = logged(monkeypatch)
    of_data = {'scored': 'centre', 'annotation': 'univ_annot3', 'valid_frames': 2929}
    decoding = {'target': 'camera', 'denormalization': 'legacy'}
    evaluate(
        [shifted(3, 10, decoding=decoding)],
        dataset_meta={'protocol': of_data},
        outfile=file,
        pck_joints=['neck', 3],
    )
    report = json.loads(file.read_text())
    assert report['protocol'] == {**of_data, **decoding}
    assert report['pck_joints'] == ['thorax', 'right_foot']
    assert report['joints'] is None
    assert lines[1] == (
        'Protocol: scored: centre; annotation: univ_annot3; valid frames: 2929; '
        'target: camera; denormalization: legacy'
    )


def test_outfile_has_no_nan_and_survives_a_failure(tmp_path, monkeypatch):
    file = tmp_path / 'metrics.json'
    evaluate([shifted(1, 10)], outfile=file)
    before = file.read_text()
    assert json.loads(before)['metrics']['MPJVE'] is None

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        evaluate([shifted(1, 20)], outfile=file)
    assert file.read_text() == before and os.listdir(tmp_path) == ['metrics.json']


def test_table():
    groups = ('action', 'subject', 'sequence')
    metrics = evaluate(unbalanced(), weighting='action', group_by=groups)
    table = format_table(metrics, weighting='action')
    assert table.splitlines()[:6] == [
        'action           MPJPE [mm]  P-MPJPE [mm]',
        '---------------  ----------  ------------',
        'Sitting               60.00          0.00',
        'Walking               10.00          0.00',
        '---------------  ----------  ------------',
        'mean of actions       35.00          0.00',
    ]
    assert 'PCK@150      100.00         %' in table
    assert 'S11' in table and table.count('metric ') == 1
    assert format_table({'MPJPE': 12.345}).splitlines()[-1].split() == [
        *('MPJPE', '12.35', 'mm')
    ]


def logged(monkeypatch):
    """The lines that the metric will log."""
    lines = []
    monkeypatch.setattr(
        'mmpose_ext.evaluation.metrics.pose_lifting_metric.MMLogger'
        '.get_current_instance',
        lambda: type('Logger', (), {'info': staticmethod(lines.append)}),
    )
    return lines


def test_the_table_is_logged(monkeypatch):
    lines = logged(monkeypatch)
    metrics = evaluate(unbalanced(), skip_sequences=['c'])
    assert '1 sequences skipped' in lines[0] and '10 frames of 2 sequences' in lines[0]
    assert lines[1] == '\n' + format_table(metrics)


@pytest.mark.parametrize('where', ['pred_instances', 'gt_instances'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_invalid_numbers(where, value):
    broken = shifted(3, 10, sequence='S9/Walking 1', frame_ids=[7, 8, 9])
    instances = getattr(broken, where)
    key = 'keypoints' if where == 'pred_instances' else 'lifting_target'
    instances[key][1, 4, 2] = value
    with pytest.raises(ValueError, match="'S9/Walking 1'.*frame 8"):
        evaluate([broken])


def test_invalid_truth_without_extent():
    truth = np.zeros((3, 17, 3), np.float32)
    with pytest.raises(ValueError, match='factor'):
        evaluate([sample(poses(3), truth)])


def test_invalid_nothing_to_score():
    with pytest.raises(ValueError, match='no frame to score in 1 samples'):
        evaluate([shifted(3, 10)], skip_sequences=['a'])
    with pytest.raises(ValueError, match='no frame to score in 0 samples'):
        evaluate([])


def test_invalid_two_sequences_of_one_name():
    with pytest.raises(ValueError, match='share this name'):
        evaluate([shifted(3, 10, seed=0), shifted(3, 10, seed=1)])


def test_invalid_action_weighting_without_actions():
    unlabelled = shifted(3, 10, action=None)
    with pytest.raises(ValueError, match='has no action'):
        evaluate([unlabelled], weighting='action')
    assert 'MPJPE/action/unknown' in evaluate([unlabelled])


@pytest.mark.parametrize('key', ['sequence', 'score_mask', 'frame_ids'])
def test_invalid_sample(key):
    broken = shifted(3, 10).to_dict()
    del broken[key]
    with pytest.raises(ValueError, match=f'no {key}.*PackLiftingInputs'):
        PoseLiftingMetric().process(None, [broken])


def test_invalid_shapes():
    with pytest.raises(ValueError, match='T, K, 3'):
        evaluate([sample(poses(3)[:, :16], poses(3))])
    with pytest.raises(ValueError, match='equal numbers'):
        evaluate([sample(poses(3), poses(3), frame_ids=[1, 2])])
    with pytest.raises(ValueError, match='has 17 joints'):
        evaluate([shifted(3, 10)], pck_joints=[17])


@pytest.mark.parametrize(
    'options',
    [
        {'metrics': ['mpjpe']},
        {'metrics': 'MPJPE'},
        {'weighting': 'joint'},
        {'group_by': ['camera']},
        {'group_by': 'action'},
        {'skip_sequences': 's_09'},
        {'skip_sequences': ['']},
        {'joints': []},
        {'joints': [0, 0]},
        {'joints': [-1]},
        {'joints': ['tail']},
        {'joints': 'head'},
        {'pck_joints': ['neck', 'thorax']},
        {'pck_joints': [2.0]},
        {'outfile': 'metrics.pkl'},
    ],
)
def test_invalid_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        PoseLiftingMetric(**options)


def test_is_registered_and_built_from_a_config():
    metric = METRICS.build({'type': 'PoseLiftingMetric', 'weighting': 'action'})
    assert metric.weighting == 'action'


class OffByTenMillimetres(BaseModel):
    """Predict the truth moved by 10 mm along x."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        for window in data_samples:
            keypoints = window.gt_instances.lifting_target.clone()
            keypoints[..., 0] += 0.01
            window.pred_instances = InstanceData(keypoints=keypoints)
        return data_samples


def test_in_runner(tmp_path):
    windows = [
        {'inputs': torch.zeros(1), 'data_samples': shifted(4, 0, sequence=str(i))}
        for i in range(5)
    ]
    runner = Runner(
        model=OffByTenMillimetres(),
        work_dir=str(tmp_path),
        test_dataloader={
            'batch_size': 2,
            'dataset': windows,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        },
        test_cfg={},
        test_evaluator={
            'type': 'PoseLiftingMetric',
            'outfile': str(tmp_path / 'scores.json'),
        },
        default_scope='mmpose',
        experiment_name='pose_lifting_metric',
    )
    assert runner.test()['MPJPE'] == pytest.approx(10, abs=1e-3)
    report = json.loads((tmp_path / 'scores.json').read_text())
    assert [row['frames'] for row in report['sequences']] == [4] * 5
    log = next(tmp_path.rglob('*.log')).read_text()
    assert 'Walking' in log and 'P-MPJPE [mm]' in log


def test_reduced_precision_predictions():
    window = shifted(3, 100)
    window.pred_instances.keypoints = window.pred_instances.keypoints.bfloat16()
    assert evaluate([window])['MPJPE'] == pytest.approx(100, rel=0.05)
